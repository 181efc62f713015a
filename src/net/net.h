/* net.h - the loop, sockets, streams, names: the whole contract of src/net.
 *
 * Completion-shaped: a receive delivers a slice out of the loop's own memory, a send completes
 * later, a connect completes with a status. Io_uring does so by itself, what it receives and what
 * it sends in a turn being a system call each or one together; epoll's readiness is made into it. A
 * loop has either, or epoll to receive and io_uring to send.
 * One thread per loop, from net_loop_new on; nothing here is thread-safe.
 *
 * A turn (net_loop_turn):
 *   1. wait for events until the next timer or max_wait; read the clock once: net_loop_now() is
 * constant for the rest of the turn
 *   2. fire timers that are due, in order of deadline, equal ones in order of arming
 *   3. deliver events: on_accept, on_open, on_data, on_drain; signals; watches
 *   4. call the turn hook (the host drains its decisions here); repeat while it causes more work
 *   5. flush: every stream that was written to in this turn gets its bytes in ONE send (writev)
 * call; what the kernel does not take is copied and sent when the socket is writable. In
 * net_loop_run a send that is alone may go in one call with the wait that follows
 *   6. on_close for streams that ended; then turn memory is reused
 *
 * Memory: what on_data delivers and what net_turn_alloc returns lives until the end of the turn
 * (step 6). So received bytes can be forwarded with net_stream_send() without copying. A stream
 * that is idle (no unconsumed input, no unsent output) owns no buffer.
 *
 * Life of a stream
 *   1. It is embedded in the owner's object; net_stream_init, then exactly one of net_stream_adopt
 * (an accepted socket) or net_stream_connect.
 *   2. on_open (connect only) once, with BASE_OK or why not. After a failure only on_close follows.
 *   3. on_data any number of times.
 *   4. on_close exactly once, whoever ended it, always from step 6 of a turn, never from inside a
 * call the owner made. After it the stream is untouched by the loop: the owner may free the object
 * there.
 *   5. After net_stream_close or net_stream_abort no callback comes but on_close.
 */
#ifndef NET_NET_H
#define NET_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/list.h"
#include "base/slice.h"
#include "base/status.h"
#include "base/time.h"

struct net_loop;
struct net_stream;
struct net_tls_context;

/* ---- loop -------------------------------------------------------------------------------------
 */

enum net_backend {
    NET_BACKEND_AUTO,           /* what costs least here */
    NET_BACKEND_EPOLL,          /* epoll alone */
    NET_BACKEND_IO_URING_SENDS, /* epoll says what has come, io_uring sends */
    NET_BACKEND_IO_URING,       /* io_uring receives and sends */
};

struct net_loop_options {
    enum net_backend backend;    /* AUTO: without io_uring epoll alone */
    uint32_t turn_bytes;         /* turn memory; 0 = 1 MiB. A turn that needs more flushes early */
    uint32_t receive_bytes;      /* most bytes taken from one socket in one receive; 0 = 16 KiB */
    void (*on_turn)(void *host); /* step 4; may be NULL */
    void *host;
};

/* BASE_ENOMEM, BASE_ESYSTEM; BASE_EUNSUPPORTED when io_uring was asked for and the kernel has none
 * or refuses it. */
int net_loop_new(const struct net_loop_options *options,
                 struct net_loop **ret_loop) BASE_MUST_CHECK;
/* The backend that is used: never AUTO. */
enum net_backend net_loop_backend(const struct net_loop *loop);
/* The owner has closed listeners, watches and resolvers and ended its streams before; streams that
 * were ended but not yet told get their on_close here. */
void net_loop_free(struct net_loop *loop);

/* Runs turns until net_loop_stop. Returns 0, or BASE_ESYSTEM when the kernel refuses to wait. */
int net_loop_run(struct net_loop *loop);
/* One turn that waits at most max_wait (BASE_NEVER = until something happens). */
int net_loop_turn(struct net_loop *loop, base_time max_wait);
void net_loop_stop(struct net_loop *loop);

/* The time of this turn, monotonic. */
base_time net_loop_now(const struct net_loop *loop);

