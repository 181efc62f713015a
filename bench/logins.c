/* logins.c - clients that log in, run one transaction, leave and come back, as often as they can.
 *
 * Usage: bench-logins PORT USER DATABASE CLIENTS SECONDS FILE      (the password: PGPASSWORD)
 * Every transaction is a line of FILE, in the format of pgbench's own log: client, number,
 * latency in us from connect() to ReadyForQuery after SELECT 1, 0, seconds and us since the epoch.
 *
 * It is here so that logins measure the pooler. Of a login with SCRAM a client that derives its
 * keys anew computes forty times what the pooler does; this one derives them once and keeps them
 * for the salt, as RFC 5802 (chapter 5.1) allows. One thread serves all clients: their logins
 * overlap. Authentication: trust, SCRAM-SHA-256. Any error ends it.
 *
 * Client i comes from 127.0.0.(2 + i), so that local ports never run short. script/bench runs it;
 * there is no other test.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS_MAX      200
#define INPUT_BYTES      16384
#define TEXT_BYTES       512
#define KEY_BYTES        32
#define PROTOCOL_VERSION 196608

static const char gs2_header[] = "n,,";
static const char binding[] = "c=biws"; /* gs2_header in base64 */

/* What a password comes to with one salt. */
struct keys {
    char salt[TEXT_BYTES]; /* as the server wrote it: ",s=...,i=..."; empty: none yet */
    unsigned char client_key[KEY_BYTES], stored_key[KEY_BYTES], server_key[KEY_BYTES];
};

struct client {
    int number, fd;
    struct timespec begin;
    size_t count; /* bytes of input */
    unsigned char input[INPUT_BYTES];
    char bare[TEXT_BYTES]; /* client-first-message-bare */
    unsigned char signature[KEY_BYTES];
    bool has_asked;
};

static struct {
    int port, epoll_fd;
    size_t startup_bytes;
    unsigned char startup[TEXT_BYTES];
    const char *password;
    struct keys keys;
    FILE *log;
    long transactions;
    struct client clients[CLIENTS_MAX];
} bench;

static _Noreturn void fail(const char *what, const char *detail)
{
    fprintf(stderr, "bench-logins: %s: %s\n", what, detail ? detail : strerror(errno));
    exit(1);
}

static void sign(const unsigned char key[KEY_BYTES], const char *text, unsigned char *ret_mac)
{
    if (!HMAC(EVP_sha256(), key, KEY_BYTES, (const unsigned char *)text, strlen(text), ret_mac,
              NULL))
        fail("HMAC", "OpenSSL refuses");
}

static void send_all(const struct client *client, const void *data, size_t bytes)
{
    if (send(client->fd, data, bytes, MSG_NOSIGNAL) != (ssize_t)bytes)
        fail("send", NULL);
}

static void send_message(const struct client *client, char type, const void *body, size_t bytes)
{
    unsigned char message[4 * TEXT_BYTES] = {(unsigned char)type};
    uint32_t length = htonl((uint32_t)bytes + 4);
    if (bytes + 5 > sizeof message)
        fail("message", "too long");
    memcpy(message + 1, &length, 4);
    memcpy(message + 5, body, bytes);
    send_all(client, message, bytes + 5);
}

/* ---- SCRAM-SHA-256 (RFC 5802, RFC 7677) ------------------------------------------------------ */

static void send_first(struct client *client)
{
    unsigned char random[18], body[2 * TEXT_BYTES];
    char nonce[32];
    if (RAND_bytes(random, sizeof random) != 1)
        fail("random bytes", "OpenSSL has none");
    EVP_EncodeBlock((unsigned char *)nonce, random, sizeof random);
    int bytes = snprintf(client->bare, sizeof client->bare, "n=,r=%s", nonce);
    uint32_t length = htonl((uint32_t)bytes + sizeof gs2_header - 1);
    int head = snprintf((char *)body, sizeof body, "SCRAM-SHA-256%c", 0);
    memcpy(body + head, &length, 4);
    int rest = snprintf((char *)body + head + 4, sizeof body - (size_t)head - 4, "%s%s", gs2_header,
                        client->bare);
    send_message(client, 'p', body, (size_t)(head + 4 + rest));
}

