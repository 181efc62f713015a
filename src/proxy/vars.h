/* vars.h - the session parameters of one connection, and what must be said to make two agree.
 *
 * A client and a server each have a set. When a client is lent a server whose values differ, weir
 * sends one query of SET commands in front of the client's first message. Values are learned from
 * ParameterStatus on both sides, so what a client changes with SET follows it too.
 *
 * Besides the tracked ones (defs/parameters.h) a client may have sent other start-up parameters
 * (statement_timeout, search_path, ...). They are kept as one interned text of name=value pairs,
 * `extra`; a server remembers whose extra it has set, and is told to RESET those before another's
 * are set.
 */
#ifndef PROXY_VARS_H
#define PROXY_VARS_H

#include "defs/parameters.h"
#include "proxy/text.h"
#include "wire/out.h"

enum proxy_var {
#define PARAMETER(ID, name) PROXY_VAR_##ID,
    PARAMETER_TABLE(PARAMETER)
#undef PARAMETER
        PROXY_VARS_FIXED,
};

#define PROXY_VARS_MAX 12 /* fixed ones and track_extra_parameters; 8 bytes a connection each */

/* Names of the tracked parameters: fixed at start. */
struct proxy_var_names {
    const char *name[PROXY_VARS_MAX];
    uint32_t count;
};

struct proxy_vars {
    struct proxy_text *value[PROXY_VARS_MAX]; /* NULL = unknown or not asked for */
    struct proxy_text *extra;                 /* "name\0value\0..." sorted by name; NULL = none */
};

/* The fixed names and those in `extra_names` (comma separated; what does not fit is
 * BASE_ECAPACITY). */
int proxy_var_names_init(struct proxy_var_names *names, const char *extra_names) BASE_MUST_CHECK;
void proxy_var_names_done(struct proxy_var_names *names);

/* Index of a tracked parameter, case-insensitive; -1 when it is not tracked. */
int proxy_var_find(const struct proxy_var_names *names, struct base_slice name);

void proxy_vars_done(struct proxy_vars *vars, struct proxy_texts *texts);

/* Sets one tracked value. BASE_ENOMEM leaves the old one. */
int proxy_vars_set(struct proxy_vars *vars, struct proxy_texts *texts, int idx,
                   struct base_slice value) BASE_MUST_CHECK;

/* Adds name=value to the untracked ones. Errors: BASE_ENOMEM, BASE_ETOOBIG (over 8 KiB in all). */
int proxy_vars_add_extra(struct proxy_vars *vars, struct proxy_texts *texts, struct base_slice name,
                         struct base_slice value) BASE_MUST_CHECK;

/* Is there room for what proxy_vars_settle may have to move? */
bool proxy_vars_may_settle(const struct proxy_vars *vars, const struct proxy_var_names *names);
/* Moves what is named in track_extra_parameters and is not among `reported`, a server's values, to
 * the untracked ones: its changes cannot be seen, so it has to be taken back for the next client.
 * Errors as above; what could not be moved stays. */
int proxy_vars_settle(struct proxy_vars *vars, struct proxy_texts *texts,
                      const struct proxy_var_names *names,
                      const struct proxy_vars *reported) BASE_MUST_CHECK;

/* Fits them to a server that reports others than the one before: what it reports is tracked, what
 * it does not is among the untracked ones. Errors as above. */
int proxy_vars_fit(struct proxy_vars *vars, struct proxy_texts *texts,
                   const struct proxy_var_names *names,
                   const struct proxy_vars *reported) BASE_MUST_CHECK;

/* Does the server have another value than the client wants? Where the client's is not known, as of
 * a parameter that its first server did not report, whatever another client has set is wrong. */
static inline bool proxy_var_differs(const struct proxy_vars *want, const struct proxy_vars *have,
                                     uint32_t i)
{
    return want->value[i] != have->value[i] && (want->value[i] || i >= PROXY_VARS_FIXED);
}

/* Do the two agree as far as `want` says anything? */
static inline bool proxy_vars_agree(const struct proxy_vars *want, const struct proxy_vars *have,
                                    uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (proxy_var_differs(want, have, i)) {
            return false;
        }
    }
    return want->extra == have->extra;
}

/* Bytes that proxy_vars_write needs at most. */
size_t proxy_vars_write_bytes(const struct proxy_var_names *names, const struct proxy_vars *want,
                              const struct proxy_vars *have);
/* Writes one Query message with the SET and RESET commands that turn `have` into `want`. */
void proxy_vars_write(const struct proxy_var_names *names, const struct proxy_vars *want,
                      const struct proxy_vars *have, struct wire_out *out);

#endif
