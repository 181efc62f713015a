/* auth_file.c - users and secrets, one a line: "user" "secret", the rest of the line ignored.
 *
 * Doubled double quotes stand for one. Lines that are empty or begin with ; or # are comments.
 * The secret is kept as text; its kind is told by its shape:
 *     md5 and 32 hexadecimal digits               CONFIG_SECRET_MD5
 *     SCRAM-SHA-256$iterations:salt$stored:server CONFIG_SECRET_SCRAM
 *     anything else                               CONFIG_SECRET_PLAIN
 * Invariant: no error repeats a line's contents; a line that lost a quote may be all secret.
 * Test: tests/unit/config/test_auth_file.c.
 */
#include "config/build.h"

#define SECRET_BYTES_MAX 4096

static bool is_md5(struct base_slice secret)
{
    if (secret.bytes != 35 || memcmp(secret.data, "md5", 3) != 0)
        return false;
    for (size_t i = 3; i < secret.bytes; i++) {
        if (memchr("0123456789abcdefABCDEF", secret.data[i], 22) == NULL)
            return false;
    }
    return true;
}

enum config_secret config_secret_kind(const char *secret)
{
    static const char scram[] = "SCRAM-SHA-256$";

    if (is_md5(base_slice_text(secret)))
        return CONFIG_SECRET_MD5;
    if (strncmp(secret, scram, strlen(scram)) == 0)
        return CONFIG_SECRET_SCRAM;
    return CONFIG_SECRET_PLAIN;
}

/* Whether a SCRAM secret has its four fields; their contents are checked where they are used. */
static bool scram_has_shape(const char *secret)
{
    const char *fields = strchr(secret, '$') + 1, *salt = strchr(fields, ':');
    const char *keys = salt ? strchr(salt, '$') : NULL;
    const char *server = keys ? strchr(keys, ':') : NULL;

    return server != NULL && salt > fields &&
           strspn(fields, "0123456789") == (size_t)(salt - fields) && keys > salt + 1 &&
           server > keys + 1 && server[1] != '\0';
}

/* Takes "text" off the rest; NULL when there is none or it does not end. */
static const char *field_take(struct config_builder *builder, struct base_slice *rest)
{
    size_t bytes = 1;
    struct base_slice inner;
    char *plain;

    *rest = config_trim(*rest);
    if (rest->bytes == 0 || rest->data[0] != '"')
        return NULL;
    for (; bytes < rest->bytes; bytes++) {
        if (rest->data[bytes] != '"')
            continue;
        if (bytes + 1 >= rest->bytes || rest->data[bytes + 1] != '"')
            break;
        bytes++;
    }
    if (bytes >= rest->bytes)
        return NULL;
    inner = base_slice_of(rest->data + 1, bytes - 1);
    plain = config_build_take(builder, inner.bytes + 1);
    if (plain != NULL)
        config_unquote(inner, '"', plain);
    *rest = base_slice_skip(*rest, bytes + 1);
    return plain;
}

static void read_line(struct config_builder *builder, struct base_slice line)
{
    const char *name = field_take(builder, &line), *secret = NULL;
    struct config_user *user;

    if (name != NULL)
        secret = field_take(builder, &line);
    if (builder->is_out_of_memory)
        return;
    if (secret == NULL)
        config_error_add(
            builder->errors, builder->place,
            "expected \"user\" \"secret\" in double quotes (a quote inside is doubled)");
    else if (name[0] == '\0' || strlen(name) > OPTION_NAME_BYTES)
        config_error_add(builder->errors, builder->place, "a user name has 1 to %d bytes",
                         OPTION_NAME_BYTES);
    else if (strlen(secret) > SECRET_BYTES_MAX)
        config_error_add(builder->errors, builder->place, "the secret is longer than %d bytes",
                         SECRET_BYTES_MAX);
    else if (config_secret_kind(secret) == CONFIG_SECRET_SCRAM && !scram_has_shape(secret))
        config_error_add(builder->errors, builder->place,
                         "a SCRAM secret has the form "
                         "SCRAM-SHA-256$iterations:salt$storedkey:serverkey, as in pg_authid");
    else if ((user = config_build_user(builder, base_slice_text(name))) != NULL) {
        user->secret = secret;
        user->secret_kind = config_secret_kind(secret);
        user->is_listed = true;
    }
}

void config_build_auth(struct config_builder *builder, const char *file, struct base_slice text)
{
    unsigned line_number = 0;

    file = config_build_copy(builder, base_slice_text(file));
    while (text.bytes > 0 && !builder->is_out_of_memory) {
        const uint8_t *end = memchr(text.data, '\n', text.bytes);
        size_t bytes = end ? (size_t)(end - text.data) : text.bytes;
        struct base_slice line = config_trim(base_slice_of(text.data, bytes));

        text = base_slice_skip(text, end ? bytes + 1 : bytes);
        builder->place = (struct config_place){file, ++line_number};
        if (line.bytes == 0 || line.data[0] == ';' || line.data[0] == '#')
            continue;
        if (line.bytes > CONFIG_LINE_BYTES_MAX || memchr(line.data, '\0', line.bytes) != NULL)
            config_error_add(builder->errors, builder->place,
                             "the line is longer than 128 KiB or has a zero byte: is this the "
                             "right file?");
        else
            read_line(builder, line);
    }
    builder->place = (struct config_place){"", 0};
}
