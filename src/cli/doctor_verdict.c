/* doctor_verdict.c - what it comes to: a level, and three sentences: how it is, why, what to do.
 *
 *   critical   refused as full, at most one connection left, 95 % of a limit used, or clients of a
 *              pooler wait for more than WAIT_BAD_S
 *   warning    80 % used, sessions idle in transaction for more than IDLE_BAD_S, waits for locks of
 *              more than LOCK_BAD_S, forgotten sessions that take a fifth of a limit, or clients
 * wait
 */
#include <stdarg.h>
#include <string.h>

#include "cli/doctor.h"

#define USE_WARNING  80
#define USE_CRITICAL 95
#define IDLE_BAD_S   300
#define LOCK_BAD_S   30
#define WAIT_BAD_S   5
#define RESERVE      2 /* connections that the settings leave free */

static void say(char sentence[DOCTOR_TEXT_BYTES], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Adds to a sentence. */
static void say(char sentence[DOCTOR_TEXT_BYTES], const char *format, ...)
{
    size_t length = strlen(sentence);
    va_list list;
    va_start(list, format);
    vsnprintf(sentence + length, DOCTOR_TEXT_BYTES - length, format, list);
    va_end(list);
}

static const char *plural(int64_t count)
{
    return count == 1 ? "" : "s";
}

/* ---- limits ---------------------------------------------------------------------------------- */

static int64_t free_of(const struct doctor_limit *limit)
{
    return limit->limit > limit->used ? limit->limit - limit->used : 0;
}

static const struct doctor_limit *tightest(const struct doctor_facts *facts)
{
    const struct doctor_limit *least = NULL;
    for (int i = 0; facts->is_asked && i < LIMITS; i++) {
        const struct doctor_limit *limit = &facts->limits[i];
        if (limit->limit != DOCTOR_NO_LIMIT && (!least || free_of(limit) < free_of(least)))
            least = limit;
    }
    return least;
}

static int percent(const struct doctor_limit *limit)
{
    return limit->limit > 0 ? (int)(100 * limit->used / limit->limit) : 100;
}

/* What all pools of this role may open together: the least that any limit leaves beside what others
 * hold under it, less a reserve. */
static int64_t to_share(const struct doctor_facts *facts)
{
    int64_t least = INT64_MAX;
    for (int i = 0; facts->is_asked && i < LIMITS; i++) {
        const struct doctor_limit *limit = &facts->limits[i];
        int64_t others = limit->used > facts->own_sessions ? limit->used - facts->own_sessions : 0;
        if (limit->limit != DOCTOR_NO_LIMIT && limit->limit - others < least)
            least = limit->limit - others;
    }
    if (least == INT64_MAX)
        return 0;
    least = least > RESERVE + 1 ? least - RESERVE : least;
    return least > 0 ? least : 1;
}

/* ---- pools ----------------------------------------------------------------------------------- */

static const struct doctor_pool *worst_pool(const struct doctor_facts *facts)
{
    const struct doctor_pool *worst = NULL;
    for (uint32_t i = 0; i < facts->pool_count; i++) {
        const struct doctor_pool *pool = &facts->pools[i];
        if (!worst || pool->waiting > worst->waiting ||
            (pool->waiting == worst->waiting && pool->active > worst->active))
            worst = pool;
    }
    return worst;
}

/* ---- level ----------------------------------------------------------------------------------- */

static enum doctor_level worse(enum doctor_level a, enum doctor_level b)
{
    return a > b ? a : b;
}

static enum doctor_level level_of_use(const struct doctor_limit *limit)
{
    if (!limit)
        return DOCTOR_OK;
    if (free_of(limit) <= 1 || percent(limit) >= USE_CRITICAL)
        return DOCTOR_CRITICAL;
    return percent(limit) >= USE_WARNING ? DOCTOR_WARNING : DOCTOR_OK;
}

static enum doctor_level level_of_pools(const struct doctor_facts *facts)
{
    enum doctor_level level = DOCTOR_OK;
    for (uint32_t i = 0; i < facts->pool_count; i++) {
        const struct doctor_pool *pool = &facts->pools[i];
        if (pool->waiting > 0)
            level =
                worse(level, pool->longest_wait_s > WAIT_BAD_S ? DOCTOR_CRITICAL : DOCTOR_WARNING);
    }
    if (facts->max_client_conn > 0 && 100 * facts->clients >= USE_WARNING * facts->max_client_conn)
        level = worse(level, DOCTOR_WARNING);
    return level;
}

static bool has_zombies(const struct doctor_facts *facts, const struct doctor_limit *limit)
{
    int64_t count = facts->troubles[TROUBLE_ZOMBIE];
    return limit && count > 0 && 5 * count >= limit->limit;
}

static enum doctor_level level_of(const struct doctor_facts *facts,
                                  const struct doctor_limit *limit)
{
    if (facts->refusal.is_full)
        return DOCTOR_CRITICAL;
    if (!facts->is_asked && !facts->has_console)
        return DOCTOR_CANNOT_TELL;
    enum doctor_level level = worse(level_of_use(limit), level_of_pools(facts));
    if (facts->oldest_s[TROUBLE_TRANSACTION] > IDLE_BAD_S ||
        facts->oldest_s[TROUBLE_LOCK] > LOCK_BAD_S || has_zombies(facts, limit))
        level = worse(level, DOCTOR_WARNING);
    return level;
}

/* ---- sentences: how it is -------------------------------------------------------------------- */

static void say_what(const struct doctor_facts *facts, char *to)
{
    switch (facts->kind) {
    case DOCTOR_POSTGRESQL:
    case DOCTOR_UNKNOWN:
        say(to, "PostgreSQL %s", facts->version);
        break;
    case DOCTOR_RELAY:
        say(to,
            "PostgreSQL %s behind something that passes sessions on one to one (a session-mode "
            "pooler, a proxy or NAT)",
            facts->version);
        break;
    case DOCTOR_PGBOUNCER:
    case DOCTOR_WEIR:
        say(to, "%s",
            facts->pooler_version[0] ? facts->pooler_version : doctor_kind_name(facts->kind));
        if (facts->is_asked)
            say(to, " in front of PostgreSQL %s", facts->version);
        break;
    case DOCTOR_SUPAVISOR:
        say(to, "Supavisor in front of PostgreSQL %s", facts->version);
        break;
    case DOCTOR_POOLER:
        say(to, "A pooler in front of PostgreSQL %s", facts->version);
        break;
    }
}

static void say_state(const struct doctor_facts *facts, const struct doctor_limit *limit, char *to)
{
    const struct doctor_pool *pool = worst_pool(facts);
    say_what(facts, to);
    if (pool) {
        say(to, ": pool %s/%s lends %lld", pool->database, pool->user, (long long)pool->active);
        if (pool->limit != DOCTOR_NO_LIMIT)
            say(to, " of %lld", (long long)pool->limit);
        say(to, " servers, %lld client%s wait%s", (long long)pool->waiting, plural(pool->waiting),
            pool->waiting == 1 ? "s" : "");
        if (pool->waiting > 0)
            say(to, ", the first for %s", doctor_age(pool->longest_wait_s).text);
    }
    if (limit)
        say(to,
            "%s %lld of %lld connections are in use (%d %%) under the limit that is met first, "
            "%s",
            pool ? ";" : ":", (long long)limit->used, (long long)limit->limit, percent(limit),
            limit->name);
    say(to, ".");
}

/* ---- sentences: why -------------------------------------------------------------------------- */

static const struct doctor_session *first_of(const struct doctor_facts *facts,
                                             enum doctor_trouble trouble)
{
    for (uint32_t i = 0; i < facts->session_count; i++)
        if (facts->sessions[i].trouble == trouble)
            return &facts->sessions[i];
    return NULL;
}

static void say_session(const struct doctor_session *session, char *to)
{
    say(to, "pid %lld of %s%s%s", (long long)session->pid, session->user,
        session->application[0] ? ", " : "", session->application);
}

static bool say_trouble(const struct doctor_facts *facts, const struct doctor_limit *limit,
                        char *to)
{
    const struct doctor_session *idle = first_of(facts, TROUBLE_TRANSACTION);
    const struct doctor_session *locked = first_of(facts, TROUBLE_LOCK);
    int64_t count = facts->troubles[TROUBLE_TRANSACTION];
    if (idle && facts->oldest_s[TROUBLE_TRANSACTION] > IDLE_BAD_S) {
        say(to, "%lld session%s idle in transaction, the longest for %s (", (long long)count,
            count == 1 ? " is" : "s are", doctor_age(idle->age_s).text);
        say_session(idle, to);
        say(to, "): it holds a connection and its locks and does nothing.");
        return true;
    }
    if (locked && facts->oldest_s[TROUBLE_LOCK] > LOCK_BAD_S) {
        count = facts->troubles[TROUBLE_LOCK];
        say(to, "%lld session%s for a lock, the first for %s; pid %lld holds it.", (long long)count,
            count == 1 ? " waits" : "s wait", doctor_age(locked->age_s).text,
            (long long)locked->blocker);
        return true;
    }
    count = facts->troubles[TROUBLE_ZOMBIE];
    if (has_zombies(facts, limit)) {
        say(to,
            "%lld session%s done nothing for more than %s, or did not take the result: whoever "
            "opened %s has probably forgotten %s.",
            (long long)count, count == 1 ? " has" : "s have", doctor_age(facts->forgotten_s).text,
            count == 1 ? "it" : "them", count == 1 ? "it" : "them");
        return true;
    }
    return false;
}

static void say_largest(const struct doctor_facts *facts, char *to)
{
    int64_t idle = 0, all = 0;
    for (uint32_t i = 0; i < facts->group_count; i++) {
        all += facts->groups[i].count;
        if (strcmp(facts->groups[i].state, "idle") == 0)
            idle += facts->groups[i].count;
    }
    if (all == 0) {
        say(to, "Nobody else is connected.");
        return;
    }
    const struct doctor_group *largest = &facts->groups[0];
    say(to, "Most are held by role %s%s%s%s: %lld %s",
        largest->user[0] ? largest->user : "(not shown)",
        largest->application[0] ? ", application \"" : "", largest->application,
        largest->application[0] ? "\"" : "", (long long)largest->count,
        largest->state[0] ? largest->state : "in a state that is not shown to this role");
    if (facts->sees_all && idle > 0)
        say(to, "; of all %lld, %lld are idle", (long long)all, (long long)idle);
    say(to, ".");
}

static bool say_pool(const struct doctor_facts *facts, char *to)
{
    const struct doctor_pool *pool = worst_pool(facts);
    if (!pool || pool->waiting == 0)
        return false;
    if (pool->ceiling != DOCTOR_NO_LIMIT && pool->ceiling < pool->limit)
        say(to, "The server behind it accepts %lld connections and no more; ",
            (long long)pool->ceiling);
    say(to, "all servers of the pool are lent");
    if (pool->holder[0])
        say(to, ", the longest to %s", pool->holder);
    say(to, ".");
    if (to[0] == 'a')
        to[0] = 'A';
    return true;
}

/* ---- sentences: what to do ------------------------------------------------------------------- */

static void say_remedy(const struct doctor_facts *facts, const struct doctor_limit *limit, char *to)
{
    if (facts->troubles[TROUBLE_TRANSACTION] > 0 &&
        facts->oldest_s[TROUBLE_TRANSACTION] > IDLE_BAD_S)
        say(to, "End such sessions with --terminate-idle-in-transaction 10min and set "
                "idle_in_transaction_session_timeout; ");
    else if (has_zombies(facts, limit))
        say(to, "Have their owners close them, or let PostgreSQL do it (idle_session_timeout, "
                "tcp_user_timeout, pg_terminate_backend); ");
}

static void say_settings(const struct doctor_facts *facts, int64_t share, char *to)
{
    if (share == 0) {
        say(to, "%s", to[0] ? "then look again." : "Nothing has to be changed.");
        return;
    }
    if (facts->kind == DOCTOR_WEIR || facts->kind == DOCTOR_PGBOUNCER) {
        say(to, "the pools of role %s can have default_pool_size = %lld together", facts->role,
            (long long)share);
        if (facts->kind == DOCTOR_PGBOUNCER)
            say(to, ", with pool_mode = transaction");
    } else {
        say(to,
            "all pools of role %s together fit with %lld connections: SQLAlchemy pool_size=%lld, "
            "max_overflow=0 in one process (n processes: divide), or weir with "
            "default_pool_size = %lld in front of all",
            facts->role, (long long)share, (long long)share, (long long)share);
    }
    say(to, ".");
    if (to[0] >= 'a' && to[0] <= 'z')
        to[0] = (char)(to[0] - 'a' + 'A');
}

static void say_refusal(const struct doctor_refusal *refusal, struct doctor_verdict *verdict)
{
    if (refusal->is_full) {
        say(verdict->sentences[0], "No connection is left: %s is used up.", refusal->limit);
        say(verdict->sentences[1], "The refusal came from %s: %s%s%s%s.",
            refusal->kind == DOCTOR_POOLER ? "a pooler" : doctor_kind_name(refusal->kind),
            refusal->text, refusal->sqlstate[0] ? " (SQLSTATE " : "", refusal->sqlstate,
            refusal->sqlstate[0] ? ")" : "");
        say(verdict->sentences[2], "%s", refusal->advice);
        return;
    }
    say(verdict->sentences[0], "There is no connection, and not for want of a free one.");
    say(verdict->sentences[1], "The reason: %s%s%s%s.", refusal->text,
        refusal->sqlstate[0] ? " (SQLSTATE " : "", refusal->sqlstate,
        refusal->sqlstate[0] ? ")" : "");
    say(verdict->sentences[2], "Check host, port, user, password and database, and try again.");
}

struct doctor_verdict doctor_verdict_of(const struct doctor_facts *facts)
{
    struct doctor_verdict verdict = {.tightest = tightest(facts), .to_share = to_share(facts)};
    verdict.level = level_of(facts, verdict.tightest);
    if (!facts->is_reached) {
        say_refusal(&facts->refusal, &verdict);
        return verdict;
    }
    if (!facts->is_asked && !facts->has_console) {
        say(verdict.sentences[0], "It lets clients in, and does not answer their queries.");
        say(verdict.sentences[1], "What came instead: %s.", facts->note);
        say(verdict.sentences[2], "If it is a pooler, all its servers may be taken: look at its "
                                  "console (SHOW POOLS).");
        return verdict;
    }
    say_state(facts, verdict.tightest, verdict.sentences[0]);
    if (!say_trouble(facts, verdict.tightest, verdict.sentences[1]) &&
        !say_pool(facts, verdict.sentences[1])) {
        if (facts->is_asked)
            say_largest(facts, verdict.sentences[1]);
        else
            say(verdict.sentences[1], "Who holds them is known to PostgreSQL only: name its "
                                      "database instead of the console.");
    }
    say_remedy(facts, verdict.tightest, verdict.sentences[2]);
    say_settings(facts, verdict.to_share, verdict.sentences[2]);
    return verdict;
}
