/* console.h - the admin console: what its files share.
 *
 *   console.c          messages: simple protocol, errors, ReadyForQuery
 *   console_extended.c extended protocol
 *   console_words.c    a statement as words
 *   console_rows.c     typed values -> RowDescription and DataRow, in text or binary format
 *   console_show*.c    one function per SHOW: writes rows
 *   console_command.c  one function per command: changes something
 *   console_wait.c     commands that answer later
 *
 * Always true:
 *   1. A statement is answered with rows and CommandComplete, or one ErrorResponse, or it waits.
 *   2. A waiting console client is paused, in proxy.console_waiters, and has nothing answered yet.
 *   3. Nothing that changes something runs for a client that is not is_admin.
 */
#ifndef PROXY_CONSOLE_H
#define PROXY_CONSOLE_H

#include "defs/console.h"
#include "proxy/daemon.h"
#include "wire/backend.h"

struct proxy_client;

/* ---- words ------------------------------------------------------------------------------------
 */

#define CONSOLE_WORDS_MAX      8
#define CONSOLE_WORD_BYTES_MAX 4096 /* SET admin_users may be long */

struct console_word {
    struct base_slice text; /* quotes off, doubled ones made one */
    bool is_quoted;
};

struct console_words {
    struct console_word word[CONSOLE_WORDS_MAX];
    uint32_t count;
    size_t used;
    char memory[CONSOLE_WORD_BYTES_MAX];
};

/* Takes the first statement off `rest`, up to its semicolon or the end. Count 0: an empty one.
 * Errors: BASE_EINVALID (an open quote, too many words or too long ones). */
int console_words_next(struct base_slice *rest, struct console_words *ret_words) BASE_MUST_CHECK;
/* Is word i there, unquoted, and these letters in any case? */
bool console_word_is(const struct console_words *words, uint32_t i, const char *text);

/* ---- rows -------------------------------------------------------------------------------------
 */

enum console_type {
    CONSOLE_INT4,
    CONSOLE_INT8,
    CONSOLE_NUMERIC,
    CONSOLE_TEXT,
};

struct console_column {
    const char *name;
    enum console_type type;
};

#define CONSOLE_COLUMNS_MAX   40
#define CONSOLE_SCRATCH_BYTES 4096

/* Result formats of a Bind: count 0 = all text, 1 = all the same, else one each. */
struct console_formats {
    uint16_t count;
    uint16_t format[CONSOLE_COLUMNS_MAX];
};

struct console_rows {
    struct proxy *proxy;
    struct wire_out *out;
    const struct console_column *columns;
    uint32_t column_count;
    const struct console_formats *formats;
    uint32_t at; /* values of the row so far */
    uint64_t row_count;
    struct base_slice values[CONSOLE_COLUMNS_MAX];
    size_t scratch_used;
    uint8_t scratch[CONSOLE_SCRATCH_BYTES];
};

void console_rows_description(struct wire_out *out, const struct console_column *columns,
                              uint32_t column_count, const struct console_formats *formats);

/* One value; the row is written when its last one comes. Texts stay valid until then. */
void console_put_text(struct console_rows *rows, const char *text); /* NULL = SQL's NULL */
void console_put_slice(struct console_rows *rows, struct base_slice text);
void console_put_copy(struct console_rows *rows, const char *text); /* of a buffer that is reused */
void console_put_number(struct console_rows *rows, uint64_t number);
void console_put_null(struct console_rows *rows);
/* Seconds and microseconds beyond the second: two values. */
void console_put_wait(struct console_rows *rows, base_time span);
/* Microseconds. */
void console_put_us(struct console_rows *rows, base_time span);
/* A moment of the loop's clock as wall time. */
void console_put_moment(struct console_rows *rows, base_time moment);

/* ---- shows ------------------------------------------------------------------------------------
 */

struct console_show {
    const char *name;
    const char *doc;
    bool needs_admin;
    const struct console_column *columns;
    uint32_t column_count;
    void (*rows)(struct console_rows *rows);
};

/* NULL when there is none of that name. */
const struct console_show *console_show_find(struct base_slice name);

/* In console_show_pools.c, console_show_sockets.c and console_show_stats.c. */
void console_show_pools(struct console_rows *rows);
void console_show_databases(struct console_rows *rows);
void console_show_users(struct console_rows *rows);
void console_show_upstreams(struct console_rows *rows);
void console_show_clients(struct console_rows *rows);
void console_show_servers(struct console_rows *rows);
void console_show_sockets(struct console_rows *rows);
void console_show_active_sockets(struct console_rows *rows);
void console_show_fds(struct console_rows *rows);
void console_show_stats(struct console_rows *rows);
void console_show_stats_totals(struct console_rows *rows);
void console_show_stats_averages(struct console_rows *rows);
void console_show_totals(struct console_rows *rows);

