/* helper.c - see helper.h */
#include <stdio.h>

#include "helper.h"

static int helper_file_read(void *context, const char *path, struct base_slice *ret_text, char *why,
                            size_t why_bytes)
{
    const struct helper_file *file = context;

    for (; file != NULL && file->path; file++) {
        if (strcmp(file->path, path) == 0) {
            *ret_text = base_slice_text(file->text);
            return BASE_OK;
        }
    }
    snprintf(why, why_bytes, "No such file or directory");
    return BASE_ESTALE;
}

static void helper_file_release(void *context, struct base_slice text)
{
    (void)context;
    (void)text;
}

int helper_read(const char *text, const struct helper_file *files, const char *auth,
                struct config **ret_config, struct config_errors *errors)
{
    struct config_reader reader = {helper_file_read, helper_file_release, (void *)(uintptr_t)files};
    struct config_builder builder;

    config_build_begin(&builder, errors, &reader);
    assert_non_null(builder.snapshot);
    builder.snapshot->config.file = "/etc/weir/weir.ini";
    config_build_text(&builder, "/etc/weir/weir.ini", base_slice_text(text));
    if (auth != NULL)
        config_build_auth(&builder, "/etc/weir/users.txt", base_slice_text(auth));
    return config_build_end(&builder, ret_config);
}

int helper_read_hba(const char *text, const struct helper_file *files, const char *hba,
                    const char *ident, struct config **ret_config, struct config_errors *errors)
{
    struct config_reader reader = {helper_file_read, helper_file_release, (void *)(uintptr_t)files};
    struct config_builder builder;

    config_build_begin(&builder, errors, &reader);
    assert_non_null(builder.snapshot);
    builder.snapshot->config.file = "/etc/weir/weir.ini";
    config_build_text(&builder, "/etc/weir/weir.ini", base_slice_text(text));
    config_build_hba(&builder, "/etc/weir/hba", base_slice_text(hba), "/etc/weir/ident",
                     base_slice_text(ident));
    return config_build_end(&builder, ret_config);
}

void helper_print(const struct config_errors *errors)
{
    char line[1200];

    for (uint32_t i = 0; i < errors->error_count; i++) {
        config_error_format(&errors->errors[i], line, sizeof(line));
        print_message("error  %s\n", line);
    }
    for (uint32_t i = 0; i < errors->advice_count; i++) {
        config_error_format(&errors->advice[i], line, sizeof(line));
        print_message("advice %s\n", line);
    }
}

struct config *helper_config(const char *text)
{
    struct config_errors errors = {0};
    struct config *config = NULL;

    if (helper_read(text, NULL, NULL, &config, &errors) != BASE_OK)
        helper_print(&errors);
    assert_non_null(config);
    config_errors_done(&errors);
    return config;
}

void helper_refuses(const char *text, unsigned line, const char *part)
{
    struct config_errors errors = {0};
    struct config *config = NULL;
    int status = helper_read(text, NULL, NULL, &config, &errors);

    if (status != BASE_ECONFIG || errors.error_count != 1 || errors.errors[0].line != line ||
        strstr(errors.errors[0].text, part) == NULL) {
        print_message("wanted one error on line %u with \"%s\" for\n%s\n", line, part, text);
        helper_print(&errors);
    }
    assert_int_equal(status, BASE_ECONFIG);
    assert_null(config);
    assert_int_equal(errors.error_count, 1);
    assert_int_equal(errors.errors[0].line, line);
    assert_non_null(strstr(errors.errors[0].text, part));
    config_errors_done(&errors);
}

bool helper_has(const struct config_error *list, uint32_t count, const char *part)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strstr(list[i].text, part) != NULL)
            return true;
    }
    return false;
}

const struct config_database *helper_database(const struct config *config, const char *name)
{
    bool is_fallback = true;
    const struct config_database *database =
        config_database_find(config, base_slice_text(name), &is_fallback);

    assert_non_null(database);
    assert_false(is_fallback);
    return database;
}

const struct config_user *helper_user(const struct config *config, const char *name)
{
    const struct config_user *user = config_user_find(config, base_slice_text(name));

    assert_non_null(user);
    return user;
}
