/* token.c - see token.h. */
#include "auth/token.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jose/b64.h>
#include <jose/cfg.h>
#include <jose/jws.h>

#define PARTS             3
#define ISSUED_BY_DEFAULT "horizon"
#define SECONDS_MAX       253402300799.0 /* the end of the year 9999 */

static const struct {
    int status;
    const char *code, *text;
} statuses[] = {
    {TOKEN_OK, "ok", "the token is good"},
    {TOKEN_EMISSING, "missing_token",
     "this needs a bearer token; log in and send \"Authorization: Bearer TOKEN\""},
    {TOKEN_EMALFORMED, "malformed_token",
     "the bearer token is no JSON Web Token in compact form; log in again"},
    {TOKEN_ESIGNATURE, "invalid_signature",
     "the token's signature is not one this server believes; log in again"},
    {TOKEN_EUNKNOWNKEY, "invalid_signature",
     "the token is signed with a key this server does not know; log in again in a minute"},
    {TOKEN_EEXPIRED, "token_expired", "the token has expired; renew it or log in again"},
    {TOKEN_ENOTYET, "token_not_yet_valid",
     "the token is not valid yet; the clocks of issuer and server may differ"},
    {TOKEN_ECLAIMS, "invalid_claims",
     "the token is not one for this service: exp, sub, iss, aud or use are missing or wrong"},
};

static size_t find_status(int status)
{
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        if (statuses[i].status == status) {
            return i;
        }
    }
    return 2;
}

const char *token_status_code(int status)
{
    return statuses[find_status(status)].code;
}

const char *token_status_text(int status)
{
    return statuses[find_status(status)].text;
}

bool token_is_uuid(const char *text)
{
    static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    for (size_t i = 0; i < sizeof(shape); i++) {
        bool is_hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
        if (shape[i] == 'x' ? !is_hex : text[i] != shape[i]) {
            return false;
        }
    }
    return true;
}

int token_of_header(const char *header, const char **ret_token, size_t *ret_bytes)
{
    static const char scheme[] = "bearer ";
    if (!header || strncasecmp(header, scheme, sizeof(scheme) - 1) != 0) {
        return TOKEN_EMISSING;
    }
    const char *token = header + sizeof(scheme) - 1;
    while (*token == ' ') {
        token++;
    }
    size_t bytes = strlen(token);
    if (bytes == 0) {
        return TOKEN_EMISSING;
    }
    if (bytes > TOKEN_BYTES_MAX) {
        return TOKEN_EMALFORMED;
    }
    *ret_token = token;
    *ret_bytes = bytes;
    return TOKEN_OK;
}

/* ---- form ------------------------------------------------------------------------------------
 */

struct part {
    const char *text;
    size_t bytes;
};

