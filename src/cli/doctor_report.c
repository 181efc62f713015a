/* doctor_report.c - facts and verdict for a person. */
#include <string.h>

#include "cli/doctor.h"

static void print_limits(FILE *to, const struct doctor_facts *facts)
{
    fprintf(to, "limits\n");
    for (int i = 0; i < LIMITS; i++) {
        const struct doctor_limit *limit = &facts->limits[i];
        fprintf(to, "  %-32s %5lld in use", limit->name, (long long)limit->used);
        if (limit->limit == DOCTOR_NO_LIMIT)
            fputs(", no limit\n", to);
        else
            fprintf(to, " of %lld\n", (long long)limit->limit);
    }
    fprintf(to,
            "  max_connections is %lld, %lld of them reserved; this look itself is not counted\n\n",
            (long long)facts->max_connections, (long long)facts->reserved);
}

static void print_groups(FILE *to, const struct doctor_facts *facts)
{
    if (facts->group_count == 0)
        return;
    fprintf(to, "who holds them\n  %5s  %-16s %-20s %-14s %-24s %5s %9s\n", "count", "role",
            "application", "database", "state", "hosts", "oldest");
    for (uint32_t i = 0; i < facts->group_count; i++) {
        const struct doctor_group *g = &facts->groups[i];
        bool is_shown = g->state[0] != '\0';
        fprintf(to, "  %5lld  %-16.16s %-20.20s %-14.14s %-24.24s %5lld %9s\n", (long long)g->count,
                g->user, g->application, g->database, is_shown ? g->state : "(not shown)",
                (long long)g->addresses, is_shown ? doctor_age(g->oldest_s).text : "-");
    }
    if (!facts->sees_all)
        fprintf(to, "  Others' states are not shown to this role: GRANT pg_read_all_stats TO %s\n",
                facts->role);
    fputs("\n", to);
}

static void print_sessions(FILE *to, const struct doctor_facts *facts)
{
    static const char *const titles[TROUBLES] = {
        [TROUBLE_TRANSACTION] = "idle in transaction",
        [TROUBLE_LOCK] = "waiting for locks",
        [TROUBLE_ZOMBIE] = "probably forgotten (idle for long, or not taking their result)",
    };
    for (int trouble = 0; trouble < TROUBLES; trouble++) {
        if (facts->troubles[trouble] == 0)
            continue;
        fprintf(to, "%s: %lld\n", titles[trouble], (long long)facts->troubles[trouble]);
        for (uint32_t i = 0; i < facts->session_count; i++) {
            const struct doctor_session *s = &facts->sessions[i];
            if ((int)s->trouble != trouble)
                continue;
            fprintf(to, "  pid %-8lld %-16.16s %-20.20s %-16.16s %s for %s", (long long)s->pid,
                    s->user, s->application, s->address, s->state, doctor_age(s->age_s).text);
            if (s->blocker > 0)
                fprintf(to, ", blocked by pid %lld", (long long)s->blocker);
            fputs("\n", to);
        }
        fputs("\n", to);
    }
}

static void print_count(FILE *to, int width, int64_t number)
{
    if (number == DOCTOR_NO_LIMIT)
        fprintf(to, " %*s", width, "-");
    else
        fprintf(to, " %*lld", width, (long long)number);
}

static void print_pools(FILE *to, const struct doctor_facts *facts)
{
    if (!facts->has_console)
        return;
    fprintf(to, "%s: %lld clients of max_client_conn = %lld\n", facts->pooler_version,
            (long long)facts->clients, (long long)facts->max_client_conn);
    fprintf(to, "  %-16s %-16s %-12s %7s %7s %6s %5s %6s %7s %8s\n", "database", "role", "mode",
            "clients", "waiting", "active", "idle", "limit", "ceiling", "longest");
    for (uint32_t i = 0; i < facts->pool_count; i++) {
        const struct doctor_pool *p = &facts->pools[i];
        fprintf(to, "  %-16.16s %-16.16s %-12.12s %7lld %7lld %6lld %5lld", p->database, p->user,
                p->mode, (long long)p->clients, (long long)p->waiting, (long long)p->active,
                (long long)p->idle);
        print_count(to, 6, p->limit);
        print_count(to, 7, p->ceiling);
        fprintf(to, " %8s\n", doctor_age(p->longest_wait_s).text);
    }
    fputs("\n", to);
}

static void print_holders(FILE *to, const struct doctor_facts *facts)
{
    if (facts->holder_count == 0)
        return;
    fprintf(to, "who has been lent a server\n  %-16s %-16s %-20s %-22s %9s\n", "database", "role",
            "application", "client", "for");
    for (uint32_t i = 0; i < facts->holder_count; i++) {
        const struct doctor_holder *h = &facts->holders[i];
        fprintf(to, "  %-16.16s %-16.16s %-20.20s %-22.22s %9s\n", h->database, h->user,
                h->application, h->client, h->age_s < 0 ? "-" : doctor_age(h->age_s).text);
    }
    fputs("\n", to);
}

void doctor_report_text(FILE *to, const struct doctor_facts *facts,
                        const struct doctor_verdict *verdict)
{
    static const char *const levels[] = {"OK", "WARNING", "CRITICAL", "CANNOT TELL"};
    if (facts->is_asked) {
        print_limits(to, facts);
        print_groups(to, facts);
        print_sessions(to, facts);
    }
    print_pools(to, facts);
    print_holders(to, facts);
    if (facts->is_reached && facts->note[0])
        fprintf(to, "note: %s\n\n", facts->note);
    fprintf(to, "%s: %s\n%s\n%s\n", levels[verdict->level], verdict->sentences[0],
            verdict->sentences[1], verdict->sentences[2]);
}
