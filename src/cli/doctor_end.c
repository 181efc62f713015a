/* doctor_end.c - `--terminate-idle-in-transaction`: the only thing that changes anything.
 *
 * It asks first, and ends a session only if it is still the same one, still idle in transaction and
 * for long enough: between the look and the answer its owner may have come back.
 */
#include <string.h>
#include <strings.h>

#include "cli/doctor.h"

static uint32_t list(const struct doctor_facts *facts, double longer_than_s, FILE *to)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < facts->session_count; i++) {
        const struct doctor_session *s = &facts->sessions[i];
        if (s->trouble != TROUBLE_TRANSACTION || s->age_s <= longer_than_s)
            continue;
        fprintf(to, "  pid %-8lld %-16s %-20s %s for %.0f s\n", (long long)s->pid, s->user,
                s->application, s->state, s->age_s);
        count++;
    }
    return count;
}

static bool is_yes(FILE *from)
{
    char line[16];
    if (!fgets(line, sizeof(line), from))
        return false;
    line[strcspn(line, "\r\n")] = '\0';
    return strcasecmp(line, "y") == 0 || strcasecmp(line, "yes") == 0;
}

static bool end_one(PGconn *conn, const struct doctor_session *s, double longer_than_s,
                    base_time patience, FILE *to)
{
    char sql[512], why[DOCTOR_TEXT_BYTES] = "";
    char *began = PQescapeLiteral(conn, s->began, strlen(s->began));
    if (!began)
        return false;
    snprintf(sql, sizeof(sql),
             "SELECT pg_catalog.pg_terminate_backend(pid) AS gone FROM pg_catalog.pg_stat_activity "
             "WHERE pid = %lld AND backend_start = %s::timestamptz AND state LIKE 'idle in "
             "transaction%%' AND pg_catalog.clock_timestamp() - state_change > interval '%.3f s'",
             (long long)s->pid, began, longer_than_s);
    PQfreemem(began);
    PGresult *rows = doctor_query(conn, sql, patience, why);
    bool is_good = rows != NULL, is_gone = is_good && PQntuples(rows) > 0;
    if (is_gone)
        fprintf(to, "pid %lld: ended\n", (long long)s->pid);
    else
        fprintf(to, "pid %lld: left alone: %s\n", (long long)s->pid,
                rows ? "it is not idle in transaction any more" : why);
    PQclear(rows);
    return is_good;
}

bool doctor_end_idle(const struct doctor_facts *facts, const char *url, base_time longer_than,
                     base_time patience, FILE *from, FILE *to)
{
    double longer_than_s = (double)longer_than / 1e9;
    struct doctor_refusal refusal;
    fprintf(to, "\nIdle in transaction for more than %.0f s:\n", longer_than_s);
    uint32_t count = list(facts, longer_than_s, to);
    if (count == 0) {
        fputs("  none\n", to);
        return true;
    }
    fprintf(to, "End %s %u session%s? Their transactions are rolled back. [y/N] ",
            count == 1 ? "this" : "these", count, count == 1 ? "" : "s");
    fflush(to);
    if (!is_yes(from)) {
        fputs("Nothing was changed.\n", to);
        return true;
    }
    PGconn *conn = doctor_connect(url, NULL, patience, &refusal);
    if (!conn) {
        fprintf(to, "cannot connect again: %s\n", refusal.text);
        return false;
    }
    bool is_good = true;
    for (uint32_t i = 0; i < facts->session_count; i++) {
        const struct doctor_session *s = &facts->sessions[i];
        if (s->trouble == TROUBLE_TRANSACTION && s->age_s > longer_than_s)
            is_good = end_one(conn, s, longer_than_s, patience, to) && is_good;
    }
    PQfinish(conn);
    return is_good;
}
