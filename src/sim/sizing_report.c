/* sizing_report.c - what was found, what to paste, what would help, what the rule of thumb says. */
#include "sim/sizing_report.h"

#include <math.h>
#include <string.h>

#include "sim/report.h"

#define CLIENTS_LEAST 5  /* connections to weir cost little: never suggest fewer */
#define CLIENTS_MORE  10 /* and some more on demand */

struct text {
    char bytes[32];
};

static struct text span(double ns)
{
    struct text out;
    sim_span_format(ns, out.bytes, sizeof(out.bytes));
    return out;
}

static struct text dist(const struct sim_dist *dist)
{
    static const char *const kinds[] = {"", "exponential ", "uniform ", "lognormal ", "measured, "};
    struct text out;
    double shown = dist->kind == SIM_DIST_MEASURED ? sim_dist_mean(dist) : dist->a;
    snprintf(out.bytes, sizeof(out.bytes), "%s%s", kinds[dist->kind], span(shown).bytes);
    return out;
}

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

/* ---- the question ---------------------------------------------------------------------------- */

static void print_arrivals(FILE *to, const struct sim_load *load)
{
    if (load->users > 0)
        fprintf(to, "%u users who think %s", load->users, dist(&load->think).bytes);
    else if (load->trace)
        fprintf(to, "%u recorded arrivals", load->trace_count);
    else
        fprintf(to, "%g pages a second", load->rate);
}

void sizing_report_load(FILE *to, const struct sim_scenario *s)
{
    for (uint32_t i = 0; i < s->load_count; i++) {
        const struct sim_load *load = &s->loads[i];
        fputs(i == 0 ? "load     " : "         and ", to);
        print_arrivals(to, load);
        fprintf(to, ", each %u request%s of %u transaction%s", load->requests,
                plural(load->requests), load->transactions, plural(load->transactions));
        if (load->statements > 1)
            fprintf(to, " of %u statements", load->statements);
        fprintf(to, "; a statement takes %s\n", dist(&load->service).bytes);
    }
}

static void print_question(FILE *to, const struct sizing_report *r)
{
    const struct sim_scenario *s = r->question->scenario;
    fprintf(to, "limit    %s%s%u connection%s, %u kept free for others: %u to share",
            r->plan ? r->plan->name : "", r->plan ? ": " : "", r->limit, plural(r->limit),
            r->reserve, r->question->room);
    fprintf(to, " by %u process%s%s\n", s->processes, s->processes == 1 ? "" : "es",
            r->question->is_overlapping ? ", twice as many during deploys" : "");
    sizing_report_load(to, s);
    fprintf(to,
            "goal     99 %% of requests wait at most %s for connections in all, and none fails\n\n",
            span((double)r->question->goal).bytes);
}

/* ---- what was found -------------------------------------------------------------------------- */

static const char *const way_names[SIZING_WAYS] = {"a pool in each process", "weir in front"};

static void print_margin(FILE *to, const struct sizing_option *option)
{
    if (option->load_most == 0)
        fputs("  -", to);
    else
        fprintf(to, "  %.1f x the load%s", option->load_most,
                option->load_most >= 8 ? " and more" : "");
}

static void print_option(FILE *to, const struct sizing_report *r, enum sizing_way way)
{
    const struct sizing_option *option = &r->answer->options[way];
    const struct sizing_run *run = &option->run;
    char size[32], total[40];
    if (run->size == 0) {
        fprintf(to, "%-23s not even one connection for each process\n", way_names[way]);
        return;
    }
    snprintf(size, sizeof(size), "%u%s", run->size, way == SIZING_OWN ? " each" : "");
    snprintf(total, sizeof(total), "%u of %u", run->total, r->question->room);
    fprintf(to, "%-23s %9s %11s %9s %9s %9s %8llu", way_names[way], size, total,
            span((double)run->wait_p50).bytes, span((double)run->wait_p99).bytes,
            span((double)run->wait_max).bytes, (unsigned long long)run->failed);
    if (option->is_found)
        print_margin(to, option);
    else
        fputs("  not enough", to);
    fputs("\n", to);
}

