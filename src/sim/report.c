/* report.c - a result as a table, as JSON and as CSV. */
#include "sim/report.h"

#include <string.h>

#define SECONDS(ns) ((double)(ns) / 1e9)

struct span_text {
    char text[16];
};

static struct span_text span(double ns)
{
    struct span_text out;
    sim_span_format(ns, out.text, sizeof(out.text));
    return out;
}

static struct span_text quantile(const struct sim_histogram *histogram, double share)
{
    return histogram->count ? span((double)sim_histogram_quantile(histogram, share))
                            : (struct span_text){"-"};
}

/* ---- text ------------------------------------------------------------------------------------ */

static void print_size(FILE *to, const struct sim_pool_settings *pool)
{
    if (pool->kind == SIM_POOL_NONE)
        fputs("no pool", to);
    else if (pool->overflow == SIM_NO_LIMIT)
        fprintf(to, "%u + any", pool->size);
    else
        fprintf(to, "%u + %u", pool->size, pool->overflow);
}

static void print_head(FILE *to, const struct sim_scenario *s, const struct sim_result *result)
{
    static const char *const kinds[] = {"sqlalchemy", "libweir", ""};
    fprintf(to, "%s: %u process%s, %s%s", s->name, s->processes, s->processes == 1 ? "" : "es",
            kinds[s->pool.kind], s->pool.kind == SIM_POOL_NONE ? "" : " ");
    print_size(to, &s->pool);
    fputs(s->processes == 1 || s->pool.kind == SIM_POOL_NONE ? "" : " each", to);
    if (s->has_weir) {
        fprintf(to, "; weir in %s mode ", s->mode == SIM_MODE_SESSION ? "session" : "transaction");
        print_size(to, &s->weir);
    }
    if (result->room == SIM_NO_LIMIT)
        fputs("; the database has no limit\n\n", to);
    else
        fprintf(to, "; %s leaves %u connections\n\n", result->room_of, result->room);
}

static void print_row(FILE *to, const char *name, const struct sim_load_result *load)
{
    fprintf(to, "%-14.14s %9llu %8llu  %9s %9s %9s  %9s %9s %9s\n", name,
            (unsigned long long)load->requests, (unsigned long long)sim_result_failed(load),
            quantile(&load->wait, 0.5).text, quantile(&load->wait, 0.99).text,
            load->wait.count ? span((double)load->wait.max).text : "-",
            quantile(&load->latency, 0.99).text, quantile(&load->page_latency, 0.5).text,
            quantile(&load->page_latency, 0.99).text);
}

static void print_failures(FILE *to, const struct sim_load_result *total)
{
    bool is_first = true;
    for (int i = SIM_OK + 1; i < SIM_OUTCOMES; i++) {
        if (total->outcomes[i] == 0)
            continue;
        fprintf(to, "%s%llu %s", is_first ? "failed       " : ", ",
                (unsigned long long)total->outcomes[i], sim_outcome_name((enum sim_outcome)i));
        is_first = false;
    }
    if (!is_first)
        fprintf(to, "; %llu of %llu pages were not whole\n",
                (unsigned long long)total->pages_failed, (unsigned long long)total->pages);
}

static void print_use(FILE *to, const struct sim_scenario *s, const struct sim_result *result)
{
    fprintf(to, "connections  at most %u", result->peak_connected);
    if (result->room != SIM_NO_LIMIT)
        fprintf(to, " of %u", result->room);
    fprintf(to, " at the database, %u in one %s\n", result->peak_process,
            s->has_weir ? "weir" : "process");
    fprintf(to, "in use       %.1f on average", result->lent_mean);
    if (result->room != SIM_NO_LIMIT && result->room > 0)
        fprintf(to, " (%.0f %% of %u)", 100 * result->lent_mean / result->room, result->room);
    fprintf(to, ", on %.1f of them a statement ran\n", result->running_mean);
    fprintf(to, "queue        at most %u waited at once\n", result->peak_waiting);
    fprintf(to, "connects     %llu, %llu refused as too many, %llu failed otherwise",
            (unsigned long long)result->connects, (unsigned long long)result->refused_connects,
            (unsigned long long)result->failed_connects);
    if (result->ceiling != SIM_NO_LIMIT)
        fprintf(to, "; learned: %u and no more", result->ceiling);
    fputs("\n", to);
}

