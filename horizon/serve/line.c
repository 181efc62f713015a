/* line.c - see line.h. */
#include "serve/line.h"

#include <pthread.h>
#include <stdlib.h>

#include "serve/request.h"

#define STACK_BYTES (512 * 1024)

struct line {
    pthread_mutex_t lock;
    pthread_cond_t news;
    void (*run)(struct request *request);
    struct request *first, **end;
    size_t waiting, most;
    unsigned idle, busy, count, limit;
    bool is_closing;
    pthread_t threads[];
};

struct line *line_open(unsigned threads, size_t most, void (*run)(struct request *request))
{
    struct line *line = calloc(1, sizeof(*line) + threads * sizeof(line->threads[0]));
    if (!line) {
        return NULL;
    }
    pthread_mutex_init(&line->lock, NULL);
    pthread_cond_init(&line->news, NULL);
    line->run = run;
    line->end = &line->first;
    line->most = most;
    line->limit = threads;
    return line;
}

static void *work(void *argument)
{
    struct line *line = argument;
    pthread_mutex_lock(&line->lock);
    while (true) {
        while (!line->first && !line->is_closing) {
            line->idle++;
            pthread_cond_wait(&line->news, &line->lock);
            line->idle--;
        }
        struct request *request = line->first;
        if (!request) {
            break;
        }
        line->first = request->next;
        line->end = line->first ? line->end : &line->first;
        line->waiting--;
        line->busy++;
        pthread_mutex_unlock(&line->lock);
        line->run(request);
        pthread_mutex_lock(&line->lock);
        line->busy--;
    }
    pthread_mutex_unlock(&line->lock);
    return NULL;
}

/* One more thread, when there may be one. Under the lock. */
static void start(struct line *line)
{
    pthread_attr_t attributes;
    if (line->count >= line->limit || pthread_attr_init(&attributes) != 0) {
        return;
    }
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    if (pthread_create(&line->threads[line->count], &attributes, work, line) == 0) {
        line->count++;
    }
    pthread_attr_destroy(&attributes);
}

bool line_add(struct line *line, struct request *request)
{
    pthread_mutex_lock(&line->lock);
    if (line->waiting >= line->idle) {
        start(line);
    }
    bool is_added = line->count > 0 && line->waiting + line->busy < line->most + line->limit;
    if (is_added) {
        request->next = NULL;
        *line->end = request;
        line->end = &request->next;
        line->waiting++;
        pthread_cond_signal(&line->news);
    }
    pthread_mutex_unlock(&line->lock);
    return is_added;
}

void line_close(struct line *line)
{
    if (!line) {
        return;
    }
    pthread_mutex_lock(&line->lock);
    line->is_closing = true;
    pthread_cond_broadcast(&line->news);
    pthread_mutex_unlock(&line->lock);
    for (unsigned i = 0; i < line->count; i++) {
        pthread_join(line->threads[i], NULL);
    }
    pthread_cond_destroy(&line->news);
    pthread_mutex_destroy(&line->lock);
    free(line);
}

void line_count(struct line *line, unsigned *ret_threads, size_t *ret_waiting)
{
    pthread_mutex_lock(&line->lock);
    *ret_threads = line->count;
    *ret_waiting = line->waiting;
    pthread_mutex_unlock(&line->lock);
}