static void print_options(FILE *to, const struct sizing_report *r)
{
    fprintf(to, "%-23s %9s %11s %9s %9s %9s %8s  %s\n", "smallest pools", "size", "connections",
            "wait p50", "p99", "max", "failed", "holds up to");
    for (int way = 0; way < SIZING_WAYS; way++)
        print_option(to, r, (enum sizing_way)way);
    fputs("\n", to);
}

/* ---- settings -------------------------------------------------------------------------------- */

static void print_sqlalchemy(FILE *to, const char *url, uint32_t size, uint32_t overflow)
{
    fprintf(to,
            "  SQLAlchemy  create_engine(%s, pool_size=%u, max_overflow=%u, pool_timeout=30,\n"
            "                            pool_recycle=3600, pool_pre_ping=True)\n",
            url, size, overflow);
}

static void print_libweir(FILE *to, uint32_t size, uint32_t overflow)
{
    fprintf(to, "  libweir     WEIR_POOL_SIZE=%u WEIR_MAX_OVERFLOW=%u\n", size, overflow);
}

void sizing_report_own(FILE *to, uint32_t size)
{
    fputs("Settings, a pool in each process:\n", to);
    print_sqlalchemy(to, "url", size, 0);
    print_libweir(to, size, 0);
    fputs("\n", to);
}

void sizing_report_weir(FILE *to, uint32_t size, uint32_t client_size)
{
    uint32_t clients = client_size > CLIENTS_LEAST ? client_size : CLIENTS_LEAST;
    fputs("Settings, weir in front (however many processes there are):\n", to);
    fprintf(to,
            "  weir.ini    pool_mode = transaction\n"
            "              default_pool_size = %u\n"
            "              max_overflow = 0\n",
            size);
    print_sqlalchemy(to, "url_of_weir", clients, CLIENTS_MORE);
    print_libweir(to, clients, CLIENTS_MORE);
    fputs("\n", to);
}

static void print_settings(FILE *to, const struct sizing_report *r)
{
    const struct sizing_option *options = r->answer->options;
    if (options[SIZING_OWN].is_found)
        sizing_report_own(to, options[SIZING_OWN].run.size);
    if (options[SIZING_WEIR].is_found)
        sizing_report_weir(to, options[SIZING_WEIR].run.size, options[SIZING_WEIR].run.peak_client);
}

/* ---- what would help ------------------------------------------------------------------------- */

/* The smallest plan of the same host, or of any, with so many connections. */
static const struct sim_plan *plan_with(const struct sim_plan *now, uint32_t connections)
{
    const struct sim_plan *best = NULL;
    for (size_t i = 0; i < sim_plan_count; i++) {
        const struct sim_plan *plan = &sim_plans[i];
        bool is_of_host = !now || strcmp(plan->host, now->host) == 0;
        if (is_of_host && plan->direct >= connections && (!best || plan->direct < best->direct))
            best = plan;
    }
    return best;
}

static void print_remedy(FILE *to, const struct sizing_report *r, enum sizing_way way)
{
    const struct sizing_remedy *remedy = &r->answer->remedies[way];
    fprintf(to, "With %s no size within %u connections meets the goal. What would:\n",
            way_names[way], r->question->room);
    if (way == SIZING_OWN && r->answer->options[SIZING_WEIR].is_found)
        fprintf(to, "  - transaction mode: weir in front with %u servers\n",
                r->answer->options[SIZING_WEIR].run.size);
    if (r->plan && r->plan->pooler_clients > 0)
        fprintf(to, "  - transaction mode of the plan's own pooler: it lets %u clients in\n",
                r->plan->pooler_clients);
    if (remedy->processes > 0)
        fprintf(to, "  - fewer processes: %u instead of %u\n", remedy->processes,
                r->question->scenario->processes);
    if (remedy->room > 0) {
        uint32_t needed = remedy->room + r->reserve;
        const struct sim_plan *plan = plan_with(r->plan, needed);
        fprintf(to, "  - a bigger plan: %u connections%s%s\n", needed, plan ? ", such as " : "",
                plan ? plan->name : "");
    }
    if (remedy->service > 0)
        fprintf(to, "  - faster statements: %.0f %% of the time that they take now\n",
                100 * remedy->service);
    if (remedy->room == 0 && remedy->service == 0)
        fputs("  - nothing of: bigger plan, faster statements, alone; the goal is below what a "
              "connect or the load itself takes\n",
              to);
    fputs("\n", to);
}

