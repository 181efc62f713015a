/* lib_strait.c - see lib_strait.h.
 *
 *   accept -> DELAYED -- time --> LOGIN -- ReadyForQuery --> LINKED
 *         '-> HUNG           '--> an answer of the strait's own, closed
 *
 * Ends come before beginnings: of what one poll() reports, clients that have gone are handled
 * before new ones are let in, as they happened in this order (the pool is in the same thread).
 */
#include "lib_strait.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PAIRS   512
#define BACKLOG 512
#define CHUNK   16384

enum state { FREE, DELAYED, HUNG, LOGIN, LINKED };

struct pair {
    enum state state;
    int client, server; /* -1: none */
    int backend;        /* the server's process; LINKED */
    base_time due;      /* DELAYED */
};

struct strait {
    char folder[64];
    struct sockaddr_un own, target;
    int listener; /* -1: nobody listens */
    struct rig_upstream upstream;
    int thawed; /* a backend */
    struct pair pairs[PAIRS];
    uint32_t used; /* pairs from here on are free */
    uint32_t present;
    struct strait_counts counts;
};

/* ---- pairs ----------------------------------------------------------------------------------- */

static void end(struct strait *strait, struct pair *pair)
{
    if (pair->state == LINKED) {
        strait->counts.linked--;
        strait->counts.ended++;
    }
    if (pair->client >= 0)
        close(pair->client);
    if (pair->server >= 0)
        close(pair->server);
    strait->present--;
    *pair = (struct pair){.state = FREE, .client = -1, .server = -1};
}

static bool is_kept_back(const struct strait *strait, const struct pair *pair)
{
    return pair->state == LINKED && strait->upstream.mode == RIG_HANGING &&
           pair->backend != strait->thawed;
}

/* ErrorResponse (protocol, "Message Formats"), after the startup packet was read. */
static void refuse(struct strait *strait, struct pair *pair, const char *sqlstate, const char *text)
{
    unsigned char message[512] = {'E'};
    char packet[CHUNK];
    ssize_t count = read(pair->client, packet, sizeof(packet));
    int length = snprintf((char *)message + 5, sizeof(message) - 5, "SFATAL%cVFATAL%cC%s%cM%s%c", 0,
                          0, sqlstate, 0, text, 0);
    length += 4 + 1; /* the length itself, and the end of the list of fields */
    message[3] = (unsigned char)(length >> 8);
    message[4] = (unsigned char)length;
    if (count > 0) /* who has gone needs no answer */
        (void)send(pair->client, message, (size_t)length + 1, MSG_NOSIGNAL);
    end(strait, pair);
}

static void dial(struct strait *strait, struct pair *pair)
{
    pair->server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(pair->server, (struct sockaddr *)&strait->target, sizeof(strait->target)) != 0)
        end(strait, pair);
    else
        pair->state = LOGIN;
}

static void answer(struct strait *strait, struct pair *pair)
{
    switch (strait->upstream.mode) {
    case RIG_DOWN:
        end(strait, pair);
        break;
    case RIG_STARTING:
        refuse(strait, pair, "57P03", "the database system is starting up");
        break;
    case RIG_DENYING:
        refuse(strait, pair, "28P01", "password authentication failed for user \"conform\"");
        break;
    case RIG_UP:
    case RIG_HANGING: /* which began after this connect */
        dial(strait, pair);
        break;
    }
}

static void welcome(struct strait *strait, base_time now)
{
    int client = accept4(strait->listener, NULL, NULL, SOCK_CLOEXEC);
    uint32_t place = 0;
    while (place < PAIRS && strait->pairs[place].state != FREE)
        place++;
    if (client < 0 || place == PAIRS)
        fail_msg("the strait cannot let a connection in: %s", strerror(errno));
    strait->pairs[place] =
        (struct pair){.state = strait->upstream.mode == RIG_HANGING ? HUNG : DELAYED,
                      .client = client,
                      .server = -1,
                      .due = now + strait->upstream.connect_span};
    strait->counts.accepted++;
    strait->used = place >= strait->used ? place + 1 : strait->used;
    strait->present++;
    if (strait->present > strait->counts.peak)
        strait->counts.peak = strait->present;
}

/* ---- bytes ----------------------------------------------------------------------------------- */

/* The pool sends one Query at a time, so it begins what is read here. */
static void note_query(struct strait *strait, const char *bytes, ssize_t count)
{
    if (count < 6 || bytes[0] != 'Q')
        return;
    strait->counts.checks += bytes[5] == '\0';
    strait->counts.resets += count >= 13 && memcmp(bytes + 5, "ROLLBACK", 8) == 0;
}

/* A login ends with BackendKeyData and ReadyForQuery, idle. */
static void note_login(struct strait *strait, struct pair *pair, const char *bytes, ssize_t count)
{
    static const char ready[] = {'Z', 0, 0, 0, 5, 'I'}, key[] = {'K', 0, 0, 0, 12};
    if (pair->state != LOGIN || count < (ssize_t)sizeof(ready) ||
        memcmp(bytes + count - sizeof(ready), ready, sizeof(ready)) != 0)
        return;
    const unsigned char *at = memmem(bytes, (size_t)count, key, sizeof(key));
    assert_non_null(at);
    at += sizeof(key);
    pair->backend = at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];
    pair->state = LINKED;
    strait->counts.linked++;
}

