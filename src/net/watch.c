/* watch.c - readiness of descriptors that belong to a library with I/O of its own.
 *
 * The watch carries no state: the kernel knows what is registered. Asking for nothing removes the
 * registration, so that a hang-up cannot wake the loop for nobody. Test: unit/net/test_loop.c.
 */
#include "net/net_internal.h"

#include <errno.h>

int net_watch_set(struct net_loop *loop, struct net_watch *watch, bool want_read, bool want_write)
{
    uint32_t events = (want_read ? EPOLLIN : 0u) | (want_write ? EPOLLOUT : 0u);
    if (events == 0) {
        net_watch_drop(loop, watch);
        return BASE_OK;
    }
    if (net_loop_control(loop, EPOLL_CTL_MOD, watch->fd, events, watch, NET_KIND_WATCH) == 0) {
        return BASE_OK;
    }
    return errno == ENOENT
               ? net_loop_control(loop, EPOLL_CTL_ADD, watch->fd, events, watch, NET_KIND_WATCH)
               : BASE_ESYSTEM;
}

void net_watch_drop(struct net_loop *loop, struct net_watch *watch)
{
    /* A descriptor that is not registered is what the caller wants. */
    (void)net_loop_control(loop, EPOLL_CTL_DEL, watch->fd, 0, watch, NET_KIND_WATCH);
    net_loop_forget(loop, watch);
}

void net_watch_event(struct net_watch *watch, uint32_t events)
{
    bool is_broken = events & (EPOLLERR | EPOLLHUP);
    watch->fire(watch, is_broken || (events & EPOLLIN), is_broken || (events & EPOLLOUT));
}
