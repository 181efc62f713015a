/* certificates.h - a throw-away certificate authority for the TLS tests, made with OpenSSL.
 */
#ifndef NET_CERTIFICATES_H
#define NET_CERTIFICATES_H

#include <openssl/evp.h>
#include <openssl/x509.h>

struct authority {
    char directory[64];
    EVP_PKEY *key;
    X509 *certificate;
    char ca_file[96];
    char cert_file[96]; /* of the latest authority_issue */
    char key_file[96];
};

/* An authority of its own in a directory of its own. */
void authority_init(struct authority *authority, const char *name);
/* Writes cert_file and key_file for a common name and subject alternative names such as
 * "DNS:db.example,IP:127.0.0.1" (NULL: none), signed with the digest named. */
void authority_issue(struct authority *authority, const char *common_name, const char *names,
                     const char *digest);
/* Removes all files. */
void authority_done(struct authority *authority);

#endif