void sim_report_text(FILE *to, const struct sim_scenario *s, const struct sim_result *result)
{
    print_head(to, s, result);
    fprintf(to, "%-14s %9s %8s  %9s %9s %9s  %9s %9s %9s\n", "load", "requests", "failed",
            "wait p50", "p99", "max", "reply p99", "page p50", "p99");
    for (uint32_t i = 0; i < result->load_count; i++)
        print_row(to, s->loads[i].name, &result->loads[i]);
    if (result->load_count > 1)
        print_row(to, "all", &result->total);
    fputs("\n", to);
    print_failures(to, &result->total);
    print_use(to, s, result);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

void sim_report_json_string(FILE *to, const char *text)
{
    fputc('"', to);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            fprintf(to, "\\%c", c);
        else if (c < ' ')
            fprintf(to, "\\u%04x", c);
        else
            fputc(c, to);
    }
    fputc('"', to);
}

static void json_histogram(FILE *to, const char *name, const struct sim_histogram *h)
{
    fprintf(to,
            "\"%s\": {\"count\": %llu, \"mean\": %.9f, \"p50\": %.9f, \"p90\": %.9f, "
            "\"p99\": %.9f, \"max\": %.9f}",
            name, (unsigned long long)h->count, sim_histogram_mean(h) / 1e9,
            SECONDS(sim_histogram_quantile(h, 0.5)), SECONDS(sim_histogram_quantile(h, 0.9)),
            SECONDS(sim_histogram_quantile(h, 0.99)), SECONDS(h->max));
}

static void json_load(FILE *to, const char *name, const struct sim_load_result *load)
{
    fputs("{\"name\": ", to);
    sim_report_json_string(to, name);
    fprintf(to, ", \"requests\": %llu", (unsigned long long)load->requests);
    for (int i = 0; i < SIM_OUTCOMES; i++) {
        fputs(", ", to);
        sim_report_json_string(to, sim_outcome_name((enum sim_outcome)i));
        fprintf(to, ": %llu", (unsigned long long)load->outcomes[i]);
    }
    fprintf(to, ", \"pages\": %llu, \"pages_failed\": %llu, ", (unsigned long long)load->pages,
            (unsigned long long)load->pages_failed);
    json_histogram(to, "wait", &load->wait);
    fputs(", ", to);
    json_histogram(to, "latency", &load->latency);
    fputs(", ", to);
    json_histogram(to, "page", &load->page_latency);
    fputs("}", to);
}

static void json_limit(FILE *to, const char *name, uint32_t value)
{
    if (value == SIM_NO_LIMIT)
        fprintf(to, "\"%s\": null, ", name);
    else
        fprintf(to, "\"%s\": %u, ", name, value);
}

void sim_report_json(FILE *to, const struct sim_scenario *s, const struct sim_result *result)
{
    fputs("{\"name\": ", to);
    sim_report_json_string(to, s->name);
    fprintf(to, ", \"seed\": %llu, \"duration\": %.9f, ", (unsigned long long)s->seed,
            SECONDS(s->duration));
    json_limit(to, "room", result->room);
    fputs("\"room_of\": ", to);
    sim_report_json_string(to, result->room_of);
    fputs(", ", to);
    json_limit(to, "ceiling", result->ceiling);
    fprintf(to,
            "\"peak_connected\": %u, \"peak_process\": %u, \"peak_waiting\": %u, "
            "\"lent_mean\": %.6f, \"running_mean\": %.6f, ",
            result->peak_connected, result->peak_process, result->peak_waiting, result->lent_mean,
            result->running_mean);
    fprintf(
        to,
        "\"connects\": %llu, \"refused_connects\": %llu, \"failed_connects\": %llu, "
        "\"lost_connections\": %llu, \"core_events\": %llu, \"hash\": \"%016llx\",\n \"total\": ",
        (unsigned long long)result->connects, (unsigned long long)result->refused_connects,
        (unsigned long long)result->failed_connects, (unsigned long long)result->lost_connections,
        (unsigned long long)result->core_events, (unsigned long long)result->hash);
    json_load(to, "all", &result->total);
    fputs(",\n \"loads\": [", to);
    for (uint32_t i = 0; i < result->load_count; i++) {
        fputs(i ? ",\n  " : "", to);
        json_load(to, s->loads[i].name, &result->loads[i]);
    }
    fputs("]}\n", to);
}

/* ---- CSV ------------------------------------------------------------------------------------- */

void sim_report_csv(FILE *to, const struct sim_result *result)
{
    fputs("seconds,arrived,answered,failed,waiting,waiting_max,wait_mean,wait_max,connected,"
          "connected_max,lent,running\n",
          to);
    for (uint32_t i = 0; i < result->sample_count; i++) {
        const struct sim_sample *s = &result->samples[i];
        fprintf(to, "%.6f,%u,%u,%u,%u,%u,%.6f,%.6f,%u,%u,%u,%u\n", SECONDS(s->at), s->arrived,
                s->answered, s->failed, s->waiting, s->waiting_max,
                s->wait_count ? s->wait_sum / s->wait_count / 1e9 : 0, SECONDS(s->wait_max),
                s->connected, s->connected_max, s->lent, s->running);
    }
}
