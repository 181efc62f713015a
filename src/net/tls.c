/* tls.c - TLS under a stream: the handshake, decryption, encryption, the closing alert.
 *
 * OpenSSL never sees the socket. A BIO of our own hands it received ciphertext out of turn memory
 * and puts what it writes into turn memory as slices of the stream, so that all records of a turn
 * leave in one send, as plain output does.
 *
 *     start_tls -> HANDSHAKE --on_tls(OK)----> UP --close_notify, EOF, error--> stream ends
 *                      +------on_tls(ETLS)---> FAILED ------------------------> stream ends
 *
 * Invariants
 *   1. After net_tls_read returned 0 all ciphertext at hand has been used, unless the stream ended
 *      or its owner wants no more.
 *   2. At most one receive of ciphertext is kept for a paused stream; it is not decrypted before
 *      somebody wants it.
 *   3. Plain text queued before the handshake is done waits in plain_kept; slices that were queued
 *      before start_tls go out in the clear, in front.
 *   4. on_tls is called once at most.
 *
 * The peer's end of file without a closing alert is an end of file: PostgreSQL's protocol frames
 * its messages itself. Test: unit/net/test_tls.c.
 */
#include "net/tls_internal.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_BYTES_MAX (16 * 1024)
/* Header, nonce, tag, padding of one record, generously. */
#define RECORD_OVERHEAD 128

/* ---- the BIO --------------------------------------------------------------------------------- */

static int bio_read(BIO *bio, char *out, int bytes)
{
    struct net_tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (tls->cipher.bytes == 0 || bytes <= 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t taken = (size_t)bytes < tls->cipher.bytes ? (size_t)bytes : tls->cipher.bytes;
    memcpy(out, tls->cipher.data, taken);
    tls->cipher = base_slice_skip(tls->cipher, taken);
    if (tls->cipher.bytes == 0) {
        free(tls->cipher_kept);
        tls->cipher_kept = NULL;
    }
    return (int)taken;
}

static int bio_write(BIO *bio, const char *data, int bytes)
{
    struct net_tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (bytes <= 0) {
        return 0;
    }
    size_t count = (size_t)bytes;
    uint8_t *place;
    if (count <= tls->out_room) {
        place = tls->out_place;
        tls->out_place += count;
        tls->out_room -= count;
    } else {
        place = net_turn_alloc(tls->stream->loop, count);
    }
    memcpy(place, data, count);
    net_stream_send_raw(tls->stream, base_slice_of(place, count));
    return bytes;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DUP ? 1 : 0;
}

static int bio_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

BIO_METHOD *net_tls_bio_method_new(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "weir turn");
    if (method) {
        BIO_meth_set_read(method, bio_read);
        BIO_meth_set_write(method, bio_write);
        BIO_meth_set_ctrl(method, bio_control);
        BIO_meth_set_create(method, bio_create);
    }
    return method;
}

/* ---- errors ---------------------------------------------------------------------------------- */

static const char *skip_prefix(const char *text, const char *prefix)
{
    size_t length = strlen(prefix);
    return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

/* The peer's alerts are named "tlsv1 alert unknown ca", "sslv3 alert bad certificate". */
static const char *alert_name(const char *reason)
{
    static const char *const prefixes[] = {"tlsv13 alert ", "tlsv1 alert ", "sslv3 alert ",
                                           "ssl/tls alert "};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        const char *name = skip_prefix(reason, prefixes[i]);
        if (name) {
            return name;
        }
    }
    return NULL;
}

static void note_error(struct net_tls *tls, const char *text)
{
    char line[256];
    unsigned long code = ERR_peek_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    long verified = SSL_get_verify_result(tls->ssl);
    if (text) {
        snprintf(line, sizeof(line), "%s", text);
    } else if (ERR_GET_LIB(code) == ERR_LIB_SSL &&
               ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED && verified != X509_V_OK) {
        snprintf(line, sizeof(line), "certificate verify failed: %s",
                 X509_verify_cert_error_string(verified));
    } else if (reason && alert_name(reason)) {
        snprintf(line, sizeof(line), "%s (alert from the peer)", alert_name(reason));
    } else {
        snprintf(line, sizeof(line), "%s", reason ? reason : "unknown TLS error");
    }
    ERR_clear_error();
    free(tls->error);
    tls->error = strdup(line);
}

