/* line.c - see line.h.
 *
 * A user is known while it has requests here, and its state follows from two numbers:
 *
 *     nothing waits                      in no list
 *     something waits, running < share   in `turns`, where it keeps its place
 *     something waits, running = share   in `blocked`
 *
 * place() makes that so, after each change of either. A thread that has nothing to do sleeps until
 * the first request of a blocked user is late. All of it is under the lock.
 */
#include "serve/line.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "domain/fnv.h"
#include "serve/request.h"

#define STACK_BYTES (512 * 1024)
#define BUCKETS     256

struct list;

struct member {
    char user[TOKEN_USER_BYTES];
    struct member *same; /* bucket */
    struct list *list;   /* NULL, turns or blocked */
    struct member *before, *after;
    struct request *first, **end;
    size_t waiting;
    unsigned running;
};

struct list {
    struct member *first, *last;
    size_t waiting; /* requests of its members */
};

struct line {
    pthread_mutex_t lock;
    pthread_cond_t news;
    void (*run)(struct request *request);
    void (*late)(struct request *request);
    void (*displaced)(struct request *request);
    size_t waiting, most, places;
    unsigned idle, busy, count, limit, running;
    weir_time patience;
    bool is_closing;
    struct list turns, blocked;
    struct member *buckets[BUCKETS];
    pthread_t threads[];
};

/* ---- members ---------------------------------------------------------------------------------
 */

static struct member **bucket_of(struct line *line, const char *user)
{
    return &line->buckets[fnv_text(FNV_BEGIN, user) % BUCKETS];
}

/* The user's, made where there is none. NULL: no memory. */
static struct member *find(struct line *line, const char *user)
{
    struct member **bucket = bucket_of(line, user), *member = *bucket;
    while (member && strcmp(member->user, user) != 0) {
        member = member->same;
    }
    if (!member && (member = calloc(1, sizeof(*member)))) {
        memcpy(member->user, user, strlen(user) + 1);
        member->end = &member->first;
        member->same = *bucket;
        *bucket = member;
    }
    return member;
}

static void forget(struct line *line, struct member *member)
{
    struct member **at = bucket_of(line, member->user);
    while (*at != member) {
        at = &(*at)->same;
    }
    *at = member->same;
    free(member);
}

static void leave_list(struct member *member)
{
    struct list *list = member->list;
    if (!list) {
        return;
    }
    *(member->before ? &member->before->after : &list->first) = member->after;
    *(member->after ? &member->after->before : &list->last) = member->before;
    list->waiting -= member->waiting;
    member->list = NULL;
}

/* At the end. */
static void enter_list(struct list *list, struct member *member)
{
    member->list = list;
    member->before = list->last;
    member->after = NULL;
    *(list->last ? &list->last->after : &list->first) = member;
    list->last = member;
    list->waiting += member->waiting;
}

static unsigned running_most(const struct line *line, const struct member *member)
{
    return member->user[0] ? line->running : UINT_MAX;
}

/* Puts a member where it belongs; one without requests is forgotten. */
static void place(struct line *line, struct member *member)
{
    bool has_turn = member->running < running_most(line, member);
    struct list *list = member->waiting == 0 ? NULL : has_turn ? &line->turns : &line->blocked;
    if (list != member->list) {
        leave_list(member);
    }
    if (list && list != member->list) {
        enter_list(list, member);
    }
    if (!list && member->running == 0) {
        forget(line, member);
    }
}

static void push(struct member *member, struct request *request)
{
    request->next = NULL;
    *member->end = request;
    member->end = &request->next;
    member->waiting++;
    if (member->list) {
        member->list->waiting++;
    }
}

/* The first request of a member that is in no list. */
static struct request *pop(struct member *member)
{
    struct request *request = member->first;
    member->first = request->next;
    member->end = member->first ? member->end : &member->first;
    member->waiting--;
    return request;
}

/* The last one of a member that has more. */
static struct request *pop_newest(struct member *member)
{
    struct request *before = member->first;
    while (before->next->next) {
        before = before->next;
    }
    struct request *request = before->next;
    before->next = NULL;
    member->end = &before->next;
    member->waiting--;
    member->list->waiting--;
    return request;
}

/* ---- threads ---------------------------------------------------------------------------------
 */

static void run_turn(struct line *line)
{
    struct member *member = line->turns.first;
    leave_list(member);
    struct request *request = pop(member);
    line->waiting--;
    member->running++;
    line->busy++;
    place(line, member);
    if (line->blocked.first) {
        pthread_cond_signal(&line->news); /* somebody else has to look when it is late */
    }
    pthread_mutex_unlock(&line->lock);
    line->run(request);
    pthread_mutex_lock(&line->lock);
    line->busy--;
    member->running--;
    place(line, member);
}