static bool is_base64url(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

static bool split(const char *token, size_t bytes, struct part parts[PARTS])
{
    size_t count = 0, start = 0;
    for (size_t i = 0; i <= bytes; i++) {
        if (i < bytes && token[i] != '.') {
            if (!is_base64url(token[i])) {
                return false;
            }
            continue;
        }
        if (count == PARTS) {
            return false;
        }
        parts[count++] = (struct part){token + start, i - start};
        start = i + 1;
    }
    return count == PARTS && parts[0].bytes > 0 && parts[1].bytes > 0;
}

/* The JSON object that a part encodes; NULL when it is none. */
static json_t *decode(struct part part)
{
    unsigned char bytes[TOKEN_BYTES_MAX];
    size_t count = jose_b64_dec_buf(part.text, part.bytes, bytes, sizeof(bytes));
    if (count == SIZE_MAX) {
        return NULL;
    }
    json_t *value = json_loadb((const char *)bytes, count, JSON_REJECT_DUPLICATES, NULL);
    if (value && !json_is_object(value)) {
        json_decref(value);
        return NULL;
    }
    return value;
}

/* ---- signature -------------------------------------------------------------------------------
 */

static void keep_quiet(void *misc, const char *file, int line, uint64_t error, const char *format,
                       va_list arguments)
{
    (void)misc;
    (void)file;
    (void)line;
    (void)error;
    (void)format;
    (void)arguments;
}

/* Without a configuration libjose writes its complaints to standard error. */
static jose_cfg_t *quiet(void)
{
    jose_cfg_t *cfg = jose_cfg();
    if (cfg) {
        jose_cfg_set_err_func(cfg, keep_quiet, NULL);
    }
    return cfg;
}

static int verify(const struct keyring *ring, const json_t *header, const struct part parts[PARTS])
{
    const char *alg = json_string_value(json_object_get(header, "alg"));
    const json_t *named = json_object_get(header, "kid");
    if (!alg || (named && !json_is_string(named))) {
        return TOKEN_EMALFORMED;
    }
    if (!keyring_accepts(ring, alg) || json_object_get(header, "crit") || parts[2].bytes == 0) {
        return TOKEN_ESIGNATURE;
    }
    const char *kid = json_string_value(named);
    if (!keyring_find(ring, alg, kid, 0)) {
        return TOKEN_EUNKNOWNKEY;
    }
    json_t *jws =
        json_pack("{s:s%, s:s%, s:s%}", "protected", parts[0].text, parts[0].bytes, "payload",
                  parts[1].text, parts[1].bytes, "signature", parts[2].text, parts[2].bytes);
    jose_cfg_t *cfg = quiet();
    bool is_good = false;
    const json_t *key;
    for (size_t i = 0; jws && cfg && !is_good && (key = keyring_find(ring, alg, kid, i)); i++) {
        is_good = jose_jws_ver(cfg, jws, NULL, key, false);
    }
    jose_cfg_decref(cfg);
    json_decref(jws);
    return is_good ? TOKEN_OK : TOKEN_ESIGNATURE;
}

/* ---- claims ----------------------------------------------------------------------------------
 */

/* A NumericDate (RFC 7519 section 2), rounded down; false when it is none. */
static bool read_time(const json_t *claims, const char *name, int64_t *ret_time)
{
    const json_t *value = json_object_get(claims, name);
    double seconds = json_number_value(value);
    if (!json_is_number(value) || !(seconds >= 0 && seconds <= SECONDS_MAX)) {
        return false;
    }
    *ret_time = (int64_t)floor(seconds);
    return true;
}

static int check_times(const json_t *claims, int64_t now, int64_t *ret_expires)
{
    static const char *const begins[] = {"nbf", "iat"};
    int64_t expires;
    if (!read_time(claims, "exp", &expires)) {
        return TOKEN_ECLAIMS;
    }
    if (now >= expires + TOKEN_LEEWAY_S) {
        return TOKEN_EEXPIRED;
    }
    for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
        int64_t begin;
        if (!json_object_get(claims, begins[i])) {
            continue;
        }
        if (!read_time(claims, begins[i], &begin)) {
            return TOKEN_ECLAIMS;
        }
        if (begin > now + TOKEN_LEEWAY_S) {
            return TOKEN_ENOTYET;
        }
    }
    *ret_expires = expires;
    return TOKEN_OK;
}

static bool is_equal(const json_t *value, const char *wanted)
{
    return json_is_string(value) && strcmp(json_string_value(value), wanted) == 0;
}

/* `aud` is one text or a list of them (RFC 7519 section 4.1.3). */
static bool has_audience(const json_t *claims, const char *wanted)
{
    const json_t *audience = json_object_get(claims, "aud");
    for (size_t i = 0; i < json_array_size(audience); i++) {
        if (is_equal(json_array_get(audience, i), wanted)) {
            return true;
        }
    }
    return is_equal(audience, wanted);
}

static const char *use_name(enum token_use use)
{
    return use == TOKEN_REFRESH ? "refresh" : "access";
}

static bool is_for_us(const json_t *claims, const struct token_rules *rules, enum token_use use)
{
    if (rules->issuer && !is_equal(json_object_get(claims, "iss"), rules->issuer)) {
        return false;
    }
    if (rules->audience && !has_audience(claims, rules->audience)) {
        return false;
    }
    return rules->is_own ? is_equal(json_object_get(claims, "use"), use_name(use))
                         : use == TOKEN_ACCESS;
}

