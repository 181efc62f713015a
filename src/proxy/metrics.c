/* metrics.c - the text of /metrics: OpenMetrics 1.0, from the rows of defs/metrics.h.
 *
 * All samples of a family stand together, as the format asks, so every family walks the pools once;
 * each pool's numbers are taken once before. Test: tests/system/test_http.py.
 */
#include "proxy/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "defs/metrics.h"
#include "proxy/daemon.h"

#define NOT_KNOWN     NAN
#define SECONDS(span) ((double)(span) / (double)BASE_SECOND)

struct view {
    const struct proxy_pool *pool;
    struct core_pool_stats core;
    struct proxy_counters total;
    uint32_t client_count;
};

/* ---- pieces of the format ---------------------------------------------------------------------
 */

static void put_family(FILE *out, const char *type, const char *name, const char *unit,
                       const char *doc)
{
    fprintf(out, "# TYPE weir_%s %s\n", name, type);
    if (unit[0] != '\0') {
        fprintf(out, "# UNIT weir_%s %s\n", name, unit);
    }
    fprintf(out, "# HELP weir_%s %s\n", name, doc);
}

/* Label values: backslash, quote and line feed are escaped. */
static void put_escaped(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\n') {
            fputs("\\n", out);
            continue;
        }
        if (*text == '\\' || *text == '"') {
            fputc('\\', out);
        }
        fputc(*text, out);
    }
}

static void put_labels(FILE *out, const struct proxy_pool *pool)
{
    fputs("{database=\"", out);
    put_escaped(out, pool->database->name);
    fputs("\",user=\"", out);
    put_escaped(out, pool->shown_user);
    fputc('"', out);
}

/* Whole numbers in full, others with what a double can tell. */
static void put_number(FILE *out, double number)
{
    if (number < 9e15 && number == (double)(int64_t)number) {
        fprintf(out, " %.0f\n", number);
    } else {
        fprintf(out, " %.15g\n", number);
    }
}

static const char *suffix_of(const char *type)
{
    return type[0] == 'c' ? "_total" : "";
}

/* ---- process ----------------------------------------------------------------------------------
 */

static void put_process(FILE *out, const struct proxy *proxy)
{
    const struct net_counters *loop = net_loop_counters(proxy->loop);
    fputs("# TYPE weir_build info\n# HELP weir_build What is running.\n"
          "weir_build_info{version=\"" WEIR_VERSION "\"} 1\n",
          out);
#define METRIC(type, name, unit, value, doc)            \
    put_family(out, #type, #name, unit, doc);           \
    fprintf(out, "weir_%s%s", #name, suffix_of(#type)); \
    put_number(out, (double)(value));
    METRICS_PROCESS(METRIC)
#undef METRIC
}

/* ---- pools ------------------------------------------------------------------------------------
 */

static void put_sample(FILE *out, const struct proxy_pool *pool, const char *name,
                       const char *suffix, double number)
{
    if (!isnan(number)) {
        fprintf(out, "weir_%s%s", name, suffix);
        put_labels(out, pool);
        fputc('}', out);
        put_number(out, number);
    }
}

static void put_state(FILE *out, const struct proxy_pool *pool, const char *name, const char *state,
                      double number)
{
    fprintf(out, "weir_%s", name);
    put_labels(out, pool);
    fprintf(out, ",state=\"%s\"}", state);
    put_number(out, number);
}

static void put_states(FILE *out, const struct view *views, size_t count)
{
    put_family(out, "gauge", "pool_servers", "", "Connections to PostgreSQL by state.");
    for (size_t i = 0; i < count; i++) {
        const struct core_pool_stats *core = &views[i].core;
#define STATE(state, value) put_state(out, views[i].pool, "pool_servers", #state, value);
        METRICS_POOL_SERVERS(STATE)
#undef STATE
    }
    put_family(out, "gauge", "pool_clients", "", "Clients of the pool by state.");
    for (size_t i = 0; i < count; i++) {
        const struct proxy_pool *pool = views[i].pool;
        uint32_t client_count = views[i].client_count;
        uint32_t clients_waiting = views[i].core.waiting;
        if (clients_waiting > client_count) {
            clients_waiting = client_count;
        }
#define STATE(state, value) put_state(out, pool, "pool_clients", #state, value);
        METRICS_POOL_CLIENTS(STATE)
#undef STATE
    }
}

static void put_pools(FILE *out, const struct view *views, size_t count)
{
#define METRIC(type, name, unit, value, doc)                                      \
    put_family(out, #type, #name, unit, doc);                                     \
    for (size_t i = 0; i < count; i++) {                                          \
        const struct core_pool_stats *core = &views[i].core;                      \
        const struct proxy_counters *total = &views[i].total;                     \
        (void)core;                                                               \
        (void)total;                                                              \
        put_sample(out, views[i].pool, #name, suffix_of(#type), (double)(value)); \
    }
    METRICS_POOL(METRIC)
#undef METRIC
}

static void put_histogram(FILE *out, const struct proxy_pool *pool, const char *name,
                          const uint64_t buckets[CORE_BUCKETS], base_time sum)
{
    uint64_t below = 0;
    for (int i = 0; i < CORE_BUCKETS; i++) {
        below += buckets[i];
        fprintf(out, "weir_%s_bucket", name);
        put_labels(out, pool);
        if (i < CORE_BUCKETS - 1) {
            fprintf(out, ",le=\"%.9g\"} %" PRIu64 "\n", (double)(UINT64_C(1) << i) / 1e6, below);
        } else {
            fprintf(out, ",le=\"+Inf\"} %" PRIu64 "\n", below);
        }
    }
    put_sample(out, pool, name, "_count", (double)below);
    put_sample(out, pool, name, "_sum", SECONDS(sum));
}

static void put_histograms(FILE *out, const struct view *views, size_t count)
{
#define HISTOGRAM(name, buckets, sum, doc)                      \
    put_family(out, "histogram", #name, "seconds", doc);        \
    for (size_t i = 0; i < count; i++) {                        \
        const struct core_pool_stats *core = &views[i].core;    \
        put_histogram(out, views[i].pool, #name, buckets, sum); \
    }
    METRICS_POOL_HISTOGRAMS(HISTOGRAM)
#undef HISTOGRAM
}

/* The pools that the core knows; NULL without memory. */
static struct view *take_views(const struct proxy *proxy, size_t *ret_count)
{
    size_t room = 1;
    base_list_each(it, &proxy->pool_list)
    {
        room++;
    }
    struct view *views = calloc(room, sizeof(*views));
    size_t count = 0;
    if (!views) {
        return NULL;
    }
    base_list_each(it, &proxy->pool_list)
    {
        struct view *view = &views[count];
        view->pool = base_list_entry(it, struct proxy_pool, link);
        if (!view->pool->parent && proxy_pool_stats(view->pool, &view->core) == BASE_OK) {
            proxy_pool_counters(view->pool, &view->total);
            view->client_count = proxy_pool_counts(view->pool).clients;
            count++;
        }
    }
    *ret_count = count;
    return views;
}

int proxy_metrics_write(const struct proxy *proxy, FILE *out)
{
    size_t count = 0;
    struct view *views = take_views(proxy, &count);
    if (!views) {
        return BASE_ENOMEM;
    }
    put_process(out, proxy);
    put_states(out, views, count);
    put_pools(out, views, count);
    put_histograms(out, views, count);
    fputs("# EOF\n", out);
    free(views);
    return ferror(out) ? BASE_ENOMEM : BASE_OK;
}
