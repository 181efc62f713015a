/* guard.c - see guard.h. */
#include "serve/guard.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

void guards_init(struct guards *guards)
{
    pthread_mutex_init(&guards->lock, NULL);
    guards->first = NULL;
}

void guards_done(struct guards *guards)
{
    pthread_mutex_destroy(&guards->lock);
}

void guard_begin(struct guards *guards, struct guard *guard, const PGconn *conn, weir_time ends_at)
{
    *guard = (struct guard){.fd = fcntl(PQsocket(conn), F_DUPFD_CLOEXEC, 0), .ends_at = ends_at};
    pthread_mutex_lock(&guards->lock);
    guard->next = guards->first;
    guard->at = &guards->first;
    if (guard->next) {
        guard->next->at = &guard->next;
    }
    guards->first = guard;
    pthread_mutex_unlock(&guards->lock);
}

void guard_end(struct guards *guards, struct guard *guard)
{
    pthread_mutex_lock(&guards->lock);
    *guard->at = guard->next;
    if (guard->next) {
        guard->next->at = guard->at;
    }
    pthread_mutex_unlock(&guards->lock);
    if (guard->fd >= 0) {
        close(guard->fd);
    }
}

void guards_sweep(struct guards *guards)
{
    pthread_mutex_lock(&guards->lock);
    weir_time now = weir_now();
    for (const struct guard *guard = guards->first; guard; guard = guard->next) {
        if (guard->fd >= 0 && now > guard->ends_at) {
            shutdown(guard->fd, SHUT_RDWR);
        }
    }
    pthread_mutex_unlock(&guards->lock);
}