/* ---- rule of thumb --------------------------------------------------------------------------- */

static void print_thumb_run(FILE *to, const struct sizing_run *run)
{
    fprintf(to, " 99 %% wait up to %s, %llu of %llu requests fail: %s\n",
            span((double)run->wait_p99).bytes, (unsigned long long)run->failed,
            (unsigned long long)run->requests, run->is_good ? "good" : "not good");
}

static void print_thumb(FILE *to, const struct sizing_report *r)
{
    const struct sizing_answer *answer = r->answer;
    fprintf(to,
            "Rules of thumb\n"
            "  Little's law: %.1f connections are in use on average, so %u in each process;",
            answer->busy, answer->thumb.size);
    print_thumb_run(to, &answer->thumb);
    if (r->cores > 0) {
        fprintf(to, "  cores x 2: %u x 2 = %u connections in all, behind weir;", r->cores,
                2 * r->cores);
        print_thumb_run(to, &r->cores_run);
    }
}

void sizing_report_text(FILE *to, const struct sizing_report *r)
{
    print_question(to, r);
    print_options(to, r);
    print_settings(to, r);
    for (int way = 0; way < SIZING_WAYS; way++)
        if (!r->answer->options[way].is_found)
            print_remedy(to, r, (enum sizing_way)way);
    print_thumb(to, r);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void json_run(FILE *to, const struct sizing_run *run)
{
    fprintf(to,
            "\"size\": %u, \"total\": %u, \"requests\": %llu, \"failed\": %llu, "
            "\"wait\": {\"p50\": %.9f, \"p99\": %.9f, \"max\": %.9f}, \"busy\": %.3f, "
            "\"meets_goal\": %s",
            run->size, run->total, (unsigned long long)run->requests,
            (unsigned long long)run->failed, (double)run->wait_p50 / 1e9,
            (double)run->wait_p99 / 1e9, (double)run->wait_max / 1e9, run->busy,
            run->is_good ? "true" : "false");
}

static void json_count(FILE *to, const char *name, uint32_t value)
{
    if (value == 0)
        fprintf(to, "\"%s\": null", name);
    else
        fprintf(to, "\"%s\": %u", name, value);
}

static void json_way(FILE *to, const struct sizing_report *r, enum sizing_way way)
{
    static const char *const names[] = {"pool_in_each_process", "weir_in_front"};
    const struct sizing_option *option = &r->answer->options[way];
    const struct sizing_remedy *remedy = &r->answer->remedies[way];
    fprintf(to, " \"%s\": {\"found\": %s, ", names[way], option->is_found ? "true" : "false");
    json_run(to, &option->run);
    if (option->is_found) {
        fprintf(to, ", \"spare_connections\": %u, \"load_most\": %.3f, ",
                r->question->room - option->run.total, option->load_most);
        json_count(to, "client_pool_size", option->run.peak_client);
    } else {
        fputs(", \"would_do\": {", to);
        json_count(to, "connections", remedy->room);
        fputs(", ", to);
        json_count(to, "processes", remedy->processes);
        fprintf(to, ", \"statement_time_share\": %.3f}", remedy->service);
    }
    fputs("},\n", to);
}

void sizing_report_json(FILE *to, const struct sizing_report *r)
{
    fputs("{\"plan\": ", to);
    if (r->plan)
        sim_report_json_string(to, r->plan->name);
    else
        fputs("null", to);
    fprintf(to,
            ", \"limit\": %u, \"reserve\": %u, \"room\": %u, \"processes\": %u, \"overlap\": %s, "
            "\"goal\": %.9f,\n",
            r->limit, r->reserve, r->question->room, r->question->scenario->processes,
            r->question->is_overlapping ? "true" : "false", (double)r->question->goal / 1e9);
    for (int way = 0; way < SIZING_WAYS; way++)
        json_way(to, r, (enum sizing_way)way);
    fprintf(to, " \"littles_law\": {\"connections\": %.3f, ", r->answer->busy);
    json_run(to, &r->answer->thumb);
    fputs("}", to);
    if (r->cores > 0) {
        fputs(",\n \"twice_the_cores\": {", to);
        json_run(to, &r->cores_run);
        fputs("}", to);
    }
    fputs("}\n", to);
}
