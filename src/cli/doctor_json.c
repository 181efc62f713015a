/* doctor_json.c - facts and verdict for programs. Spans are in seconds, limits that do not exist
 * null. */
#include "cli/doctor.h"
#include "sim/report.h"

static void put_text(FILE *to, const char *name, const char *text)
{
    fprintf(to, "\"%s\": ", name);
    sim_report_json_string(to, text);
}

struct named_text {
    const char *name, *text;
};
#define TEXTS(...) ((const struct named_text[]){__VA_ARGS__, {NULL, NULL}})

/* Members of an object, with commas between them. */
static void put_texts(FILE *to, const struct named_text *texts)
{
    for (size_t i = 0; texts[i].name; i++) {
        fputs(i ? ", " : "", to);
        put_text(to, texts[i].name, texts[i].text);
    }
}

static void put_number(FILE *to, const char *name, int64_t number)
{
    if (number == DOCTOR_NO_LIMIT)
        fprintf(to, "\"%s\": null", name);
    else
        fprintf(to, "\"%s\": %lld", name, (long long)number);
}

static void put_limits(FILE *to, const struct doctor_facts *facts)
{
    static const char *const names[LIMITS] = {"server", "role", "database"};
    fputs(" \"limits\": {", to);
    for (int i = 0; facts->is_asked && i < LIMITS; i++) {
        fprintf(to, "%s\"%s\": {", i ? ", " : "", names[i]);
        put_number(to, "limit", facts->limits[i].limit);
        fputs(", ", to);
        put_number(to, "used", facts->limits[i].used);
        fputs("}", to);
    }
    fputs("},\n", to);
}

static void put_groups(FILE *to, const struct doctor_facts *facts)
{
    fputs(" \"holders\": [", to);
    for (uint32_t i = 0; i < facts->group_count; i++) {
        const struct doctor_group *group = &facts->groups[i];
        fputs(i ? ",\n  {" : "{", to);
        put_texts(to, TEXTS({"role", group->user}, {"application", group->application},
                            {"database", group->database}, {"state", group->state}));
        fprintf(to, ", \"count\": %lld, \"hosts\": %lld, \"oldest\": %.3f}",
                (long long)group->count, (long long)group->addresses, group->oldest_s);
    }
    fputs("],\n", to);
}

static void put_sessions(FILE *to, const struct doctor_facts *facts)
{
    static const char *const names[TROUBLES] = {"idle_in_transaction", "waiting_for_lock",
                                                "zombie"};
    fputs(" \"troubles\": {", to);
    for (int i = 0; i < TROUBLES; i++)
        fprintf(to, "%s\"%s\": %lld", i ? ", " : "", names[i], (long long)facts->troubles[i]);
    fputs("},\n \"sessions\": [", to);
    for (uint32_t i = 0; i < facts->session_count; i++) {
        const struct doctor_session *session = &facts->sessions[i];
        fprintf(to, "%s{\"pid\": %lld, ", i ? ",\n  " : "", (long long)session->pid);
        put_texts(to, TEXTS({"trouble", names[session->trouble]}, {"role", session->user},
                            {"application", session->application}, {"state", session->state},
                            {"address", session->address}));
        fprintf(to, ", \"age\": %.3f, ", session->age_s);
        put_number(to, "blocker", session->blocker);
        fputs("}", to);
    }
    fputs("],\n", to);
}

static void put_pools(FILE *to, const struct doctor_facts *facts)
{
    fputs(" \"pools\": [", to);
    for (uint32_t i = 0; i < facts->pool_count; i++) {
        const struct doctor_pool *pool = &facts->pools[i];
        fputs(i ? ",\n  {" : "{", to);
        put_texts(to,
                  TEXTS({"database", pool->database}, {"role", pool->user}, {"mode", pool->mode}));
        fprintf(to, ", \"clients\": %lld, \"waiting\": %lld, \"active\": %lld, \"idle\": %lld, ",
                (long long)pool->clients, (long long)pool->waiting, (long long)pool->active,
                (long long)pool->idle);
        put_number(to, "limit", pool->limit);
        fputs(", ", to);
        put_number(to, "ceiling", pool->ceiling);
        fprintf(to, ", \"longest_wait\": %.6f}", pool->longest_wait_s);
    }
    fputs("],\n", to);
}

static void put_holders(FILE *to, const struct doctor_facts *facts)
{
    fputs(" \"lent\": [", to);
    for (uint32_t i = 0; i < facts->holder_count; i++) {
        const struct doctor_holder *holder = &facts->holders[i];
        fputs(i ? ",\n  {" : "{", to);
        put_texts(to, TEXTS({"database", holder->database}, {"role", holder->user},
                            {"application", holder->application}, {"client", holder->client}));
        if (holder->age_s < 0)
            fputs(", \"age\": null}", to);
        else
            fprintf(to, ", \"age\": %.6f}", holder->age_s);
    }
    fputs("],\n", to);
}

static void put_refusal(FILE *to, const struct doctor_facts *facts)
{
    if (facts->is_reached) {
        fputs(" \"refusal\": null,\n", to);
        return;
    }
    fprintf(to, " \"refusal\": {\"full\": %s, ", facts->refusal.is_full ? "true" : "false");
    put_texts(to, TEXTS({"sqlstate", facts->refusal.sqlstate}, {"text", facts->refusal.text},
                        {"limit", facts->refusal.limit ? facts->refusal.limit : ""}));
    fputs("},\n", to);
}

void doctor_report_json(FILE *to, const struct doctor_facts *facts,
                        const struct doctor_verdict *verdict)
{
    static const char *const levels[] = {"ok", "warning", "critical", "unknown"};
    fputs("{", to);
    put_text(to, "level", levels[verdict->level]);
    fputs(", \"verdict\": [", to);
    for (int i = 0; i < 3; i++) {
        fputs(i ? ",\n  " : "", to);
        sim_report_json_string(to, verdict->sentences[i]);
    }
    fputs("],\n ", to);
    put_texts(to, TEXTS({"kind", doctor_kind_name(facts->kind)}, {"version", facts->version},
                        {"pooler_version", facts->pooler_version}, {"role", facts->role},
                        {"database", facts->database}));
    fprintf(to, ", \"standby\": %s, \"sees_all\": %s, \"to_share\": %lld,\n",
            facts->is_standby ? "true" : "false", facts->sees_all ? "true" : "false",
            (long long)verdict->to_share);
    put_limits(to, facts);
    put_groups(to, facts);
    put_sessions(to, facts);
    put_pools(to, facts);
    put_holders(to, facts);
    put_refusal(to, facts);
    put_text(to, "note", facts->note);
    fputs("}\n", to);
}
