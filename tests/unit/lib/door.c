/* door.c - see door.h. */
#include "door.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "postgres.h"

#define PAIRS_MAX  256
#define CHUNK      16384
#define PATH_BYTES 100

struct pair {
    int client, server; /* -1 = free, no server */
    bool is_counted;
};

struct door {
    pthread_t thread;
    pthread_mutex_t mutex;
    int listener, wake;
    bool is_closing, is_cutting, is_frozen;
    char folder[64], path[PATH_BYTES], conninfo[2 * PATH_BYTES], target[PATH_BYTES];
    int rounds, hang, limit, accepted, live, peak;
    const char *sqlstate, *text;
    uint64_t bytes;
    struct pair pairs[PAIRS_MAX];
};

static void end(struct door *door, struct pair *pair)
{
    if (pair->client >= 0)
        close(pair->client);
    if (pair->server >= 0)
        close(pair->server);
    door->live -= pair->is_counted;
    *pair = (struct pair){-1, -1, false};
}

static int dial(const struct door *door)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", door->target);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* An ErrorResponse: protocol, "Message Formats". The startup packet is read first. */
static void refuse(int client, const char *sqlstate, const char *text)
{
    char packet[CHUNK], fields[512];
    ssize_t unused = read(client, packet, sizeof(packet));
    int bytes =
        snprintf(fields, sizeof(fields), "SFATAL%cVFATAL%cC%s%cM%s%c", 0, 0, sqlstate, 0, text, 0);
    unsigned char head[5] = {'E', 0, 0, (unsigned char)((bytes + 5) >> 8),
                             (unsigned char)((bytes + 5) & 255)};
    fields[bytes] = '\0';
    unused = write(client, head, sizeof(head));
    unused = write(client, fields, (size_t)bytes + 1);
    (void)unused;
}

static struct pair *free_pair(struct door *door)
{
    for (int i = 0; i < PAIRS_MAX; i++)
        if (door->pairs[i].client < 0)
            return &door->pairs[i];
    return NULL;
}

static void welcome(struct door *door)
{
    int client = accept4(door->listener, NULL, NULL, SOCK_CLOEXEC);
    struct pair *pair = free_pair(door);
    if (client < 0 || pair == NULL) {
        close(client);
        return;
    }
    door->accepted++;
    *pair = (struct pair){client, -1, false};
    if (door->hang > 0) {
        door->hang--;
        return;
    }
    if (door->sqlstate != NULL) {
        refuse(client, door->sqlstate, door->text);
        end(door, pair);
        return;
    }
    if (door->limit > 0 && door->live >= door->limit) {
        refuse(client, "53300", "sorry, too many clients already");
        end(door, pair);
        return;
    }
    pair->server = dial(door);
    if (pair->server < 0) {
        end(door, pair);
        return;
    }
    pair->is_counted = true;
    door->live++;
    if (door->live > door->peak)
        door->peak = door->live;
}