/* What the loop asked of the kernel since it was made. */
struct net_counters {
    uint64_t turns;
    uint64_t waits;
    uint64_t epoll_ctls;
    uint64_t accepts;
    uint64_t receives;
    uint64_t sends;
    uint64_t flushes;    /* io_uring: calls that carried several sends */
    uint64_t held_sends; /* io_uring: sends that went in one call with the wait after them */
    uint64_t received_bytes;
    uint64_t sent_bytes;
};
const struct net_counters *net_loop_counters(const struct net_loop *loop);

/* `bytes` of turn memory, aligned to 16, valid to the end of the turn. Never NULL: larger requests
 * than the turn memory has left get memory of their own that is freed at the end of the turn; a
 * request over 1 GiB or a failed allocation is fatal to the process with a clear message. */
void *net_turn_alloc(struct net_loop *loop, size_t bytes);

struct net_timer {
    base_time deadline;
    uint64_t seq;
    uint32_t heap_pos; /* 0 = not armed */
    void (*fire)(struct net_timer *timer);
};
/* Arms or re-arms. Deadline BASE_NEVER disarms. Timers live in the owner's object. */
void net_timer_set(struct net_loop *loop, struct net_timer *timer, base_time deadline);

/* Calls fn(arg, signo) from the loop when the signal arrives (signalfd; the signal is blocked for
 * the process). A NULL fn ignores it. */
int net_loop_signal(struct net_loop *loop, int signo, void (*fn)(void *arg, int signo),
                    void *arg) BASE_MUST_CHECK;

/* Readiness of a foreign descriptor (a library's own): for libraries that bring their own I/O. */
struct net_watch {
    int fd;
    void (*fire)(struct net_watch *watch, bool is_readable, bool is_writable);
};
int net_watch_set(struct net_loop *loop, struct net_watch *watch, bool want_read,
                  bool want_write) BASE_MUST_CHECK;
void net_watch_drop(struct net_loop *loop,
                    struct net_watch *watch); /* before the owner closes the fd */

/* ---- addresses --------------------------------------------------------------------------------
 */

struct net_address {
    struct sockaddr_storage storage;
    socklen_t bytes;
};

#define NET_ADDRESS_TEXT 128
/* "127.0.0.1:6432", "[::1]:6432", "unix:/tmp/.s.PGSQL.6432". Cuts at `bytes`. */
void net_address_text(const struct net_address *address, char *out, size_t bytes);
/* The same without the port: "127.0.0.1", "::1", "unix". */
void net_address_host_text(const struct net_address *address, char *out, size_t bytes);
bool net_address_is_unix(const struct net_address *address);
/* What of a peer's address is worth keeping for as long as it is connected: of a Unix socket, that
 * it is one. A sixth of net_address. */
struct net_peer {
    uint8_t host[16]; /* network order; IPv4: the first four */
    uint32_t scope;   /* IPv6: of a link-local address */
    uint16_t port;
    uint16_t family; /* AF_INET, AF_INET6, AF_UNIX */
};
struct net_peer net_peer_of(const struct net_address *address);
struct net_address net_peer_address(const struct net_peer *peer);

/* A literal IPv4 or IPv6 address, or an absolute path = a socket directory (the socket is
 * DIR/.s.PGSQL.PORT). BASE_EINVALID when it is a host name. */
int net_address_parse(const char *host, uint16_t port,
                      struct net_address *ret_address) BASE_MUST_CHECK;

/* Name resolution (c-ares), cached for `ttl`; several addresses come in the resolver's order. */
struct net_resolver;
struct net_resolver_options {
    base_time ttl;           /* how long addresses are remembered */
    base_time failure_ttl;   /* how long that there are none */
    const char *resolv_conf; /* file of name servers; NULL: the system's */
    /* A name that was known has other addresses now; may be NULL. Not called from inside
     * net_resolve. */
    void (*on_change)(void *arg, const char *host, const struct net_address *addresses,
                      uint32_t address_count);
    void *arg;
};
int net_resolver_new(struct net_loop *loop, const struct net_resolver_options *options,
                     struct net_resolver **ret_resolver) BASE_MUST_CHECK;
