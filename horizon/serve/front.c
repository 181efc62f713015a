/* front.c - see front.h. */
#include "serve/front.h"

#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "serve/app.h"
#include "serve/flight.h"
#include "serve/http.h"
#include "serve/request.h"

#define WAIT_MS_MOST 60000

/* How long the first at the gate wait for one more, and for all of them. */
#define GATHER      ((weir_time)15 * WEIR_US)
#define GATHER_MOST ((weir_time)100 * WEIR_US)

enum drain { DRAIN_NO, DRAIN_ASKED, DRAIN_ASKED_WITH_QUEUE, DRAIN_DONE };

struct front {
    struct app *app;
    struct MHD_Daemon *daemon;
    struct flight *flight;
    int daemon_fd, wake_fd;
    pthread_t thread;
    bool is_running;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t drained;
    struct request *done; /* to be resumed */
    enum drain drain;
    bool is_ending;
};

/* ---- news ------------------------------------------------------------------------------------
 */

static void wake(const struct front *front)
{
    uint64_t one = 1;
    ssize_t written = write(front->wake_fd, &one, sizeof(one));
    (void)written; /* an eventfd takes a 1 */
}

void front_resume(struct front *front, struct request *request)
{
    pthread_mutex_lock(&front->lock);
    bool is_first = !front->done;
    request->next = front->done;
    front->done = request;
    pthread_mutex_unlock(&front->lock);
    if (is_first) {
        wake(front);
    }
}

bool front_board(struct front *front, struct request *request)
{
    return flight_board(front->flight, request);
}

static void resume_all(struct request *request)
{
    while (request) {
        struct request *next = request->next; /* a resumed request may be gone at once */
        MHD_resume_connection(request->connection);
        request = next;
    }
}