static bool pump(int from, int to, uint64_t *bytes)
{
    char chunk[CHUNK];
    ssize_t count = read(from, chunk, sizeof(chunk));
    if (count <= 0)
        return false;
    *bytes += (uint64_t)count;
    for (ssize_t at = 0; at < count;) {
        ssize_t sent = send(to, chunk + at, (size_t)(count - at), MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        at += sent;
    }
    return true;
}

static void relay(struct door *door, struct pair *pair, short client, short server)
{
    uint64_t unused = 0;
    if (client != 0 && pair->server >= 0 && !pump(pair->client, pair->server, &door->bytes))
        end(door, pair);
    else if (server != 0 && !pump(pair->server, pair->client, &unused))
        end(door, pair);
    else if (client != 0 && pair->server < 0 && (client & POLLHUP))
        end(door, pair);
}

static void *serve(void *argument)
{
    struct door *door = argument;
    pthread_mutex_lock(&door->mutex);
    while (!door->is_closing) {
        struct pollfd fds[2 + 2 * PAIRS_MAX];
        fds[0] = (struct pollfd){door->listener, POLLIN, 0};
        fds[1] = (struct pollfd){door->wake, POLLIN, 0};
        for (int i = 0; i < PAIRS_MAX; i++) {
            const struct pair *pair = &door->pairs[i];
            fds[2 + 2 * i] =
                (struct pollfd){pair->client, (short)(pair->server >= 0 ? POLLIN : 0), 0};
            fds[3 + 2 * i] = (struct pollfd){door->is_frozen ? -1 : pair->server, POLLIN, 0};
        }
        pthread_mutex_unlock(&door->mutex);
        poll(fds, 2 + 2 * PAIRS_MAX, -1);
        pthread_mutex_lock(&door->mutex);
        door->rounds++;
        uint64_t count;
        if (fds[1].revents != 0 && read(door->wake, &count, sizeof(count)) < 0)
            abort();
        for (int i = 0; i < PAIRS_MAX; i++) {
            if (door->is_cutting && door->pairs[i].client >= 0)
                end(door, &door->pairs[i]);
            else if (door->pairs[i].client >= 0)
                relay(door, &door->pairs[i], fds[2 + 2 * i].revents, fds[3 + 2 * i].revents);
        }
        door->is_cutting = false;
        if (fds[0].revents != 0)
            welcome(door);
    }
    pthread_mutex_unlock(&door->mutex);
    return NULL;
}

static void find_target(struct door *door)
{
    const char *host = strstr(postgres_conninfo(), "host=") + 5;
    snprintf(door->target, sizeof(door->target), "%.*s/.s.PGSQL.5432", (int)strcspn(host, " "),
             host);
}

struct door *door_open(void)
{
    struct door *door = calloc(1, sizeof(*door));
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *parent = getenv("TMPDIR");
    find_target(door);
    pthread_mutex_init(&door->mutex, NULL);
    for (int i = 0; i < PAIRS_MAX; i++)
        door->pairs[i] = (struct pair){-1, -1, false};
    snprintf(door->folder, sizeof(door->folder), "%.40s/door-XXXXXX",
             parent == NULL ? "/tmp" : parent);
    if (mkdtemp(door->folder) == NULL)
        abort();
    snprintf(door->path, sizeof(door->path), "%s/.s.PGSQL.5432", door->folder);
    snprintf(door->conninfo, sizeof(door->conninfo), "host=%s user=postgres dbname=postgres",
             door->folder);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", door->path);
    door->wake = eventfd(0, EFD_CLOEXEC);
    door->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(door->listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(door->listener, 128) != 0)
        abort();
    pthread_create(&door->thread, NULL, serve, door);
    return door;
}

static void wake(struct door *door)
{
    uint64_t one = 1;
    if (write(door->wake, &one, sizeof(one)) < 0)
        abort();
}

void door_close(struct door *door)
{
    pthread_mutex_lock(&door->mutex);
    door->is_closing = true;
    pthread_mutex_unlock(&door->mutex);
    wake(door);
    pthread_join(door->thread, NULL);
    for (int i = 0; i < PAIRS_MAX; i++)
        end(door, &door->pairs[i]);
    close(door->listener);
    close(door->wake);
    unlink(door->path);
    rmdir(door->folder);
    free(door);
}

const char *door_conninfo(struct door *door)
{
    return door->conninfo;
}

#define SET(door, field, value)               \
    do {                                      \
        pthread_mutex_lock(&(door)->mutex);   \
        (door)->field = (value);              \
        pthread_mutex_unlock(&(door)->mutex); \
    } while (0)

void door_hang(struct door *door, int count)
{
    SET(door, hang, count);
}

void door_limit(struct door *door, int limit)
{
    SET(door, limit, limit);
}

void door_refuse(struct door *door, const char *sqlstate, const char *text)
{
    SET(door, text, text);
    SET(door, sqlstate, sqlstate);
}

void door_freeze(struct door *door, bool is_frozen)
{
    SET(door, is_frozen, is_frozen);
    wake(door);
    /* One more round, so that the door has seen it. */
    SET(door, rounds, 0);
    wake(door);
    for (int rounds = 0; rounds < 2;) {
        pthread_mutex_lock(&door->mutex);
        rounds = door->rounds;
        pthread_mutex_unlock(&door->mutex);
        wake(door);
    }
}

void door_cut(struct door *door)
{
    SET(door, is_cutting, true);
    wake(door);
    for (;;) {
        pthread_mutex_lock(&door->mutex);
        bool is_done = !door->is_cutting;
        pthread_mutex_unlock(&door->mutex);
        if (is_done)
            return;
        poll(NULL, 0, 1);
    }
}

void door_say(struct door *door, const void *bytes, size_t count)
{
    pthread_mutex_lock(&door->mutex);
    for (int i = 0; i < PAIRS_MAX; i++)
        if (door->pairs[i].server >= 0 &&
            send(door->pairs[i].client, bytes, count, MSG_NOSIGNAL) != (ssize_t)count)
            abort();
    pthread_mutex_unlock(&door->mutex);
}

#define GET(type, field)                    \
    do {                                    \
        pthread_mutex_lock(&door->mutex);   \
        type value = door->field;           \
        pthread_mutex_unlock(&door->mutex); \
        return value;                       \
    } while (0)

int door_accepted(struct door *door)
{
    GET(int, accepted);
}

int door_live(struct door *door)
{
    GET(int, live);
}

int door_peak(struct door *door)
{
    GET(int, peak);
}

uint64_t door_bytes(struct door *door)
{
    GET(uint64_t, bytes);
}
