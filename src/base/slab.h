/* slab.h - slots by index with a generation, in memory handed in at start.
 *
 * An object begins with a struct base_slot. Slots are taken from a free list (the one freed last
 * first, so few stay hot) or from above the high-water mark: memory never used is never touched.
 * A slot's generation grows each time it is taken, so an old (index, generation) does not match.
 * The memory must be zero at start. Test: tests/unit/base/test_slab.c.
 */
#ifndef BASE_SLAB_H
#define BASE_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/invariant.h"

struct base_slot {
    uint32_t gen;
    uint32_t idx;
    uint32_t next_free; /* 1 + index; 0 = none */
    bool is_used;
};

struct base_slab {
    char *slots;
    size_t slot_bytes;
    uint32_t capacity;
    uint32_t high; /* slots below it were used at least once */
    uint32_t used;
    uint32_t first_free; /* 1 + index; 0 = none */
};

static inline void base_slab_init(struct base_slab *slab, void *slots, size_t slot_bytes,
                                  uint32_t capacity)
{
    *slab = (struct base_slab){.slots = slots, .slot_bytes = slot_bytes, .capacity = capacity};
}

/* The slot at idx < high, used or not. */
static inline void *base_slab_at(const struct base_slab *slab, uint32_t idx)
{
    return slab->slots + slab->slot_bytes * idx;
}

/* The used object of this name; NULL when it is stale or never was. */
static inline void *base_slab_find(const struct base_slab *slab, uint32_t idx, uint32_t gen)
{
    if (idx >= slab->high)
        return NULL;
    struct base_slot *slot = base_slab_at(slab, idx);
    return slot->is_used && slot->gen == gen ? slot : NULL;
}

/* A free slot with a new generation, its other bytes as they were left; NULL when all are used. */
static inline void *base_slab_take(struct base_slab *slab)
{
    struct base_slot *slot;
    if (slab->first_free != 0) {
        slot = base_slab_at(slab, slab->first_free - 1);
        slab->first_free = slot->next_free;
    } else if (slab->high < slab->capacity) {
        slot = base_slab_at(slab, slab->high);
        slot->idx = slab->high++;
    } else {
        return NULL;
    }
    INVARIANT(!slot->is_used);
    slot->gen = slot->gen == UINT32_MAX ? 1 : slot->gen + 1;
    slot->is_used = true;
    slab->used++;
    return slot;
}

static inline void base_slab_release(struct base_slab *slab, void *object)
{
    struct base_slot *slot = object;
    INVARIANT(slot->is_used);
    slot->is_used = false;
    slot->next_free = slab->first_free;
    slab->first_free = slot->idx + 1;
    slab->used--;
}

#endif