/* False when either side has gone. */
static bool carry(struct strait *strait, struct pair *pair, bool is_from_client)
{
    char bytes[CHUNK];
    int from = is_from_client ? pair->client : pair->server;
    int to = is_from_client ? pair->server : pair->client;
    ssize_t count = recv(from, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN)
        return true;
    if (count <= 0)
        return false;
    if (is_from_client)
        note_query(strait, bytes, count);
    else
        note_login(strait, pair, bytes, count);
    return send(to, bytes, (size_t)count, MSG_NOSIGNAL) == count;
}

static void move_pair(struct strait *strait, struct pair *pair, short client, short server)
{
    bool has_bytes = pair->state == LOGIN || pair->state == LINKED;
    bool is_good = true;
    if (client != 0)
        is_good = has_bytes && carry(strait, pair, true);
    if (is_good && server != 0)
        is_good = !is_kept_back(strait, pair) && carry(strait, pair, false);
    if (!is_good)
        end(strait, pair);
}

/* ---- the pump -------------------------------------------------------------------------------- */

static void ask(const struct strait *strait, struct pollfd *fds)
{
    for (uint32_t i = 0; i < strait->used; i++) {
        const struct pair *pair = &strait->pairs[i];
        bool has_bytes = pair->state == LOGIN || pair->state == LINKED;
        fds[2 * i] = (struct pollfd){pair->client, (short)(has_bytes ? POLLIN : POLLRDHUP), 0};
        fds[2 * i + 1] = (struct pollfd){
            pair->server, (short)(is_kept_back(strait, pair) ? POLLRDHUP : POLLIN), 0};
    }
}

static bool answer_due(struct strait *strait, base_time now)
{
    bool is_moved = false;
    for (uint32_t i = 0; i < strait->used; i++) {
        struct pair *pair = &strait->pairs[i];
        if (pair->state != DELAYED || pair->due > now)
            continue;
        answer(strait, pair);
        is_moved = true;
    }
    return is_moved;
}

bool strait_pump(struct strait *strait, base_time now, int other_fd, int wait_ms)
{
    static struct pollfd fds[2 * PAIRS + 2];
    uint32_t used = strait->used;
    ask(strait, fds);
    fds[2 * used] = (struct pollfd){strait->listener, POLLIN, 0};
    fds[2 * used + 1] = (struct pollfd){other_fd, POLLIN, 0};
    bool is_moved = poll(fds, 2 * used + 2, wait_ms) > 0;
    for (uint32_t i = 0; i < used; i++)
        if (strait->pairs[i].state != FREE)
            move_pair(strait, &strait->pairs[i], fds[2 * i].revents, fds[2 * i + 1].revents);
    if (fds[2 * used].revents != 0)
        welcome(strait, now);
    return answer_due(strait, now) || is_moved;
}

base_time strait_next(const struct strait *strait)
{
    base_time next = BASE_NEVER;
    for (uint32_t i = 0; i < strait->used; i++)
        if (strait->pairs[i].state == DELAYED && strait->pairs[i].due < next)
            next = strait->pairs[i].due;
    return next;
}

bool strait_is_logging_in(const struct strait *strait)
{
    for (uint32_t i = 0; i < strait->used; i++)
        if (strait->pairs[i].state == LOGIN)
            return true;
    return false;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void listen_again(struct strait *strait)
{
    strait->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(strait->listener, (struct sockaddr *)&strait->own, sizeof(strait->own)) != 0 ||
        listen(strait->listener, BACKLOG) != 0)
        fail_msg("the strait cannot listen: %s", strerror(errno));
}

/* As a server that is stopped does, it takes its socket's name away. */
static void stop_listening(struct strait *strait)
{
    close(strait->listener);
    unlink(strait->own.sun_path);
    strait->listener = -1;
}

struct strait *strait_open(const char *server)
{
    struct strait *strait = calloc(1, sizeof(*strait));
    const char *parent = getenv("TMPDIR");
    assert_non_null(strait);
    for (int i = 0; i < PAIRS; i++)
        strait->pairs[i].client = strait->pairs[i].server = -1;
    snprintf(strait->folder, sizeof(strait->folder), "%.40s/strait-XXXXXX",
             parent == NULL ? "/tmp" : parent);
    assert_non_null(mkdtemp(strait->folder));
    strait->own.sun_family = strait->target.sun_family = AF_UNIX;
    snprintf(strait->own.sun_path, sizeof(strait->own.sun_path), "%s/.s.PGSQL.5432",
             strait->folder);
    snprintf(strait->target.sun_path, sizeof(strait->target.sun_path), "%s", server);
    listen_again(strait);
    return strait;
}

void strait_close(struct strait *strait)
{
    for (int i = 0; i < PAIRS; i++)
        if (strait->pairs[i].state != FREE)
            end(strait, &strait->pairs[i]);
    if (strait->listener >= 0)
        stop_listening(strait);
    rmdir(strait->folder);
    free(strait);
}

const char *strait_folder(const struct strait *strait)
{
    return strait->folder;
}

void strait_thaw(struct strait *strait, int backend)
{
    strait->thawed = backend;
}

void strait_upstream(struct strait *strait, const struct rig_upstream *upstream)
{
    bool listens = upstream->mode != RIG_DOWN;
    strait->upstream = *upstream;
    if (listens && strait->listener < 0)
        listen_again(strait);
    else if (!listens && strait->listener >= 0)
        stop_listening(strait);
}

struct strait_counts strait_counts(const struct strait *strait)
{
    return strait->counts;
}
