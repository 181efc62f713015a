/* list.h - intrusive doubly linked list with a sentinel.
 *
 * A node lives inside the object it links; base_list_entry() goes back from node to object. A node
 * that is in no list points to itself, so base_list_remove() is harmless when called twice.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct base_list {
    struct base_list *next;
    struct base_list *prev;
};

static inline void base_list_init(struct base_list *list)
{
    list->next = list;
    list->prev = list;
}

static inline bool base_list_is_empty(const struct base_list *list)
{
    return list->next == list;
}

static inline void base_list_insert_after(struct base_list *place, struct base_list *node)
{
    node->prev = place;
    node->next = place->next;
    place->next->prev = node;
    place->next = node;
}

static inline void base_list_push_front(struct base_list *list, struct base_list *node)
{
    base_list_insert_after(list, node);
}

static inline void base_list_push_back(struct base_list *list, struct base_list *node)
{
    base_list_insert_after(list->prev, node);
}

static inline void base_list_remove(struct base_list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    base_list_init(node);
}

#define base_list_entry(node, type, member) \
    ((type *)(void *)((char *)(node)-offsetof(type, member)))

#define base_list_each(it, list) \
    for (struct base_list *it = (list)->next; it != (list); it = it->next)

/* As base_list_each, but the body may remove the node it stands on. */
#define base_list_each_safe(it, list)                                              \
    for (struct base_list *it = (list)->next, *it##_next = it->next; it != (list); \
         it = it##_next, it##_next = it->next)

#endif
