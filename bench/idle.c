/* idle.c - many clients that are connected, logged in, and then quiet.
 *
 * Usage: bench-idle PORT USER DATABASE COUNT
 * Logs COUNT clients in, one after another, on 127.0.0.1:PORT (authentication: trust), says "ready"
 * on standard output, and then obeys lines on standard input:
 *   query   every client in turn runs one SELECT 1; "ready" again when all have their answer
 * End of input ends it. script/bench reads the proxy's memory between the lines.
 *
 * Clients come from 127.0.0.2, 127.0.0.3 ... , SOURCE_CLIENTS each, so that local ports never run
 * short. The program blocks on purpose: the order of logins is the same in every run. It does not
 * measure anything itself. script/bench runs it; there is no other test.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define SOURCE_CLIENTS   8000
#define ANSWER_SECONDS   60
#define MESSAGE_BYTES    65536 /* no answer to a login or to SELECT 1 is larger */
#define PROTOCOL_VERSION 196608

static _Noreturn void fail(const char *what, int client)
{
    fprintf(stderr, "bench-idle: client %d: ", client);
    perror(what);
    exit(1);
}

static void read_fully(int fd, void *out, size_t bytes, int client)
{
    ssize_t count = recv(fd, out, bytes, MSG_WAITALL);
    if (count != (ssize_t)bytes)
        fail(count < 0 ? "recv" : "connection closed", client);
}

/* Reads messages until ReadyForQuery. Anything but trust, and any error, ends the program. */
static void await_ready(int fd, int client)
{
    static char body[MESSAGE_BYTES];
    for (;;) {
        struct {
            char type;
            unsigned char bytes[4];
        } head;
        read_fully(fd, &head, 5, client);
        size_t bytes = ((size_t)head.bytes[0] << 24 | (size_t)head.bytes[1] << 16 |
                        (size_t)head.bytes[2] << 8 | head.bytes[3]) -
                       4;
        if (bytes >= sizeof body)
            fail("message too long", client);
        read_fully(fd, body, bytes, client);
        body[bytes] = '\0';
        if (head.type == 'E' || (head.type == 'R' && (bytes != 4 || memcmp(body, "\0\0\0", 4)))) {
            fprintf(stderr, "bench-idle: client %d refused: %s\n", client, body);
            exit(1);
        }
        if (head.type == 'Z')
            return;
    }
}

static int client_connect(int port, int client)
{
    int one = 1;
    struct timeval patience = {.tv_sec = ANSWER_SECONDS};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        fail("socket", client);
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    struct sockaddr_in source = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + (uint32_t)client / SOURCE_CLIENTS)};
    if (bind(fd, (struct sockaddr *)&source, sizeof source) < 0)
        fail("bind", client);
    struct sockaddr_in target = {.sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connect(fd, (struct sockaddr *)&target, sizeof target) < 0)
        fail("connect", client);
    return fd;
}

/* StartupMessage: length, version, then name and value pairs, each ended by a zero byte. */
static size_t startup_build(unsigned char *out, size_t room, const char *user, const char *database)
{
    int count =
        snprintf((char *)out + 8, room - 8, "user%c%s%cdatabase%c%s%c", 0, user, 0, 0, database, 0);
    if (count < 0 || (size_t)count + 9 > room)
        exit(2);
    size_t bytes = (size_t)count + 9;
    uint32_t head[2] = {htonl((uint32_t)bytes), htonl(PROTOCOL_VERSION)};
    memcpy(out, head, sizeof head);
    out[bytes - 1] = '\0';
    return bytes;
}

static void send_fully(int fd, const void *data, size_t bytes, int client)
{
    if (send(fd, data, bytes, MSG_NOSIGNAL) != (ssize_t)bytes)
        fail("send", client);
}

static void all_query(const int *fds, int count)
{
    static const char query[] = "Q\0\0\0\015SELECT 1";
    for (int i = 0; i < count; i++) {
        send_fully(fds[i], query, sizeof query, i);
        await_ready(fds[i], i);
    }
}

static void say_ready(void)
{
    puts("ready");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fputs("usage: bench-idle PORT USER DATABASE COUNT\n", stderr);
        return 2;
    }
    int port = atoi(argv[1]), count = atoi(argv[4]);
    unsigned char startup[512];
    size_t startup_bytes = startup_build(startup, sizeof startup, argv[2], argv[3]);
    int *fds = calloc((size_t)count, sizeof *fds);
    if (!fds)
        return 1;
    for (int i = 0; i < count; i++) {
        fds[i] = client_connect(port, i);
        send_fully(fds[i], startup, startup_bytes, i);
        await_ready(fds[i], i);
    }
    say_ready();
    char line[64];
    while (fgets(line, sizeof line, stdin)) {
        if (strcmp(line, "query\n") == 0) {
            all_query(fds, count);
            say_ready();
        }
    }
    return 0;
}