/* The handshake failed. OpenSSL's alert to the peer, if any, is queued already. */
static void fail_handshake(struct net_stream *stream, const char *text)
{
    struct net_tls *tls = stream->tls;
    note_error(tls, text);
    tls->state = NET_TLS_FAILED;
    if (stream->ops->on_tls) {
        stream->ops->on_tls(stream, BASE_ETLS);
    }
    net_stream_end(stream, BASE_ETLS);
}

/* ---- the handshake --------------------------------------------------------------------------- */

static bool is_literal(const char *host)
{
    uint8_t address[16];
    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

static bool set_host(struct net_tls *tls, const char *host)
{
    bool is_checked = tls->context->verify == NET_TLS_VERIFY_FULL;
    X509_VERIFY_PARAM *param = SSL_get0_param(tls->ssl);
    if (tls->context->is_server) {
        return true;
    }
    if (!host || !*host) {
        return !is_checked; /* a name that is to be checked must exist */
    }
    if (is_literal(host)) {
        return !is_checked || X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1;
    }
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set_tlsext_host_name(tls->ssl, host) == 1 &&
           (!is_checked || X509_VERIFY_PARAM_set1_host(param, host, 0) == 1);
}

static struct net_tls *tls_new(struct net_stream *stream, struct net_tls_context *context,
                               const char *host)
{
    struct net_tls *tls = calloc(1, sizeof(*tls));
    BIO *bio = BIO_new(context->bio_method);
    if (!tls || !bio) {
        free(tls);
        BIO_free(bio);
        return NULL;
    }
    tls->stream = stream;
    tls->context = context;
    context->refs++;
    BIO_set_data(bio, tls);
    tls->ssl = SSL_new(context->ctx);
    if (!tls->ssl) {
        BIO_free(bio);
        net_tls_free(tls);
        return NULL;
    }
    SSL_set_bio(tls->ssl, bio, bio);
    if (context->is_server) {
        SSL_set_accept_state(tls->ssl);
    } else {
        SSL_set_connect_state(tls->ssl);
    }
    if (!set_host(tls, host)) {
        net_tls_free(tls);
        return NULL;
    }
    return tls;
}

int net_stream_start_tls(struct net_stream *stream, struct net_tls_context *context,
                         const char *host)
{
    bool is_open = (stream->flags & NET_IS_OPEN) &&
                   !(stream->flags & (NET_IS_CLOSING | NET_IS_ENDED)) && !stream->tls;
    if (!is_open) {
        return BASE_ESTATE;
    }
    /* Inside on_data the rest is known only when the handler returns: deliver() looks then. */
    if (!(stream->flags & NET_IS_IN_HANDLER) &&
        (stream->held.bytes > 0 || stream->in || stream->early)) {
        return BASE_EPROTOCOL;
    }
    ERR_clear_error();
    stream->tls = tls_new(stream, context, host);
    ERR_clear_error();
    if (!stream->tls) {
        return BASE_ETLS;
    }
    net_stream_queue(stream, NET_DO_TLS);
    return BASE_OK;
}

int net_stream_start_tls_direct(struct net_stream *stream, struct net_tls_context *context)
{
    INVARIANT(stream->flags & NET_IS_IN_HANDLER);
    int status = net_stream_start_tls(stream, context, NULL);
    if (status == BASE_OK) {
        stream->tls->is_direct = true;
    }
    return status;
}

/* One step. True when TLS is up and the owner still wants to read. */
static bool step_handshake(struct net_stream *stream)
{
    struct net_tls *tls = stream->tls;
    ERR_clear_error();
    int result = SSL_do_handshake(tls->ssl);
    if (result != 1) {
        int error = SSL_get_error(tls->ssl, result);
        if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
            fail_handshake(stream, NULL);
        }
        return false;
    }
    if ((tls->context->needs_alpn || tls->is_direct) && !net_tls_alpn_is_agreed(tls->ssl)) {
        fail_handshake(stream, "the peer did not agree to ALPN \"postgresql\"");
        return false;
    }
    tls->state = NET_TLS_UP;
    if (tls->plain_kept || tls->plain_count > 0) {
        net_stream_queue(stream, NET_DO_SEND);
    }
    if (stream->ops->on_tls) {
        stream->ops->on_tls(stream, BASE_OK);
    }
    return !(stream->flags & (NET_IS_PAUSED | NET_IS_CLOSING | NET_IS_ENDED));
}