/* For what is looked up from now on. */
void net_resolver_configure(struct net_resolver *resolver, base_time ttl, base_time failure_ttl);
/* Asks for the serial numbers of the zones of all names once in every `period`, from now on; 0:
 * never. Names in a zone whose number has changed are looked up again. */
void net_resolver_check_zones(struct net_resolver *resolver, base_time period);
/* Not from inside done(). Who still waits is told nothing. */
void net_resolver_free(struct net_resolver *resolver);
struct net_lookup {
    /* Filled by the caller: */
    void (*done)(struct net_lookup *lookup,
                 int status); /* BASE_OK or BASE_ERESOLVE; may come from inside net_resolve */
    /* Filled by the resolver: */
    struct net_address *addresses; /* borrowed, valid during done() only */
    uint32_t address_count;
    uint16_t port;
    struct base_list link;
};
/* Looks `host` up: a literal address or socket directory answers at once. */
void net_resolve(struct net_resolver *resolver, const char *host, uint16_t port,
                 struct net_lookup *lookup);
/* done() will not be called. A lookup of zeroes, or one that was answered, may be cancelled too. */
void net_lookup_cancel(struct net_lookup *lookup);
/* What the cache holds, for SHOW. A name that failed has no addresses; ports are 0. */
struct net_resolved {
    const char *host;
    base_time fresh_for;
    const struct net_address *addresses;
    uint32_t address_count;
};
void net_resolver_list(const struct net_resolver *resolver,
                       void (*fn)(void *arg, const struct net_resolved *resolved), void *arg);

struct net_zone {
    const char *name;
    uint32_t serial; /* 0: not known yet */
    uint32_t host_count;
};
/* The zones whose numbers are asked for. */
void net_resolver_list_zones(const struct net_resolver *resolver,
                             void (*fn)(void *arg, const struct net_zone *zone), void *arg);
/* Queries under way. */
uint32_t net_resolver_query_count(const struct net_resolver *resolver);
/* Do the two name one machine, whatever the ports? */
bool net_address_is_same_host(const struct net_address *a, const struct net_address *b);
/* Of this machine: 127.0.0.0/8, ::1, and the former written as IPv6. */
bool net_address_is_loopback(const struct net_address *address);

/* Socket options asked for on adopt and connect. Zero means the system's own value. */
struct net_socket_options {
    bool no_delay_off; /* TCP_NODELAY is on unless this is set */
    bool keepalive;
    bool is_inherited; /* both have come from the listener: net_listener_configure */
    uint32_t keepidle_s, keepintvl_s, keepcnt;
    uint32_t user_timeout_ms;
    uint32_t buffer_bytes; /* SO_SNDBUF and SO_RCVBUF */
};

/* ---- listeners --------------------------------------------------------------------------------
 */

struct net_listener {
    int fd;
    struct net_loop *loop;
    struct net_address address;
    /* A connection was accepted: the owner takes fd over (net_stream_adopt or close). */
    void (*on_accept)(struct net_listener *listener, int fd, const struct net_address *peer);
    void *owner;
    bool is_registered;
    bool is_taken;          /* of the predecessor, which may still serve: nothing is set on it */
    bool is_adopted;        /* somebody else's socket, or handed on: its file stays */
    struct net_timer retry; /* after EMFILE accepting rests for a moment instead of spinning */
};
struct net_listener_options {
    int backlog;
    unsigned unix_socket_mode;
    uint32_t defer_accept_s; /* TCP: a connection is accepted when it sends, or after so long; 0: at
                                once */
    bool reuse_port;         /* TCP: other sockets may listen there too */
};
/* Binds and listens. TCP: SO_REUSEADDR, IPV6_V6ONLY; port 0 lets the kernel choose (see address
 * after). Unix: a stale socket file is removed, a live one is BASE_EINUSE; mode is
 * unix_socket_mode. Errors: BASE_EINUSE, BASE_EINVALID, BASE_ESYSTEM with the reason in ret_reason
 * (may be NULL, static or thread-local text such as "permission denied"). */
int net_listener_open(struct net_loop *loop, struct net_listener *listener,
                      const struct net_address *address, const struct net_listener_options *options,
                      const char **ret_reason) BASE_MUST_CHECK;
