/* background.h - into the background (-d), and not before the start has worked. */
#ifndef PROXY_BACKGROUND_H
#define PROXY_BACKGROUND_H

#include "base/status.h"

/* The calling process waits for the end of the start and does not come back: it exits with 0 when
 * proxy_background_ready was called, with 1 when the process behind it ended before that. The one
 * that comes back is the daemon: a session of its own, its standard error still the caller's, so
 * that a start that fails says why. ret_fd is for proxy_background_ready. Errors: BASE_ESYSTEM. */
int proxy_background_begin(int *ret_fd) BASE_MUST_CHECK;

/* Releases the waiting process and lets go of the terminal: from now on the standard streams lead
 * nowhere. An fd below 0 does nothing. */
void proxy_background_ready(int fd);

#endif