void net_tls_begin(struct net_stream *stream)
{
    if (stream->tls->state == NET_TLS_HANDSHAKE) {
        (void)step_handshake(stream);
    }
}

/* ---- input ----------------------------------------------------------------------------------- */

bool net_tls_is_direct(const struct net_stream *stream)
{
    return stream->tls && stream->tls->is_direct;
}

void net_tls_feed(struct net_stream *stream, struct base_slice cipher)
{
    INVARIANT(stream->tls->cipher.bytes == 0 && !stream->tls->cipher_kept);
    stream->tls->cipher = cipher;
}

bool net_tls_has_input(const struct net_stream *stream)
{
    const struct net_tls *tls = stream->tls;
    return tls->state != NET_TLS_FAILED &&
           (tls->cipher.bytes > 0 || tls->end_status || SSL_pending(tls->ssl) > 0);
}

int net_tls_keep(struct net_stream *stream)
{
    struct net_tls *tls = stream->tls;
    if (tls->cipher.bytes == 0 || tls->cipher_kept) {
        return BASE_OK;
    }
    int status = net_buffer_append(&tls->cipher_kept, tls->cipher);
    if (status == BASE_OK) {
        tls->cipher = net_buffer_live(tls->cipher_kept);
    }
    return status;
}

/* SSL_read said it cannot go on. The status the stream ends with, 0 when it waits for more. */
static int read_status(struct net_tls *tls, int result)
{
    switch (SSL_get_error(tls->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return 0;
    case SSL_ERROR_ZERO_RETURN:
        return BASE_EEOF;
    default:
        note_error(tls, NULL);
        return BASE_ETLS;
    }
}

size_t net_tls_read(struct net_stream *stream, uint8_t *out, size_t bytes)
{
    struct net_tls *tls = stream->tls;
    size_t total = 0;
    if (tls->end_status) {
        net_stream_end(stream, tls->end_status);
        return 0;
    }
    if (tls->state == NET_TLS_HANDSHAKE && !step_handshake(stream)) {
        return 0;
    }
    ERR_clear_error();
    while (total < bytes) {
        size_t got = 0;
        int result = SSL_read_ex(tls->ssl, out + total, bytes - total, &got);
        if (result != 1) {
            tls->end_status = read_status(tls, result);
            break;
        }
        total += got;
    }
    if (total == 0 && tls->end_status) {
        net_stream_end(stream, tls->end_status);
    }
    return total;
}

void net_tls_end_of_file(struct net_stream *stream)
{
    if (stream->tls->state == NET_TLS_HANDSHAKE) {
        fail_handshake(stream, "the peer closed the connection during the handshake");
    } else {
        net_stream_end(stream, BASE_EEOF);
    }
}

/* ---- output ---------------------------------------------------------------------------------- */

void net_tls_send(struct net_stream *stream, struct base_slice out)
{
    struct net_tls *tls = stream->tls;
    net_turn_push(stream->loop, &tls->plain_turn, &tls->plain_count, &tls->plain_room, out);
    stream->unsent_bytes += out.bytes;
    if (!(stream->flags & NET_DO_SEND)) {
        net_stream_queue(stream, NET_DO_SEND);
    }
}

void net_tls_drop_output(struct net_tls *tls)
{
    tls->plain_turn = NULL;
    tls->plain_count = 0;
    tls->plain_room = 0;
    free(tls->plain_kept);
    tls->plain_kept = NULL;
}

static void encrypt(struct net_stream *stream, const void *data, size_t bytes)
{
    size_t written = 0;
    ERR_clear_error();
    stream->unsent_bytes -= bytes;
    if (bytes > 0 && SSL_write_ex(stream->tls->ssl, data, bytes, &written) != 1) {
        note_error(stream->tls, NULL);
        net_stream_end(stream, BASE_ETLS);
    }
    INVARIANT(written == bytes || (stream->flags & NET_IS_ENDED));
}

/* Small slices share a record: one message often comes in several of them. */
static void encrypt_slices(struct net_stream *stream, const struct iovec *slices, uint32_t count)
{
    uint8_t *scratch = count > 1 ? net_turn_alloc(stream->loop, RECORD_BYTES_MAX) : NULL;
    size_t used = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool is_last = i + 1 == count;
        if (!scratch || slices[i].iov_len > RECORD_BYTES_MAX - used || (is_last && used == 0)) {
            encrypt(stream, scratch, used);
            used = 0;
            encrypt(stream, slices[i].iov_base, slices[i].iov_len);
            continue;
        }
        memcpy(scratch + used, slices[i].iov_base, slices[i].iov_len);
        used += slices[i].iov_len;
    }
    encrypt(stream, scratch, used);
}

