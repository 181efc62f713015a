/* tls_internal.h - what tls.c, tls_context.c and tls_info.c share: the only files that see OpenSSL.
 */
#ifndef NET_TLS_INTERNAL_H
#define NET_TLS_INTERNAL_H

#include <openssl/bio.h>
#include <openssl/ssl.h>

#include "net/net_internal.h"

struct net_tls_context {
    SSL_CTX *ctx;
    BIO_METHOD *bio_method;
    uint32_t refs;
    bool is_server;
    bool needs_alpn;
    enum net_tls_verify verify;
};

enum net_tls_state { NET_TLS_HANDSHAKE, NET_TLS_UP, NET_TLS_FAILED };

struct net_tls {
    SSL *ssl;
    struct net_tls_context *context;
    struct net_stream *stream;
    enum net_tls_state state;
    bool is_direct;   /* begun by the peer's ClientHello, which lay in the stream */
    int end_status;   /* the stream ends with it after what was decrypted has been delivered */
    bool is_notified; /* the closing alert was sent */
    char *error;      /* NULL while all is well */

    struct base_slice cipher;       /* received, not used by OpenSSL yet */
    struct net_buffer *cipher_kept; /* where it lies when it is older than this turn */

    void *plain_turn; /* slices queued in this turn, to be encrypted */
    uint32_t plain_count;
    uint32_t plain_room;
    struct net_buffer *plain_kept; /* queued before the handshake was done */

    uint8_t *out_place; /* where the next record goes, in turn memory */
    size_t out_room;
};

/* tls.c */
BIO_METHOD *net_tls_bio_method_new(void);
/* tls_context.c: both sides agreed on ALPN "postgresql". */
bool net_tls_alpn_is_agreed(const SSL *ssl);

#endif
