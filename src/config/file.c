/* file.c - where configuration touches the system: files, and who we are.
 *
 * A file is read whole, at most CONFIG_FILE_BYTES_MAX, and its bytes are cleared after use, since
 * secrets are in it. Only regular files, pipes and /dev/stdin's kind are read; a folder is refused.
 * Not here: any parsing. Test: tests/unit/config/test_snapshot.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "config/build.h"

static int fail(char *why, size_t why_bytes)
{
    snprintf(why, why_bytes, "%s", strerror(errno));
    return errno == ENOENT ? BASE_ESTALE : BASE_ECONFIG;
}

/* Moves to a larger buffer, clearing the old one. NULL, with the old one freed, without memory. */
static uint8_t *buffer_grow(uint8_t *data, size_t used, size_t bytes)
{
    uint8_t *grown = malloc(bytes);

    if (grown != NULL && used > 0)
        memcpy(grown, data, used);
    if (data != NULL)
        explicit_bzero(data, used);
    free(data);
    return grown;
}

static void file_release(void *context, struct base_slice text)
{
    (void)context;
    if (text.data == NULL)
        return;
    explicit_bzero((void *)(uintptr_t)text.data, text.bytes);
    free((void *)(uintptr_t)text.data);
}

static int read_all(int fd, struct base_slice *ret_text, char *why, size_t why_bytes)
{
    size_t bytes = 0, capacity = 16384;
    uint8_t *data = buffer_grow(NULL, 0, capacity);

    for (;;) {
        ssize_t got;

        if (bytes == capacity && data != NULL) {
            data = buffer_grow(data, bytes, capacity * 2);
            capacity *= 2;
        }
        if (data == NULL) {
            errno = ENOMEM;
            return fail(why, why_bytes);
        }
        got = read(fd, data + bytes, capacity - bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0 || bytes + (size_t)got > CONFIG_FILE_BYTES_MAX) {
            if (got == 0) {
                *ret_text = base_slice_of(data, bytes);
                return BASE_OK;
            }
            errno = got < 0 ? errno : EFBIG;
            fail(why, why_bytes);
            file_release(NULL, base_slice_of(data, bytes));
            return BASE_ECONFIG;
        }
        bytes += (size_t)got;
    }
}

static int file_read(void *context, const char *path, struct base_slice *ret_text, char *why,
                     size_t why_bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int status;

    (void)context;
    if (fd < 0)
        return fail(why, why_bytes);
    status = read_all(fd, ret_text, why, why_bytes);
    close(fd);
    return status;
}

/* Reads auth_file when one is named. */
static void load_auth(struct config_builder *builder)
{
    const char *path = config_build_options(builder)->auth_file;
    struct base_slice text;
    char why[256] = "";

    if (path[0] == '\0')
        return;
    if (file_read(NULL, path, &text, why, sizeof(why)) != BASE_OK) {
        config_error_add(builder->errors, builder->option_place[CONFIG_OPTION_auth_file],
                         "auth_file %s cannot be read: %s", path, why);
        return;
    }
    config_build_auth(builder, path, text);
    file_release(NULL, text);
}

/* Reads one of the access files; false, with an error, when it cannot be read. */
static bool read_access(struct config_builder *builder, enum config_option option, const char *path,
                        struct base_slice *ret_text)
{
    char why[256] = "";

    *ret_text = (struct base_slice){0};
    if (path[0] == '\0' || file_read(NULL, path, ret_text, why, sizeof(why)) == BASE_OK)
        return true;
    config_error_add(builder->errors, builder->option_place[option], "%s %s cannot be read: %s",
                     config_option_info(option)->name, path, why);
    return false;
}

/* Reads auth_hba_file and auth_ident_file when they count. */
static void load_access(struct config_builder *builder)
{
    const struct config_options *options = config_build_options(builder);
    const char *file = options->auth_hba_file, *ident_file = options->auth_ident_file;
    struct base_slice text, ident_text = {0};

    if (options->auth_type != CONFIG_AUTH_TYPE_HBA || file[0] == '\0')
        return;
    if (read_access(builder, CONFIG_OPTION_auth_hba_file, file, &text) &&
        read_access(builder, CONFIG_OPTION_auth_ident_file, ident_file, &ident_text))
        config_build_hba(builder, file, text, ident_file, ident_text);
    file_release(NULL, text);
    file_release(NULL, ident_text);
}

/* Options that name a file to be read need it readable. */
static void check_files(struct config_builder *builder)
{
    for (unsigned i = 0; i < config_table_options.key_count; i++) {
        const struct config_key *key = &config_table_options.keys[i];
        const char *path;

        if (key->info.type != CONFIG_TYPE_FILE || i == CONFIG_OPTION_auth_file)
            continue;
        path = *(const char *const *)config_key_field(key, config_build_options(builder));
        if (path[0] != '\0' && access(path, R_OK) != 0)
            config_error_add(builder->errors, builder->option_place[i], "%s %s cannot be read: %s",
                             key->info.name, path, strerror(errno));
    }
}

int config_load(const char *path, struct config **ret_config, struct config_errors *errors)
{
    static const struct config_reader reader = {file_read, file_release, NULL};
    struct config_builder builder;
    struct base_slice text;
    char why[256] = "";

    config_build_begin(&builder, errors, &reader);
    if (file_read(NULL, path, &text, why, sizeof(why)) != BASE_OK) {
        config_error_add(errors, (struct config_place){path, 0}, "the file cannot be read: %s",
                         why);
        return config_build_end(&builder, ret_config);
    }
    if (builder.snapshot != NULL) {
        builder.snapshot->config.file = config_build_copy(&builder, base_slice_text(path));
        config_build_text(&builder, path, text);
        load_auth(&builder);
        load_access(&builder);
        if (*config_build_options(&builder)->conffile == '\0')
            config_build_options(&builder)->conffile = builder.snapshot->config.file;
        check_files(&builder);
    }
    file_release(NULL, text);
    return config_build_end(&builder, ret_config);
}

int config_from_url(const char *url, struct config **ret_config, struct config_errors *errors)
{
    struct config_builder builder;
    const struct passwd *self = getpwuid(geteuid());

    config_build_begin(&builder, errors, NULL);
    if (builder.snapshot != NULL) {
        config_build_url(&builder, url, self ? self->pw_name : "");
        check_files(&builder);
    }
    return config_build_end(&builder, ret_config);
}
