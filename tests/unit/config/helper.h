/* helper.h - reading configuration texts in tests: texts by name instead of files. */
#ifndef CONFIG_HELPER_H
#define CONFIG_HELPER_H

#include "config/build.h"
#include "test.h"

/* One text that %include can find; the array ends with a NULL path. */
struct helper_file {
    const char *path;
    const char *text;
};

/* Reads `text` as /etc/weir/weir.ini, with `files` (may be NULL) to include and the auth_file text
 * (may be NULL). */
int helper_read(const char *text, const struct helper_file *files, const char *auth,
                struct config **ret_config, struct config_errors *errors);

/* The same with the texts of auth_hba_file and auth_ident_file instead of an auth_file. */
int helper_read_hba(const char *text, const struct helper_file *files, const char *hba,
                    const char *ident, struct config **ret_config, struct config_errors *errors);

/* As helper_read, which must succeed. */
struct config *helper_config(const char *text);

/* Reads `text`, which must fail with exactly one error on `line` that contains `part`. */
void helper_refuses(const char *text, unsigned line, const char *part);

/* True when one of the messages contains `part`. */
bool helper_has(const struct config_error *list, uint32_t count, const char *part);

/* Prints all messages: for a test that is about to fail. */
void helper_print(const struct config_errors *errors);

const struct config_database *helper_database(const struct config *config, const char *name);
const struct config_user *helper_user(const struct config *config, const char *name);

#endif
