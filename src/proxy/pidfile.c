/* pidfile.c - the pid file: written once everything else may begin, removed at the end.
 *
 * A file is stale when the process it names does not exist, or is this one: in a container every
 * start has the same process id. Test: tests/system/test_process.py.
 */
#include "proxy/pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/log.h"

/* The process named in the file; 0 when there is no file, or nothing sensible in it. */
static pid_t read_pid(const char *path)
{
    char text[32] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    ssize_t got = read(fd, text, sizeof(text) - 1);
    close(fd);
    long pid = got > 0 ? strtol(text, NULL, 10) : 0;
    return pid > 0 && pid < INT32_MAX ? (pid_t)pid : 0;
}

static bool is_alive(pid_t pid)
{
    return pid > 0 && pid != getpid() && (kill(pid, 0) == 0 || errno == EPERM);
}

int proxy_pidfile_write(const char *path, bool is_taken_over)
{
    if (!*path) {
        return BASE_OK;
    }
    pid_t before = read_pid(path);
    if (is_alive(before) && !is_taken_over) {
        proxy_log(PROXY_FATAL,
                  "pidfile exists (%s), another instance running? It names process %d; stop that "
                  "one, or choose another pidfile",
                  path, (int)before);
        return BASE_EINUSE;
    }
    if (before && !is_taken_over) {
        proxy_log(PROXY_LOG, "stale pidfile, its process %d is gone: %s", (int)before, path);
    }
    FILE *file = fopen(path, "we");
    bool is_written = file && fprintf(file, "%d\n", (int)getpid()) > 0;
    if ((file && fclose(file) != 0) || !is_written) {
        proxy_log(PROXY_FATAL, "cannot write pidfile %s: %s; check the folder and its rights", path,
                  strerror(errno));
        return BASE_ESYSTEM;
    }
    return BASE_OK;
}

void proxy_pidfile_remove(const char *path)
{
    if (unlink(path) == 0 || errno == ENOENT) {
        return;
    }
    int error = errno; /* the folder may be root's, and we are no longer */
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (fd < 0) {
        proxy_log(PROXY_WARNING, "cannot remove pidfile %s: %s", path, strerror(error));
        return;
    }
    close(fd);
}
