/* signal.c - signals as events of the loop (signalfd).
 *
 * A signal that has a function is blocked for the process and read from one descriptor. Without a
 * function it is ignored. net_loop_free puts the process's mask back. Test: unit/net/test_loop.c.
 */
#include "net/net_internal.h"

#include <sys/signalfd.h>
#include <unistd.h>

/* Makes the descriptor and the process's mask follow loop->signal_mask. */
static int apply_mask(struct net_loop *loop)
{
    bool is_new = loop->signal_fd < 0;
    int fd = signalfd(loop->signal_fd, &loop->signal_mask, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0) {
        return BASE_ESYSTEM;
    }
    loop->signal_fd = fd;
    if (is_new) {
        if (sigprocmask(SIG_SETMASK, NULL, &loop->signal_mask_before) != 0 ||
            net_loop_control(loop, EPOLL_CTL_ADD, fd, EPOLLIN, loop, NET_KIND_SIGNALS) != 0) {
            return BASE_ESYSTEM;
        }
    }
    return sigprocmask(SIG_BLOCK, &loop->signal_mask, NULL) == 0 ? BASE_OK : BASE_ESYSTEM;
}

int net_loop_signal(struct net_loop *loop, int signo, void (*fn)(void *arg, int signo), void *arg)
{
    if (signo < 1 || signo >= NSIG) {
        return BASE_EINVALID;
    }
    loop->signals[signo] = (struct net_signal){.fn = fn, .arg = arg};
    if (fn) {
        sigaddset(&loop->signal_mask, signo);
        return apply_mask(loop);
    }
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    if (sigaction(signo, &ignore, NULL) != 0) {
        return BASE_EINVALID;
    }
    if (sigismember(&loop->signal_mask, signo) == 1) {
        sigdelset(&loop->signal_mask, signo);
        return apply_mask(loop);
    }
    return BASE_OK;
}

void net_signal_event(struct net_loop *loop)
{
    struct signalfd_siginfo info;
    while (read(loop->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo < NSIG) {
            struct net_signal *handler = &loop->signals[info.ssi_signo];
            if (handler->fn) {
                handler->fn(handler->arg, (int)info.ssi_signo);
            }
        }
    }
}

void net_signal_done(struct net_loop *loop)
{
    if (loop->signal_fd >= 0) {
        close(loop->signal_fd);
        (void)sigprocmask(SIG_SETMASK, &loop->signal_mask_before, NULL);
    }
}