/* The name of the console's database, "pgbouncer" for existing dashboards. */
#define CONSOLE_DATABASE "pgbouncer"

/* ---- commands ---------------------------------------------------------------------------------
 */

enum console_wait {
    CONSOLE_WAIT_NOTHING,
    CONSOLE_WAIT_PAUSE,   /* until no server of the pools is left */
    CONSOLE_WAIT_CLOSE,   /* until no server of the pools is older than the command */
    CONSOLE_WAIT_SUSPEND, /* until clients have read what they were sent */
};

/* What a command came to. */
struct console_result {
    const char *tag;      /* CommandComplete; NULL: an error, or it waits */
    const char *sqlstate; /* an error when not NULL */
    char text[512];       /* of the error; or the tag, when it is not a constant */
    const char *hint;     /* NULL: none */
    char notice[2048];    /* told before the tag; "": nothing */
    bool is_handed_over;  /* where we can be found is told to the new process */
    enum console_wait wait;
};

/* Runs one command of an admin. */
void console_command_run(struct proxy_client *client, const struct console_words *words,
                         struct console_result *ret_result);
bool console_command_is(const struct console_words *words);
void console_fail(struct console_result *result, const char *sqlstate, const char *hint,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));

/* ---- state of one console client --------------------------------------------------------------
 */

struct proxy_console {
    struct base_list link; /* in proxy.console_waiters while `wait` is set */
    struct proxy_client *client;
    enum console_wait wait;
    char wait_database[64]; /* "" = all */
    base_time wait_since;
    const char *wait_tag;
    bool is_simple;   /* the waiting command came by Query: ReadyForQuery belongs to its answer */
    bool is_skipping; /* an error in the extended protocol: drop up to Sync */
    struct proxy_statement *portal; /* what Bind bound last; owned reference */
    struct console_formats formats;
};

/* ---- console.c for console_extended.c ---------------------------------------------------------
 */

enum console_outcome {
    CONSOLE_DONE,
    CONSOLE_FAILED,  /* the ErrorResponse is sent */
    CONSOLE_WAITING, /* console_answer will send the answer */
};

struct console_show_context {
    const struct console_show *show;
    const struct console_formats *formats;
    bool with_description;
};

/* Calls `build` twice, once to measure, and sends what it has written. */
void console_send(struct proxy_console *console,
                  void (*build)(struct proxy_console *console, struct wire_out *out,
                                const void *context),
                  const void *context);
void console_send_bare(struct proxy_console *console, enum wire_message_type type);
enum console_outcome console_send_error(struct proxy_console *console, const char *sqlstate,
                                        const char *hint, const char *text);
/* Runs one statement and answers up to CommandComplete. */
enum console_outcome console_run(struct proxy_console *console, const struct console_words *words,
                                 bool is_simple, const struct console_formats *formats);
/* The SHOW these words are; NULL when they are not one. */
const struct console_show *console_show_of(const struct console_words *words);
/* Is there no further statement? */
bool console_words_is_end(struct base_slice rest);

/* One message each. Errors end the connection. */
int console_on_parse(struct proxy_console *console, struct base_slice body) BASE_MUST_CHECK;
int console_on_bind(struct proxy_console *console, struct base_slice body) BASE_MUST_CHECK;
int console_on_describe(struct proxy_console *console, struct base_slice body) BASE_MUST_CHECK;
int console_on_execute(struct proxy_console *console, struct base_slice body) BASE_MUST_CHECK;
int console_on_close(struct proxy_console *console, struct base_slice body) BASE_MUST_CHECK;

/* ---- waiting ----------------------------------------------------------------------------------
 */

/* Begins waiting: the client is paused until console_answer. */
void console_wait_begin(struct proxy_console *console, const struct console_words *words,
                        enum console_wait wait, const char *tag, bool is_simple);
/* In console.c: the answer of a command that has waited; an error when `sqlstate` is given. */
void console_answer(struct proxy_console *console, const char *sqlstate, const char *text);

/* In console_command.c: ends a PAUSE of all or a SUSPEND, or of one database by name. */
void console_resume(struct proxy *proxy, const char *database);

#endif
