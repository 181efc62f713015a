/* pidfile.h - the file that says which process serves. */
#ifndef PROXY_PIDFILE_H
#define PROXY_PIDFILE_H

#include <stdbool.h>

#include "base/status.h"

/* Writes our process id into `path`; "" does nothing. A file left behind by a process that is gone
 * is written over, and so is the predecessor's when we have taken over from it. Errors: BASE_EINUSE
 * (the process it names is alive), BASE_ESYSTEM; the reason has been logged in one line. */
int proxy_pidfile_write(const char *path, bool is_taken_over) BASE_MUST_CHECK;
/* Removes it; a file that cannot be removed is emptied, so that nobody is taken for us. */
void proxy_pidfile_remove(const char *path);

#endif