static void derive_keys(const char *salt_text)
{
    char base64[TEXT_BYTES];
    unsigned char salt[TEXT_BYTES], salted[KEY_BYTES];
    int iterations = 0;
    if (sscanf(salt_text, ",s=%511[^,],i=%d", base64, &iterations) != 2)
        fail("server-first-message", salt_text);
    size_t length = strlen(base64);
    int bytes = EVP_DecodeBlock(salt, (const unsigned char *)base64, (int)length);
    while (bytes > 0 && length > 0 && base64[length - 1] == '=') {
        length--;
        bytes--;
    }
    if (bytes <= 0 || PKCS5_PBKDF2_HMAC(bench.password, (int)strlen(bench.password), salt, bytes,
                                        iterations, EVP_sha256(), KEY_BYTES, salted) != 1)
        fail("key derivation", salt_text);
    sign(salted, "Client Key", bench.keys.client_key);
    sign(salted, "Server Key", bench.keys.server_key);
    EVP_Digest(bench.keys.client_key, KEY_BYTES, bench.keys.stored_key, NULL, EVP_sha256(), NULL);
    snprintf(bench.keys.salt, sizeof bench.keys.salt, "%s", salt_text);
}

static void send_final(struct client *client, const char *server_first)
{
    char nonce[TEXT_BYTES], authenticated[4 * TEXT_BYTES], final[2 * TEXT_BYTES], proof_text[64];
    unsigned char proof[KEY_BYTES];
    const char *salt = strstr(server_first, ",s=");
    if (!salt || sscanf(server_first, "r=%511[^,]", nonce) != 1)
        fail("server-first-message", server_first);
    if (strcmp(bench.keys.salt, salt) != 0)
        derive_keys(salt);
    snprintf(authenticated, sizeof authenticated, "%s,%s,%s,r=%s", client->bare, server_first,
             binding, nonce);
    sign(bench.keys.stored_key, authenticated, proof);
    sign(bench.keys.server_key, authenticated, client->signature);
    for (int i = 0; i < KEY_BYTES; i++)
        proof[i] ^= bench.keys.client_key[i];
    EVP_EncodeBlock((unsigned char *)proof_text, proof, KEY_BYTES);
    int bytes = snprintf(final, sizeof final, "%s,r=%s,p=%s", binding, nonce, proof_text);
    send_message(client, 'p', final, (size_t)bytes);
}

static void verify_final(const struct client *client, const char *server_final)
{
    char expected[64] = "v=";
    EVP_EncodeBlock((unsigned char *)expected + 2, client->signature, KEY_BYTES);
    if (strlen(server_final) != strlen(expected) ||
        CRYPTO_memcmp(server_final, expected, strlen(expected)) != 0)
        fail("server-final-message", server_final);
}

static void authenticate(struct client *client, const unsigned char *body, size_t bytes)
{
    char text[TEXT_BYTES];
    if (bytes < 4 || bytes - 4 >= sizeof text)
        fail("authentication", "a request of no known length");
    memcpy(text, body + 4, bytes - 4);
    text[bytes - 4] = '\0';
    switch (body[3]) {
    case 0: /* AuthenticationOk */
        break;
    case 10: /* AuthenticationSASL */
        send_first(client);
        break;
    case 11: /* AuthenticationSASLContinue */
        send_final(client, text);
        break;
    case 12: /* AuthenticationSASLFinal */
        verify_final(client, text);
        break;
    default:
        fail("authentication", "the server wants neither trust nor SCRAM-SHA-256");
    }
}

/* ---- a client's life ------------------------------------------------------------------------- */

static void client_begin(struct client *client)
{
    int one = 1;
    struct sockaddr_in target = {.sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)bench.port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in source = {.sin_family = AF_INET,
                                 .sin_addr.s_addr =
                                     htonl(INADDR_LOOPBACK + 1 + (uint32_t)client->number)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    client->count = 0;
    client->has_asked = false;
    clock_gettime(CLOCK_REALTIME, &client->begin);
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0)
        fail("socket", NULL);
    setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (bind(client->fd, (struct sockaddr *)&source, sizeof source) < 0)
        fail("bind", NULL);
    if (connect(client->fd, (struct sockaddr *)&target, sizeof target) < 0)
        fail("connect", NULL);
    if (epoll_ctl(bench.epoll_fd, EPOLL_CTL_ADD, client->fd, &event) < 0)
        fail("epoll_ctl", NULL);
    send_all(client, bench.startup, bench.startup_bytes);
}