/* Stops to accept; a queue that nobody else will look into is taken first. */
static void stop_accepting(const struct front *front, bool takes_queue)
{
    struct sockaddr_storage address;
    socklen_t bytes = sizeof(address);
    int client, fd = MHD_quiesce_daemon(front->daemon);
    while (takes_queue && fd >= 0 &&
           (client = accept4(fd, (struct sockaddr *)&address, &bytes,
                             SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
        MHD_add_connection(front->daemon, client, (struct sockaddr *)&address, bytes);
        bytes = sizeof(address);
    }
}

static void drain_here(struct front *front, enum drain drain)
{
    stop_accepting(front, drain == DRAIN_ASKED_WITH_QUEUE);
    pthread_mutex_lock(&front->lock);
    front->drain = DRAIN_DONE;
    pthread_cond_signal(&front->drained);
    pthread_mutex_unlock(&front->lock);
}

/* What other threads have left here; false: the end. */
static bool take_news(struct front *front)
{
    uint64_t count;
    ssize_t bytes = read(front->wake_fd, &count, sizeof(count));
    (void)bytes; /* only emptied */
    pthread_mutex_lock(&front->lock);
    struct request *done = front->done;
    front->done = NULL;
    enum drain drain = front->drain;
    bool is_ending = front->is_ending;
    pthread_mutex_unlock(&front->lock);
    resume_all(done);
    if (drain == DRAIN_ASKED || drain == DRAIN_ASKED_WITH_QUEUE) {
        drain_here(front, drain);
    }
    return !is_ending;
}

/* ---- the loop --------------------------------------------------------------------------------
 */

static int wait_ms(const struct front *front)
{
    unsigned long long most = WAIT_MS_MOST;
    weir_time due = flight_due(front->flight);
    if (MHD_get_timeout(front->daemon, &most) != MHD_YES || most > WAIT_MS_MOST) {
        most = WAIT_MS_MOST;
    }
    if (due != WEIR_NEVER) {
        weir_time now = weir_now();
        weir_time left = due > now ? (due - now) / WEIR_MS + 1 : 0;
        most = left < most ? left : most;
    }
    return (int)most;
}

/* A page's requests follow each other within microseconds. So that they go up together, the first
 * waits until nobody has come for a moment; it goes on reading meanwhile, for to sleep and to be
 * woken would take longer than the whole wait. */
static void gather(struct front *front)
{
    weir_time began = weir_now(), last = began, now = began;
    size_t count = flight_at_gate(front->flight);
    while (now - last < GATHER && now - began < GATHER_MOST) {
        MHD_run(front->daemon);
        now = weir_now();
        if (flight_at_gate(front->flight) > count) {
            count = flight_at_gate(front->flight);
            last = now;
        }
    }
}

static void *run(void *argument)
{
    struct front *front = argument;
    bool is_going_on = true;
    while (is_going_on) {
        struct pollfd fds[] = {{.fd = front->daemon_fd, .events = POLLIN},
                               {.fd = front->wake_fd, .events = POLLIN},
                               {.fd = flight_fd(front->flight), .events = POLLIN}};
        bool was_flying = fds[2].fd >= 0; /* then the gate had its time */
        int ready = poll(fds, sizeof(fds) / sizeof(fds[0]), wait_ms(front));
        if (ready > 0 && fds[1].revents) {
            is_going_on = take_news(front);
        }
        if ((ready > 0 && fds[2].revents) || weir_now() >= flight_due(front->flight)) {
            flight_turn(front->flight);
        }
        MHD_run(front->daemon);
        if (!was_flying && flight_at_gate(front->flight) > 0 &&
            !flight_is_grounded(front->flight)) {
            gather(front);
        }
        flight_depart(front->flight);
    }
    return NULL;
}

/* ---- the flight ------------------------------------------------------------------------------
 */

static void answered(struct request *request)
{
    request->phase = REQUEST_DONE;
    MHD_resume_connection(request->connection);
}

static void unanswered(struct request *request)
{
    request->waits_since = weir_now();
    http_stand_in_line(request);
}

/* ---- life ------------------------------------------------------------------------------------
 */

struct front *front_new(struct app *app)
{
    struct front *front = calloc(1, sizeof(*front));
    if (!front) {
        return NULL;
    }
    front->app = app;
    pthread_mutex_init(&front->lock, NULL);
    pthread_cond_init(&front->drained, NULL);
    front->flight = flight_new(app, answered, unanswered);
    front->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!front->flight || front->wake_fd < 0) {
        front_free(front);
        return NULL;
    }
    return front;
}

struct app *front_app(const struct front *front)
{
    return front->app;
}

bool front_start(struct front *front, struct MHD_Daemon *daemon)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);
    front->daemon = daemon;
    if (!info) {
        return false;
    }
    front->daemon_fd = info->epoll_fd;
    front->is_running = pthread_create(&front->thread, NULL, run, front) == 0;
    return front->is_running;
}

void front_drain(struct front *front, bool takes_queue)
{
    pthread_mutex_lock(&front->lock);
    front->drain = takes_queue ? DRAIN_ASKED_WITH_QUEUE : DRAIN_ASKED;
    wake(front);
    while (front->drain != DRAIN_DONE) {
        pthread_cond_wait(&front->drained, &front->lock);
    }
    pthread_mutex_unlock(&front->lock);
}

static void stop(struct front *front)
{
    pthread_mutex_lock(&front->lock);
    front->is_ending = true;
    pthread_mutex_unlock(&front->lock);
    wake(front);
    pthread_join(front->thread, NULL);
}

void front_free(struct front *front)
{
    if (!front) {
        return;
    }
    if (front->is_running) {
        stop(front);
    }
    if (front->daemon) {
        MHD_stop_daemon(front->daemon);
    }
    if (front->wake_fd >= 0) {
        close(front->wake_fd);
    }
    flight_free(front->flight);
    pthread_cond_destroy(&front->drained);
    pthread_mutex_destroy(&front->lock);
    free(front);
}
