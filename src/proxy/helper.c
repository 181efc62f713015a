/* helper.c - see helper.h.
 *
 *     submit -> waiting --(a thread)--> running --> finished --(eventfd, loop)--> done
 *
 * One mutex guards the lists and the counts; it is held for list operations only.
 */
#include "proxy/helper.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/invariant.h"

/* How long the end of the process waits for threads that are at work. */
#define FAREWELL_S 1

struct proxy_helpers {
    struct net_watch watch; /* of the eventfd; the loop's */
    struct net_loop *loop;
    pthread_mutex_t mutex;
    pthread_cond_t has_work, has_left;
    struct base_list waiting, finished;
    uint32_t job_count;                /* waiting, running, finished */
    uint32_t thread_count, idle_count; /* threads that have not left; those that wait */
    pthread_t threads[PROXY_HELPERS_MAX];
    uint32_t started_count;
    bool is_ending;
};

static void *work(void *arg)
{
    struct proxy_helpers *helpers = arg;
    pthread_mutex_lock(&helpers->mutex);
    while (!helpers->is_ending) {
        if (base_list_is_empty(&helpers->waiting)) {
            helpers->idle_count++;
            pthread_cond_wait(&helpers->has_work, &helpers->mutex);
            helpers->idle_count--;
            continue;
        }
        struct proxy_job *job = base_list_entry(helpers->waiting.next, struct proxy_job, link);
        base_list_remove(&job->link);
        pthread_mutex_unlock(&helpers->mutex);
        job->run(job);
        pthread_mutex_lock(&helpers->mutex);
        base_list_push_back(&helpers->finished, &job->link);
        uint64_t one = 1;
        (void)!write(helpers->watch.fd, &one, sizeof(one));
    }
    helpers->thread_count--;
    pthread_cond_signal(&helpers->has_left);
    pthread_mutex_unlock(&helpers->mutex);
    return NULL;
}

/* Gives every job of the list back to its owner. */
static void tell(struct proxy_helpers *helpers, struct base_list *list)
{
    for (;;) {
        struct proxy_job *job = NULL;
        pthread_mutex_lock(&helpers->mutex);
        if (!base_list_is_empty(list)) {
            job = base_list_entry(list->next, struct proxy_job, link);
            base_list_remove(&job->link);
            helpers->job_count--;
        }
        pthread_mutex_unlock(&helpers->mutex);
        if (!job) {
            return;
        }
        job->done(job);
    }
}

static void on_finished(struct net_watch *watch, bool is_readable, bool is_writable)
{
    struct proxy_helpers *helpers = base_list_entry(watch, struct proxy_helpers, watch);
    uint64_t count;
    (void)is_readable;
    (void)is_writable;
    (void)!read(watch->fd, &count, sizeof(count));
    tell(helpers, &helpers->finished);
}

int proxy_helpers_new(struct net_loop *loop, struct proxy_helpers **ret_helpers)
{
    struct proxy_helpers *helpers = calloc(1, sizeof(*helpers));
    if (!helpers) {
        return BASE_ENOMEM;
    }
    helpers->loop = loop;
    helpers->watch.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    helpers->watch.fire = on_finished;
    base_list_init(&helpers->waiting);
    base_list_init(&helpers->finished);
    if (helpers->watch.fd < 0 || net_watch_set(loop, &helpers->watch, true, false) < 0) {
        if (helpers->watch.fd >= 0) {
            close(helpers->watch.fd);
        }
        free(helpers);
        return BASE_ESYSTEM;
    }
    pthread_mutex_init(&helpers->mutex, NULL);
    pthread_cond_init(&helpers->has_work, NULL);
    pthread_cond_init(&helpers->has_left, NULL);
    *ret_helpers = helpers;
    return BASE_OK;
}

/* One more thread, with every signal blocked: those are the loop's. */
static bool start_thread(struct proxy_helpers *helpers)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    pthread_t *thread = &helpers->threads[helpers->started_count];
    bool is_started = pthread_create(thread, NULL, work, helpers) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (is_started) {
        helpers->started_count++;
        helpers->thread_count++;
    }
    return is_started;
}

int proxy_helpers_submit(struct proxy_helpers *helpers, struct proxy_job *job)
{
    int status = BASE_OK;
    pthread_mutex_lock(&helpers->mutex);
    if (helpers->idle_count == 0 && helpers->thread_count < PROXY_HELPERS_MAX) {
        (void)start_thread(helpers);
    }
    if (helpers->thread_count == 0 || helpers->job_count >= PROXY_JOBS_MAX) {
        status = BASE_ECAPACITY;
    } else {
        helpers->job_count++;
        base_list_push_back(&helpers->waiting, &job->link);
        pthread_cond_signal(&helpers->has_work);
    }
    pthread_mutex_unlock(&helpers->mutex);
    return status;
}

/* Waits a moment for the threads to leave; false when one hangs. */
static bool await_threads(struct proxy_helpers *helpers)
{
    struct timespec until;
    int r = 0;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += FAREWELL_S;
    pthread_mutex_lock(&helpers->mutex);
    helpers->is_ending = true;
    pthread_cond_broadcast(&helpers->has_work);
    while (r == 0 && helpers->thread_count > 0) {
        r = pthread_cond_timedwait(&helpers->has_left, &helpers->mutex, &until);
    }
    bool have_left = helpers->thread_count == 0;
    pthread_mutex_unlock(&helpers->mutex);
    return have_left;
}

void proxy_helpers_free(struct proxy_helpers *helpers)
{
    if (!helpers) {
        return;
    }
    net_watch_drop(helpers->loop, &helpers->watch);
    bool have_left = await_threads(helpers);
    tell(helpers, &helpers->waiting);
    tell(helpers, &helpers->finished);
    if (!have_left) {
        return; /* what hangs still uses it: the process ends */
    }
    for (uint32_t i = 0; i < helpers->started_count; i++) {
        pthread_join(helpers->threads[i], NULL); /* they are past their last wait */
    }
    close(helpers->watch.fd);
    pthread_cond_destroy(&helpers->has_left);
    pthread_cond_destroy(&helpers->has_work);
    pthread_mutex_destroy(&helpers->mutex);
    free(helpers);
}