/* Takes over a socket that listens already, opened by a service manager. It is closed at the end,
 * its file left alone. Errors: BASE_EINVALID (not a stream socket that listens), BASE_ESYSTEM. */
int net_listener_adopt(struct net_loop *loop, struct net_listener *listener, int fd,
                       const char **ret_reason) BASE_MUST_CHECK;
/* Takes over a listening socket of this program's predecessor, with its queue of connections: from
 * now on it is ours, file and all, but as the predecessor has set it up. Errors as above. */
int net_listener_take(struct net_loop *loop, struct net_listener *listener, int fd,
                      const char **ret_reason) BASE_MUST_CHECK;
/* Once the predecessor has let go: backlog and unix_socket_mode become those of `options`.
 * BASE_ESYSTEM with the reason; it listens all the same. */
int net_listener_own(struct net_listener *listener, const struct net_listener_options *options,
                     const char **ret_reason) BASE_MUST_CHECK;
/* What Linux hands on to accepted sockets: TCP_NODELAY, keepalive, congestion control. Saves a
 * login its calls. */
int net_listener_configure(struct net_listener *listener,
                           const struct net_socket_options *options) BASE_MUST_CHECK;
void net_listener_close(struct net_listener *listener); /* removes the Unix socket file too */
/* Closes this process's descriptor only: another one has taken the socket over. */
void net_listener_leave(struct net_listener *listener);

/* ---- streams ----------------------------------------------------------------------------------
 */

struct net_stream_ops {
    void (*on_open)(struct net_stream *stream, int status);
    /* Bytes arrived; `in` is everything not yet consumed, old rest first. Returns how many of them
     * are done with; the rest is kept and comes again in front of new bytes. To stop at what cannot
     * be used yet, return less and net_stream_pause. A handler that returns less without pausing is
     * called again when more bytes have come. Rest + new bytes never exceed in_bytes_max: a handler
     * that consumes nothing of a full buffer without pausing ends the stream with BASE_ETOOBIG. */
    size_t (*on_data)(struct net_stream *stream, struct base_slice in);
    /* Unsent output fell to or below the low-water mark after net_stream_unsent() had exceeded the
     * high-water mark. May be NULL. */
    void (*on_drain)(struct net_stream *stream);
    /* TLS is established, or failed. May be NULL where TLS is never started. */
    void (*on_tls)(struct net_stream *stream, int status);
    /* The end. BASE_OK when the owner closed it, BASE_EEOF when the peer did, BASE_EBROKEN,
     * BASE_ETLS, BASE_EPROTOCOL (bytes in the clear behind start_tls), BASE_ETOOBIG, BASE_ENOMEM;
     * after a failed connect its status. The socket is closed already. */
    void (*on_close)(struct net_stream *stream, int status);
};

#define NET_HIGH_WATER (256 * 1024)
#define NET_LOW_WATER  (64 * 1024)

struct net_buffer; /* a malloc'd input rest or output backlog; private to net */
struct net_tls;

struct net_stream {
    struct net_loop *loop;
    const struct net_stream_ops *ops;
    int fd;
    int end_status;
    uint32_t in_bytes_max;
    uint32_t flags;          /* private */
    uint32_t interest;       /* epoll events it is told of */
    uint32_t registered;     /* those that epoll knows: not EPOLLIN where io_uring receives */
    uint32_t receive_slot;   /* io_uring: the receive under way, from 1; 0: none */
    uint32_t out_turn_count; /* slices queued in this turn */
    size_t unsent_bytes;
    struct net_buffer *in;    /* unconsumed input; NULL when there is none */
    struct net_buffer *early; /* io_uring: received while it was paused; NULL when there is none */
    struct net_buffer *out;   /* unsent output of earlier turns; NULL when there is none */
    void *out_turn;           /* slices of this turn, in turn memory */
    struct net_tls *tls;
    struct base_list link; /* in the loop's list of streams with work */
    uint32_t out_turn_room;
    int system_error;              /* errno of the failure, for net_stream_error */
    struct base_slice held;        /* unconsumed input that still lies in turn memory */
    struct net_timer timer;        /* linger, or the next try to connect */
    struct net_connect_try *retry; /* while a Unix listener's queue is full */
};

