/* tls_info.c - what is asked about a TLS stream: its cipher, its certificates, its last error.
 * Test: unit/net/test_tls.c.
 */
#include "net/tls_internal.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

bool net_stream_has_tls(const struct net_stream *stream)
{
    return stream->tls && stream->tls->state == NET_TLS_UP;
}

void net_stream_tls_text(const struct net_stream *stream, char *out, size_t bytes)
{
    if (bytes == 0) {
        return;
    }
    out[0] = '\0';
    if (net_stream_has_tls(stream)) {
        snprintf(out, bytes, "%s/%s", SSL_get_version(stream->tls->ssl),
                 SSL_get_cipher_name(stream->tls->ssl));
    }
}

/* RFC 5929, 4.1: the hash of the certificate's own signature, SHA-256 in place of MD5 and SHA-1. A
 * signature without one (Ed25519) has no defined binding. */
size_t net_stream_tls_endpoint(const struct net_stream *stream, uint8_t out[64])
{
    if (!net_stream_has_tls(stream)) {
        return 0;
    }
    const struct net_tls *tls = stream->tls;
    X509 *certificate = tls->context->is_server ? SSL_get_certificate(tls->ssl)
                                                : SSL_get0_peer_certificate(tls->ssl);
    int digest = NID_undef;
    if (!certificate || X509_get_signature_info(certificate, &digest, NULL, NULL, NULL) != 1) {
        return 0;
    }
    if (digest == NID_md5 || digest == NID_sha1) {
        digest = NID_sha256;
    }
    const EVP_MD *method = digest == NID_undef ? NULL : EVP_get_digestbynid(digest);
    unsigned int count = 0;
    if (!method || EVP_MD_get_size(method) > 64 ||
        X509_digest(certificate, method, out, &count) != 1) {
        return 0;
    }
    return count;
}

/* The peer's certificate, verified; NULL when there is none. */
static const X509 *verified_peer(const struct net_stream *stream)
{
    if (!net_stream_has_tls(stream) || SSL_get_verify_result(stream->tls->ssl) != X509_V_OK ||
        SSL_get_verify_mode(stream->tls->ssl) == SSL_VERIFY_NONE) {
        return NULL;
    }
    return SSL_get0_peer_certificate(stream->tls->ssl);
}

bool net_stream_tls_has_peer(const struct net_stream *stream)
{
    return verified_peer(stream) != NULL;
}

size_t net_stream_tls_peer_dn(const struct net_stream *stream, char *out, size_t bytes)
{
    const X509 *certificate = verified_peer(stream);
    BIO *bio = certificate ? BIO_new(BIO_s_mem()) : NULL;
    char *text = NULL;
    size_t count = 0;
    if (bio &&
        X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) >= 0) {
        long length = BIO_get_mem_data(bio, &text);
        count = length > 0 && (size_t)length < bytes && !memchr(text, '\0', (size_t)length)
                    ? (size_t)length
                    : 0;
    }
    if (count > 0) {
        memcpy(out, text, count);
        out[count] = '\0';
    }
    BIO_free(bio);
    return count;
}

size_t net_stream_tls_peer_name(const struct net_stream *stream, char *out, size_t bytes)
{
    const X509 *certificate = verified_peer(stream);
    const X509_NAME *subject = certificate ? X509_get_subject_name(certificate) : NULL;
    int idx = subject ? X509_NAME_get_index_by_NID(subject, NID_commonName, -1) : -1;
    if (idx < 0) {
        return 0;
    }
    unsigned char *name = NULL;
    int length =
        ASN1_STRING_to_UTF8(&name, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, idx)));
    size_t count = length > 0 ? (size_t)length : 0;
    /* A zero byte inside would make two names look alike to those who read C strings. */
    bool is_usable = count > 0 && count < bytes && !memchr(name, '\0', count);
    if (is_usable) {
        memcpy(out, name, count);
        out[count] = '\0';
    }
    if (length >= 0) {
        OPENSSL_free(name);
    }
    return is_usable ? count : 0;
}

const char *net_stream_tls_error(const struct net_stream *stream)
{
    return stream->tls && stream->tls->error ? stream->tls->error : "";
}