/* When the first request of a blocked member is late; WEIR_NEVER. */
static weir_time find_late(const struct line *line, struct member **ret_member)
{
    weir_time due = WEIR_NEVER;
    for (struct member *member = line->blocked.first; member; member = member->after) {
        if (member->first->waits_since + line->patience < due) {
            due = member->first->waits_since + line->patience;
            *ret_member = member;
        }
    }
    return due;
}

static void run_late(struct line *line, struct member *member)
{
    leave_list(member);
    struct request *request = pop(member);
    line->waiting--;
    place(line, member);
    pthread_mutex_unlock(&line->lock);
    line->late(request);
    pthread_mutex_lock(&line->lock);
}

/* Until there is news, or something is late. */
static void wait_for_news(struct line *line)
{
    struct member *member = NULL;
    weir_time due = find_late(line, &member);
    if (member && due <= weir_now()) {
        run_late(line, member);
        return;
    }
    line->idle++;
    if (due == WEIR_NEVER) {
        pthread_cond_wait(&line->news, &line->lock);
    } else {
        struct timespec until = {.tv_sec = (time_t)(due / WEIR_SECOND),
                                 .tv_nsec = (long)(due % WEIR_SECOND)};
        pthread_cond_timedwait(&line->news, &line->lock, &until);
    }
    line->idle--;
}

static void *work(void *argument)
{
    struct line *line = argument;
    pthread_mutex_lock(&line->lock);
    while (true) {
        if (line->turns.first) {
            run_turn(line);
        } else if (line->is_closing) {
            break; /* who runs a blocked user's request takes that user's next one */
        } else {
            wait_for_news(line);
        }
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

/* ---- life ------------------------------------------------------------------------------------
 */

/* Waits end by the clock of weir_now. */
static void init_news(pthread_cond_t *news)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(news, &attributes);
    pthread_condattr_destroy(&attributes);
}

struct line *line_open(unsigned threads, size_t most, void (*run)(struct request *request))
{
    struct line *line = calloc(1, sizeof(*line) + threads * sizeof(line->threads[0]));
    if (!line) {
        return NULL;
    }
    pthread_mutex_init(&line->lock, NULL);
    init_news(&line->news);
    line->run = run;
    line->most = most;
    line->limit = threads;
    line->places = SIZE_MAX;
    line->running = UINT_MAX;
    return line;
}

void line_share(struct line *line, size_t places, unsigned running, weir_time patience,
                void (*late)(struct request *request), void (*displaced)(struct request *request))
{
    line->places = places;
    line->running = running;
    line->patience = patience;
    line->late = late;
    line->displaced = displaced;
}

/* Who was blocked may be so no longer. */
static void place_again(struct line *line)
{
    struct member *member = line->blocked.first;
    line->blocked = (struct list){0};
    while (member) {
        struct member *after = member->after;
        member->list = NULL;
        place(line, member);
        member = after;
    }
    pthread_cond_broadcast(&line->news);
}

void line_share_running(struct line *line, unsigned running)
{
    pthread_mutex_lock(&line->lock);
    if (line->running != running) {
        line->running = running;
        place_again(line);
    }
    pthread_mutex_unlock(&line->lock);
}

static struct member *find_greatest(struct line *line)
{
    struct member *const firsts[] = {line->turns.first, line->blocked.first};
    struct member *greatest = NULL;
    for (size_t i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++) {
        for (struct member *member = firsts[i]; member; member = member->after) {
            greatest = greatest && greatest->waiting >= member->waiting ? greatest : member;
        }
    }
    return greatest;
}

/* What has to leave a full line for a request of `member`. NULL: nobody has so many more that this
 * would be fair. */
static struct request *displace(struct line *line, const struct member *member)
{
    struct member *greatest = line->displaced ? find_greatest(line) : NULL;
    if (!greatest || greatest->waiting < member->waiting + 2) {
        return NULL;
    }
    line->waiting--;
    return pop_newest(greatest);
}

static enum line_answer add(struct line *line, struct member *member, struct request *request,
                            struct request **ret_displaced)
{
    bool is_full = line->waiting + line->busy >= line->most + line->limit;
    bool has_all = member->user[0] && member->waiting + member->running >= line->places;
    if (line->count == 0 || (is_full && (has_all || !(*ret_displaced = displace(line, member))))) {
        return LINE_FULL;
    }
    if (has_all) {
        return LINE_USER_FULL;
    }
    push(member, request);
    line->waiting++;
    return LINE_ADDED;
}

enum line_answer line_add(struct line *line, struct request *request)
{
    pthread_mutex_lock(&line->lock);
    if (line->turns.waiting + (line->blocked.first ? 1 : 0) >= line->idle) {
        start(line); /* one is to watch who is blocked */
    }
    struct member *member = find(line, request->claims.user_id);
    struct request *displaced = NULL;
    enum line_answer answer = member ? add(line, member, request, &displaced) : LINE_FULL;
    if (member) {
        place(line, member);
    }
    pthread_cond_signal(&line->news);
    pthread_mutex_unlock(&line->lock);
    if (displaced) {
        line->displaced(displaced);
    }
    return answer;
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