/* Plain text that cannot be encrypted yet outlives the turn. */
static void keep_plain(struct net_stream *stream)
{
    struct net_tls *tls = stream->tls;
    const struct iovec *slices = tls->plain_turn;
    for (uint32_t i = 0; i < tls->plain_count; i++) {
        if (net_buffer_append(&tls->plain_kept,
                              base_slice_of(slices[i].iov_base, slices[i].iov_len)) != BASE_OK) {
            net_stream_end(stream, BASE_ENOMEM);
            break;
        }
    }
    tls->plain_turn = NULL;
    tls->plain_count = 0;
    tls->plain_room = 0;
}

static void encrypt_queued(struct net_stream *stream)
{
    struct net_tls *tls = stream->tls;
    const struct iovec *slices = tls->plain_turn;
    uint32_t count = tls->plain_count;
    struct net_buffer *kept = tls->plain_kept;
    size_t bytes = net_buffer_live(kept).bytes;
    for (uint32_t i = 0; i < count; i++) {
        bytes += slices[i].iov_len;
    }
    if (bytes == 0) {
        return;
    }
    tls->plain_kept = NULL;
    net_tls_drop_output(tls);
    /* All records of the turn lie side by side, so they are one slice. */
    size_t room = bytes + (bytes / RECORD_BYTES_MAX + count + 2) * RECORD_OVERHEAD;
    uint8_t *place = net_turn_alloc(stream->loop, room);
    tls->out_place = place;
    tls->out_room = room;
    encrypt(stream, net_buffer_live(kept).data, net_buffer_live(kept).bytes);
    free(kept);
    encrypt_slices(stream, slices, count);
    net_turn_trim(stream->loop, place, room, room - tls->out_room);
    tls->out_place = NULL;
    tls->out_room = 0;
}

void net_tls_encrypt(struct net_stream *stream)
{
    struct net_tls *tls = stream->tls;
    if (tls->state == NET_TLS_HANDSHAKE && !(stream->flags & (NET_IS_CLOSING | NET_IS_ENDED))) {
        keep_plain(stream);
    } else if (tls->state == NET_TLS_UP) {
        encrypt_queued(stream);
        if ((stream->flags & NET_IS_CLOSING) && !tls->is_notified) {
            tls->is_notified = true;
            ERR_clear_error();
            (void)SSL_shutdown(tls->ssl); /* queues the alert; nobody waits for the answer */
            ERR_clear_error();
        }
    }
}

void net_tls_free(struct net_tls *tls)
{
    if (!tls) {
        return;
    }
    net_tls_drop_output(tls);
    SSL_free(tls->ssl);
    free(tls->cipher_kept);
    free(tls->error);
    net_tls_context_free(tls->context);
    free(tls);
}