/* in_bytes_max: most unconsumed input kept for it. */
void net_stream_init(struct net_stream *stream, struct net_loop *loop,
                     const struct net_stream_ops *ops, uint32_t in_bytes_max);

/* Of the events that one wait reports, those of a higher rank are dealt with before all others, in
 * their own order: what the kernel knew of FIRST streams when the wait returned, data or a hang-up,
 * is known before any other stream's data arrives. What FIRST and SOON streams led to is sent
 * before LAST ones are heard. A stream is LAST after init. */
enum net_rank { NET_RANK_LAST, NET_RANK_SOON, NET_RANK_FIRST };
void net_stream_rank(struct net_stream *stream, enum net_rank rank);

/* Whoever is at the other end speaks first, and has by now: the first receive is made in the turn
 * of net_stream_adopt, which is called next, and not waited for. */
void net_stream_expect(struct net_stream *stream);

int net_stream_adopt(struct net_stream *stream, int fd,
                     const struct net_socket_options *options) BASE_MUST_CHECK;
/* Starts a non-blocking connect; the result comes by on_open, also when it is immediate:
 * BASE_EUPSTREAMDOWN (refused, no such socket, no route), BASE_ECONNECTTIMEOUT, BASE_EBROKEN. When
 * the call itself fails (BASE_ESYSTEM, BASE_EINVALID) no callback comes. What is sent before
 * on_open is kept until then. */
int net_stream_connect(struct net_stream *stream, const struct net_address *address,
                       const struct net_socket_options *options) BASE_MUST_CHECK;

/* Queues bytes that stay valid until the end of the turn (received slices, turn memory, constants).
 */
void net_stream_send(struct net_stream *stream, struct base_slice out);
/* The same, with copies of descriptors attached to the first byte (SCM_RIGHTS, unix(7)); they leave
 * at once. Errors, with nothing sent: BASE_ESTATE (not an open Unix socket in the clear, or there
 * is output before it), BASE_ECAPACITY, BASE_ESYSTEM. */
#define NET_DESCRIPTORS_MAX 64
int net_stream_send_with(struct net_stream *stream, struct base_slice out, const int *descriptors,
                         uint32_t descriptor_count) BASE_MUST_CHECK;
/* Bytes queued and not yet taken by the kernel, of this turn and earlier ones. */
size_t net_stream_unsent(const struct net_stream *stream);

/* Bytes received that on_data has left for later. */
size_t net_stream_unread(const struct net_stream *stream);

/* Stops and restarts delivery of on_data. Pausing costs no system call unless the peer sends
 * meanwhile; a hang-up of the peer is still noticed (on_close BASE_EEOF or BASE_EBROKEN). Resuming
 * delivers what is left in the same turn, or in the next one when called from inside that stream's
 * own on_data. */
void net_stream_pause(struct net_stream *stream);
void net_stream_resume(struct net_stream *stream);
bool net_stream_is_paused(const struct net_stream *stream);

/* Open in both directions as far as the loop has looked: true until a hang-up of the peer or an
 * error was dispatched. See net_stream_rank for how soon that is. */
bool net_stream_is_alive(const struct net_stream *stream);

/* Sends what is queued, then closes; gives up lingering after `linger`. */
void net_stream_close(struct net_stream *stream, base_time linger);
/* Closes at once, dropping what is queued. */
void net_stream_abort(struct net_stream *stream);

void net_stream_local_address(const struct net_stream *stream, struct net_address *ret_address);
void net_stream_peer_address(const struct net_stream *stream, struct net_address *ret_address);
/* User id of the process at the other end of a Unix socket; BASE_EUNSUPPORTED on TCP. */
int net_stream_peer_uid(const struct net_stream *stream, uint32_t *ret_uid) BASE_MUST_CHECK;
/* Its process id, likewise; 0 where that process is in another name space. */
int net_stream_peer_pid(const struct net_stream *stream, int32_t *ret_pid) BASE_MUST_CHECK;
/* What the kernel said when the stream failed, such as "Connection refused"; "" when nothing. */
const char *net_stream_error(const struct net_stream *stream);