static void client_end(struct client *client)
{
    struct timespec now;
    send_message(client, 'X', "", 0);
    close(client->fd);
    clock_gettime(CLOCK_REALTIME, &now);
    long long us = (now.tv_sec - client->begin.tv_sec) * 1000000LL +
                   (now.tv_nsec - client->begin.tv_nsec) / 1000;
    fprintf(bench.log, "%d %ld %lld 0 %lld %ld\n", client->number, bench.transactions++, us,
            (long long)now.tv_sec, now.tv_nsec / 1000);
}

/* The text of an ErrorResponse: fields of a type and a string each. */
static const char *error_text(const unsigned char *body, size_t bytes)
{
    for (size_t at = 0; at < bytes && body[at];
         at += strnlen((const char *)body + at, bytes - at) + 1)
        if (body[at] == 'M')
            return (const char *)body + at + 1;
    return "an error without a text";
}

/* false: it is done, and gone. */
static bool take_message(struct client *client, char type, const unsigned char *body, size_t bytes)
{
    static const char query[] = "SELECT 1";
    if (type == 'R') {
        authenticate(client, body, bytes);
    } else if (type == 'E') {
        fail("the server refuses", error_text(body, bytes));
    } else if (type == 'Z' && client->has_asked) {
        client_end(client);
        return false;
    } else if (type == 'Z') {
        client->has_asked = true;
        send_message(client, 'Q', query, sizeof query);
    }
    return true;
}

static void client_receive(struct client *client)
{
    ssize_t got =
        recv(client->fd, client->input + client->count, sizeof client->input - client->count, 0);
    if (got <= 0)
        fail("recv", got == 0 ? "the server closed the connection" : NULL);
    client->count += (size_t)got;
    size_t used = 0;
    while (client->count - used >= 5) {
        uint32_t length;
        memcpy(&length, client->input + used + 1, 4);
        length = ntohl(length);
        if (length < 4 || length >= sizeof client->input)
            fail("recv", "a message of no sensible length");
        if (client->count - used < 1 + (size_t)length)
            break;
        if (!take_message(client, (char)client->input[used], client->input + used + 5,
                          length - 4)) {
            client_begin(client);
            return;
        }
        used += 1 + (size_t)length;
    }
    memmove(client->input, client->input + used, client->count - used);
    client->count -= used;
}

/* StartupMessage: length, version, then name and value pairs, each ended by a zero byte. */
static void make_startup(const char *user, const char *database)
{
    int count = snprintf((char *)bench.startup + 8, sizeof bench.startup - 8,
                         "user%c%s%cdatabase%c%s%c", 0, user, 0, 0, database, 0);
    if (count < 0 || (size_t)count + 9 > sizeof bench.startup)
        fail("start-up", "names are too long");
    bench.startup_bytes = (size_t)count + 9;
    uint32_t head[2] = {htonl((uint32_t)bench.startup_bytes), htonl(PROTOCOL_VERSION)};
    memcpy(bench.startup, head, sizeof head);
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fputs("usage: bench-logins PORT USER DATABASE CLIENTS SECONDS FILE\n", stderr);
        return 2;
    }
    int clients = atoi(argv[4]);
    time_t end = time(NULL) + atoi(argv[5]);
    if (clients < 1 || clients > CLIENTS_MAX)
        fail("clients", "1 to 200");
    bench.port = atoi(argv[1]);
    bench.password = getenv("PGPASSWORD") ? getenv("PGPASSWORD") : "";
    make_startup(argv[2], argv[3]);
    bench.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    bench.log = fopen(argv[6], "w");
    if (bench.epoll_fd < 0 || !bench.log)
        fail(argv[6], NULL);
    for (int i = 0; i < clients; i++) {
        bench.clients[i].number = i;
        client_begin(&bench.clients[i]);
    }
    while (time(NULL) < end) {
        struct epoll_event events[CLIENTS_MAX];
        int count = epoll_wait(bench.epoll_fd, events, CLIENTS_MAX, 1000);
        for (int i = 0; i < count; i++)
            client_receive(events[i].data.ptr);
    }
    return fclose(bench.log) == 0 ? 0 : 1;
}
