/* background.c - the daemon's process for -d.
 *
 *   caller  -- fork -->  middle  -- setsid, fork -->  daemon
 *   waits on a pipe      exits                        writes one byte when it serves
 *
 * The daemon is no leader of its session, so no terminal it opens becomes its own. Test:
 * tests/system/test_process.py.
 */
#include "proxy/background.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

static void wait_and_exit(int fd)
{
    uint8_t byte;
    ssize_t got;
    do {
        got = read(fd, &byte, 1);
    } while (got < 0 && errno == EINTR);
    _exit(got == 1 ? 0 : 1);
}

int proxy_background_begin(int *ret_fd)
{
    int pipe_fd[2];
    if (pipe2(pipe_fd, O_CLOEXEC) != 0) {
        return BASE_ESYSTEM;
    }
    pid_t pid = fork();
    if (pid > 0) {
        close(pipe_fd[1]);
        wait_and_exit(pipe_fd[0]);
    }
    close(pipe_fd[0]);
    if (pid < 0 || setsid() < 0) {
        close(pipe_fd[1]);
        return BASE_ESYSTEM;
    }
    pid = fork();
    if (pid > 0) {
        _exit(0);
    }
    if (pid < 0) {
        close(pipe_fd[1]);
        return BASE_ESYSTEM;
    }
    *ret_fd = pipe_fd[1];
    return BASE_OK;
}

void proxy_background_ready(int fd)
{
    static const uint8_t byte = 1;
    if (fd < 0) {
        return;
    }
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int stream = STDIN_FILENO; nowhere >= 0 && stream <= STDERR_FILENO; stream++) {
        (void)!dup2(nowhere, stream);
    }
    if (nowhere > STDERR_FILENO) {
        close(nowhere);
    }
    (void)!write(fd, &byte, 1); /* nobody waits any more: no matter */
    close(fd);
}