/* ---- TLS (OpenSSL, net/tls.c alone) ------------------------------------------------------------
 */

enum net_tls_verify {
    NET_TLS_VERIFY_NONE,
    NET_TLS_VERIFY_OPTIONAL, /* server side: a certificate is asked for; one that comes must verify
                              */
    NET_TLS_VERIFY_CA,       /* chain only */
    NET_TLS_VERIFY_FULL,     /* chain and host name (client side) */
};

struct net_tls_options {
    bool is_server;
    enum net_tls_verify
        verify; /* server side: CA = a client certificate is asked for and must verify */
    const char *cert_file, *key_file, *ca_file; /* NULL where not used */
    const char *ciphers;                        /* TLS <= 1.2 list, NULL = OpenSSL's default */
    const char *ciphersuites;                   /* TLS 1.3, NULL = default */
    const char *protocols; /* "secure" (default: 1.2 and 1.3), "all", or a list "tlsv1.2,tlsv1.3" */
    const char *ecdh_curve; /* NULL = "auto" */
    const char *dhe;        /* server side: "none", "legacy" (1024 bits), NULL = "auto" */
    bool alpn_postgresql;   /* offer and require ALPN "postgresql" (direct negotiation) */
    bool alpn_when_offered; /* server side: agree to ALPN "postgresql" where a client offers ALPN;
                               who begins with TLS at once has to (net_stream_start_tls_direct) */
};

/* Errors: BASE_ETLS with one line for the operator in `why` (file and OpenSSL's reason; no key
 * material). */
int net_tls_context_new(const struct net_tls_options *options, char *why, size_t why_bytes,
                        struct net_tls_context **ret_context) BASE_MUST_CHECK;
void net_tls_context_free(struct net_tls_context *context); /* streams that use it keep it alive */

/* Turns TLS on: from now on on_data and net_stream_send carry plain text. The handshake's result
 * comes by on_tls. `host` (client side) is used for SNI and, with VERIFY_FULL, checked. Unconsumed
 * plain input must be empty: bytes that came in the clear behind the request to encrypt are an
 * attack (CVE-2021-23214); BASE_EPROTOCOL then. Callable from on_data, once what was consumed is
 * everything. */
int net_stream_start_tls(struct net_stream *stream, struct net_tls_context *context,
                         const char *host) BASE_MUST_CHECK;
/* The same for a client that begins with its ClientHello, without asking (PostgreSQL 17's
 * sslnegotiation=direct): called from on_data, which then returns 0; what was delivered is the
 * beginning of the handshake. The client must offer ALPN "postgresql", so that no other protocol is
 * mistaken for ours. */
int net_stream_start_tls_direct(struct net_stream *stream,
                                struct net_tls_context *context) BASE_MUST_CHECK;
bool net_stream_has_tls(const struct net_stream *stream);
/* For SHOW and logs: "TLSv1.3/TLS_AES_256_GCM_SHA384", "" without TLS. */
void net_stream_tls_text(const struct net_stream *stream, char *out, size_t bytes);
/* tls-server-end-point channel binding data (RFC 5929): hash of the server's certificate. Returns
 * its length, at most 64; 0 when there is no TLS. */
size_t net_stream_tls_endpoint(const struct net_stream *stream, uint8_t out[64]);
/* The common name of the peer's certificate, when there is one that was verified. Returns its
 * length and ends it with a zero byte; 0 when there is none, it does not fit or holds a zero. */
size_t net_stream_tls_peer_name(const struct net_stream *stream, char *out, size_t bytes);
/* Whether the peer has shown a certificate that was verified. */
bool net_stream_tls_has_peer(const struct net_stream *stream);
/* The whole name in that certificate, as RFC 2253 writes it; else as net_stream_tls_peer_name. */
size_t net_stream_tls_peer_dn(const struct net_stream *stream, char *out, size_t bytes);
/* Why the last TLS failure on this stream happened, for the log; "" when none. */
const char *net_stream_tls_error(const struct net_stream *stream);

#endif