/* Copies a text that is absent or fits; one that is too long is left out. */
static void copy_text(const json_t *claims, const char *name, char *to, size_t bytes)
{
    const char *text = json_string_value(json_object_get(claims, name));
    size_t length = text ? strlen(text) : 0;
    if (length < bytes) {
        memcpy(to, text ? text : "", length + 1);
    }
}

static int check_claims(const json_t *claims, const struct token_rules *rules, enum token_use use,
                        int64_t now, struct token_claims *ret_claims)
{
    const char *subject = json_string_value(json_object_get(claims, "sub"));
    struct token_claims read = {0};
    int r = check_times(claims, now, &read.expires);
    if (r < 0) {
        return r;
    }
    if (!subject || !token_is_uuid(subject) || !is_for_us(claims, rules, use)) {
        return TOKEN_ECLAIMS;
    }
    memcpy(read.user_id, subject, sizeof(read.user_id));
    copy_text(claims, rules->is_own ? "login" : "email", read.login, sizeof(read.login));
    copy_text(claims, "stamp", read.stamp, sizeof(read.stamp));
    *ret_claims = read;
    return TOKEN_OK;
}

int token_check(const struct keyring *ring, const struct token_rules *rules, enum token_use use,
                const char *token, size_t bytes, int64_t now, struct token_claims *ret_claims)
{
    struct part parts[PARTS];
    if (bytes > TOKEN_BYTES_MAX || !split(token, bytes, parts)) {
        return TOKEN_EMALFORMED;
    }
    json_t *header = decode(parts[0]);
    int r = header ? verify(ring, header, parts) : TOKEN_EMALFORMED;
    json_decref(header);
    if (r < 0) {
        return r;
    }
    json_t *claims = decode(parts[1]);
    r = claims ? check_claims(claims, rules, use, now, ret_claims) : TOKEN_EMALFORMED;
    json_decref(claims);
    return r;
}

/* ---- making ----------------------------------------------------------------------------------
 */

static json_t *make_payload(const struct token_rules *rules, enum token_use use,
                            const struct token_claims *claims, int64_t now)
{
    json_t *payload = json_pack(
        "{s:s, s:s, s:I, s:I, s:s, s:s}", "iss", rules->issuer ? rules->issuer : ISSUED_BY_DEFAULT,
        "sub", claims->user_id, "iat", (json_int_t)now, "exp", (json_int_t)claims->expires, "use",
        use_name(use), "login", claims->login);
    if (payload && rules->audience) {
        json_object_set_new(payload, "aud", json_string(rules->audience));
    }
    if (payload && claims->stamp[0]) {
        json_object_set_new(payload, "stamp", json_string(claims->stamp));
    }
    return payload;
}

static char *compact(const json_t *jws)
{
    static const char *const members[PARTS] = {"protected", "payload", "signature"};
    size_t bytes = 0;
    const char *texts[PARTS];
    for (size_t i = 0; i < PARTS; i++) {
        texts[i] = json_string_value(json_object_get(jws, members[i]));
        if (!texts[i]) {
            return NULL;
        }
        bytes += strlen(texts[i]) + 1;
    }
    char *token = malloc(bytes);
    if (token) {
        stpcpy(stpcpy(stpcpy(stpcpy(stpcpy(token, texts[0]), "."), texts[1]), "."), texts[2]);
    }
    return token;
}

char *token_make(const struct keyring *ring, const struct token_rules *rules, enum token_use use,
                 const struct token_claims *claims, int64_t now)
{
    const json_t *key = keyring_signer(ring);
    json_t *payload = key ? make_payload(rules, use, claims, now) : NULL;
    json_t *encoded = payload ? jose_b64_enc_dump(payload) : NULL;
    json_t *jws = encoded ? json_pack("{s:O}", "payload", encoded) : NULL;
    json_t *signature = json_pack("{s:{s:s, s:s}}", "protected", "alg", "HS256", "typ", "JWT");
    jose_cfg_t *cfg = quiet();
    char *token = jws && cfg && jose_jws_sig(cfg, jws, signature, key) ? compact(jws) : NULL;
    jose_cfg_decref(cfg);
    json_decref(signature);
    json_decref(jws);
    json_decref(encoded);
    json_decref(payload);
    return token;
}
