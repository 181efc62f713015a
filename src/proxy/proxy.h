/* proxy.h - the daemon as one call. */
#ifndef PROXY_PROXY_H
#define PROXY_PROXY_H

#include "config/config.h"

struct proxy_start {
    struct config *config; /* owned by the proxy from the call on */
    bool is_quiet;         /* no log on standard error */
    int verbose;           /* 0, 1 (-v), 2 (-v -v) */
    bool is_background;    /* -d: go into the background once it serves */
    bool is_reboot;        /* -R: takes over the listening sockets of the process that runs */
    const char *user;      /* -u: before the option `user`; NULL: not given */
};

/* Opens the sockets and serves until it is told to stop. Returns the process's exit code: 0 after
 * an orderly end, 1 when it could not start (the reason has been logged in one line). In the
 * background it returns in the daemon's process only; the caller's has exited with the same codes.
 */
int proxy_run(const struct proxy_start *start);

#endif
