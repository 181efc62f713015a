/* certificates.c - see certificates.h. */
#include "certificates.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

static void write_certificate(const char *path, X509 *certificate)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, certificate), 1);
    fclose(file);
}

static void write_key(const char *path, EVP_PKEY *key)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
}

static void add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static X509 *certificate_new(const char *common_name, EVP_PKEY *key, X509 *issuer)
{
    static long serial;
    X509 *certificate = X509_new();
    assert_non_null(certificate);
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1,
                               -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer ? issuer : certificate));
    return certificate;
}

static void set_paths(struct authority *authority)
{
    snprintf(authority->ca_file, sizeof(authority->ca_file), "%s/ca.crt", authority->directory);
    snprintf(authority->cert_file, sizeof(authority->cert_file), "%s/one.crt",
             authority->directory);
    snprintf(authority->key_file, sizeof(authority->key_file), "%s/one.key", authority->directory);
}

void authority_init(struct authority *authority, const char *name)
{
    *authority = (struct authority){.directory = "/tmp/weir-test-ca-XXXXXX"};
    assert_non_null(mkdtemp(authority->directory));
    set_paths(authority);
    authority->key = EVP_EC_gen("P-256");
    assert_non_null(authority->key);
    authority->certificate = certificate_new(name, authority->key, NULL);
    add_extension(authority->certificate, authority->certificate, NID_basic_constraints,
                  "critical,CA:TRUE");
    assert_true(X509_sign(authority->certificate, authority->key, EVP_sha256()) > 0);
    write_certificate(authority->ca_file, authority->certificate);
}

void authority_issue(struct authority *authority, const char *common_name, const char *names,
                     const char *digest)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    assert_non_null(key);
    X509 *certificate = certificate_new(common_name, key, authority->certificate);
    if (names) {
        add_extension(certificate, authority->certificate, NID_subject_alt_name, names);
    }
    assert_true(X509_sign(certificate, authority->key, EVP_get_digestbyname(digest)) > 0);
    write_certificate(authority->cert_file, certificate);
    write_key(authority->key_file, key);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

void authority_done(struct authority *authority)
{
    unlink(authority->ca_file);
    unlink(authority->cert_file);
    unlink(authority->key_file);
    assert_int_equal(rmdir(authority->directory), 0);
    X509_free(authority->certificate);
    EVP_PKEY_free(authority->key);
}
