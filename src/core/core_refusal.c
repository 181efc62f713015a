/* core_refusal.c - recognises "full", "starting", "down" and "never" in a refused login.
 *
 * A text is looked for where the code does not tell: Supavisor answers XX000 for everything,
 * PgBouncer 08P01. Sources: PostgreSQL's InitPostgres and ProcessStartupPacket, the poolers'
 * messages as seen on the wire. Test: unit/core/test_refusal.c.
 */
#include "core/core_refusal.h"

#include <string.h>

static bool has(struct base_slice text, const char *part)
{
    return text.data && memmem(text.data, text.bytes, part, strlen(part)) != NULL;
}

static bool begins(struct base_slice text, const char *part)
{
    size_t bytes = strlen(part);
    return text.bytes >= bytes && memcmp(text.data, part, bytes) == 0;
}

static struct core_refusal full(enum core_scope_kind scope)
{
    return (struct core_refusal){CORE_FAILURE_FULL, scope, BASE_EUPSTREAMFULL};
}

static struct core_refusal refusal(enum core_failure failure, int status)
{
    return (struct core_refusal){failure, CORE_SCOPE_UPSTREAM, status};
}

/* Texts of poolers, whatever their SQLSTATE. */
static const struct {
    const char *part;
    enum core_scope_kind scope;
} full_texts[] = {
    {"EMAXCONNSESSION", CORE_SCOPE_POOL},
    {"MaxClientsInSessionMode", CORE_SCOPE_POOL},
    {"max clients reached", CORE_SCOPE_POOL},
    {"ECHECKOUTTIMEOUT", CORE_SCOPE_POOL},
    {"(EMAXCONN)", CORE_SCOPE_UPSTREAM},
    {"max client connections reached", CORE_SCOPE_UPSTREAM},
    {"no more connections allowed", CORE_SCOPE_UPSTREAM},
    {"query_wait_timeout", CORE_SCOPE_POOL},
};

struct core_refusal core_refusal_of(struct base_slice sqlstate, struct base_slice text)
{
    if (base_slice_is(sqlstate, "53300")) {
        return full(has(text, "max_wal_senders") ? CORE_SCOPE_POOL /* of replication, no other's */
                    : has(text, "for role \"")   ? CORE_SCOPE_USER /* not "reserved for roles" */
                    : has(text, "for database")  ? CORE_SCOPE_DATABASE
                                                 : CORE_SCOPE_UPSTREAM);
    }
    for (size_t i = 0; i < sizeof(full_texts) / sizeof(full_texts[0]); i++) {
        if (has(text, full_texts[i].part)) {
            return full(full_texts[i].scope);
        }
    }
    if (base_slice_is(sqlstate, "57P03")) {
        return refusal(CORE_FAILURE_STARTING, BASE_EUPSTREAMSTARTING);
    }
    if (begins(sqlstate, "57P") || begins(sqlstate, "53") || begins(sqlstate, "58") ||
        base_slice_is(sqlstate, "08006") || base_slice_is(sqlstate, "08001") ||
        has(text, "server login has been failing")) {
        return refusal(CORE_FAILURE_REFUSED, BASE_EUPSTREAMDOWN);
    }
    return refusal(CORE_FAILURE_AUTH, BASE_EUPSTREAMAUTH);
}
