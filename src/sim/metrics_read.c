/* metrics_read.c - line by line: name, labels, number. */
#include "sim/metrics_read.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES  1024
#define LABEL_BYTES 64

/* One sample; texts are cut where they are too long, and then fit nothing. */
struct sample {
    char name[LABEL_BYTES], database[LABEL_BYTES], user[LABEL_BYTES], pool[LABEL_BYTES];
    char upto[LABEL_BYTES];
    double value;
};

/* ---- one line -------------------------------------------------------------------------------- */

static char *label_of(struct sample *sample, const char *name, size_t bytes)
{
    const struct {
        const char *name;
        char *target;
    } labels[] = {{"database", sample->database},
                  {"user", sample->user},
                  {"pool", sample->pool},
                  {"le", sample->upto}};
    for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
        if (strlen(labels[i].name) == bytes && strncmp(labels[i].name, name, bytes) == 0)
            return labels[i].target;
    return NULL;
}

/* A label's value, from behind its first quote to behind its last; NULL when it does not end. */
static const char *read_label(const char *at, char *target)
{
    size_t length = 0;
    for (; *at != '"'; at++) {
        char c = *at;
        if (c == '\\')
            c = *++at == 'n' ? '\n' : *at;
        if (c == '\0')
            return NULL;
        if (target && length + 1 < LABEL_BYTES)
            target[length++] = c;
    }
    if (target)
        target[length] = '\0';
    return at + 1;
}

/* From behind { to behind }. */
static const char *read_labels(const char *at, struct sample *sample)
{
    while (*at != '}') {
        size_t bytes = strcspn(at, "=\"}");
        if (at[bytes] != '=' || at[bytes + 1] != '"')
            return NULL;
        at = read_label(at + bytes + 2, label_of(sample, at, bytes));
        if (!at)
            return NULL;
        at += *at == ',';
    }
    return at + 1;
}

/* False when the line is not a sample. */
static bool read_sample(const char *line, struct sample *ret)
{
    *ret = (struct sample){0};
    size_t bytes = strcspn(line, "{ ");
    if (bytes == 0 || bytes >= LABEL_BYTES || line[0] == '#')
        return false;
    memcpy(ret->name, line, bytes);
    const char *at = line + bytes;
    if (*at == '{')
        at = read_labels(at + 1, ret);
    if (!at || *at != ' ')
        return false;
    char *end;
    ret->value = strtod(at, &end);
    return end != at && !isnan(ret->value);
}

/* ---- what it is about ------------------------------------------------------------------------ */

static struct sim_metrics_pool *pool_of(struct sim_metrics *metrics, const struct sample *sample)
{
    char name[SIM_METRICS_NAME];
    if (sample->database[0])
        snprintf(name, sizeof(name), "%s/%s", sample->database, sample->user);
    else
        snprintf(name, sizeof(name), "%s", sample->pool);
    for (uint32_t i = 0; i < metrics->pool_count; i++)
        if (strcmp(metrics->pools[i].name, name) == 0)
            return &metrics->pools[i];
    if (metrics->pool_count == SIM_METRICS_POOLS)
        return NULL;
    struct sim_metrics_pool *pool = &metrics->pools[metrics->pool_count++];
    memcpy(pool->name, name, sizeof(name));
    return pool;
}

static void add_bucket(struct sim_metrics_histogram *h, const struct sample *sample)
{
    double upto = strcmp(sample->upto, "+Inf") == 0 ? INFINITY : strtod(sample->upto, NULL);
    bool is_growing = h->bucket_count == 0 || (upto > h->upto[h->bucket_count - 1] &&
                                               sample->value >= h->below[h->bucket_count - 1]);
    if (h->bucket_count == SIM_DIST_BUCKETS || !(upto > 0) || !is_growing)
        return;
    h->upto[h->bucket_count] = upto;
    h->below[h->bucket_count++] = sample->value;
}

/* `kind` is what follows the histogram's name. */
static void add_histogram(struct sim_metrics_histogram *h, const char *kind,
                          const struct sample *sample)
{
    if (sample->value < 0 || !isfinite(sample->value))
        return;
    if (strcmp(kind, "_bucket") == 0)
        add_bucket(h, sample);
    else if (strcmp(kind, "_count") == 0)
        h->count = sample->value;
    else if (strcmp(kind, "_sum") == 0)
        h->sum = sample->value;
}

static bool begins(const char *text, const char *part, const char **ret_rest)
{
    size_t bytes = strlen(part);
    *ret_rest = text + bytes;
    return strncmp(text, part, bytes) == 0;
}

static void take(struct sim_metrics *metrics, const struct sample *sample)
{
    const char *rest;
    if (strcmp(sample->name, "weir_start_time_seconds") == 0)
        metrics->started = sample->value;
    if (!begins(sample->name, "weir_pool_", &rest))
        return;
    struct sim_metrics_pool *pool = pool_of(metrics, sample);
    if (!pool)
        return;
    if (begins(sample->name, "weir_pool_hold_seconds", &rest))
        add_histogram(&pool->hold, rest, sample);
    else if (begins(sample->name, "weir_pool_wait_seconds", &rest))
        add_histogram(&pool->wait, rest, sample);
    else if (strcmp(sample->name, "weir_pool_limit") == 0 && sample->value < SIM_CONNS_MAX)
        pool->limit = sample->value;
    else if (strcmp(sample->name, "weir_pool_ceiling") == 0 && sample->value < SIM_CONNS_MAX)
        pool->ceiling = sample->value;
}

int sim_metrics_read(struct base_slice text, struct sim_metrics *ret, char reason[256])
{
    memset(ret, 0, sizeof(*ret));
    char line[LINE_BYTES];
    struct sample sample;
    while (text.bytes > 0) {
        const uint8_t *end = memchr(text.data, '\n', text.bytes);
        size_t bytes = end ? (size_t)(end - text.data) : text.bytes;
        if (bytes < sizeof(line)) {
            memcpy(line, text.data, bytes);
            line[bytes] = '\0';
            if (read_sample(line, &sample))
                take(ret, &sample);
        }
        text = base_slice_skip(text, end ? bytes + 1 : bytes);
    }
    if (ret->pool_count > 0)
        return 0;
    snprintf(reason, 256,
             "no metrics of a pool of weir or libweir in it: weir_pool_hold_seconds is wanted");
    return BASE_EINVALID;
}

/* ---- numbers --------------------------------------------------------------------------------- */

const struct sim_metrics_pool *sim_metrics_find(const struct sim_metrics *metrics, const char *name,
                                                char reason[256])
{
    size_t length = (size_t)snprintf(reason, 256, "%s; there are",
                                     name ? "there is no such pool" : "which pool?");
    for (uint32_t i = 0; i < metrics->pool_count; i++) {
        const struct sim_metrics_pool *pool = &metrics->pools[i];
        if (name ? strcmp(pool->name, name) == 0 : metrics->pool_count == 1)
            return pool;
        if (length < 256)
            length += (size_t)snprintf(reason + length, 256 - length, "%s \"%s\"", i ? "," : "",
                                       pool->name);
    }
    return NULL;
}

static struct sim_metrics_histogram difference(const struct sim_metrics_histogram *a,
                                               const struct sim_metrics_histogram *b)
{
    struct sim_metrics_histogram out = *b;
    if (a->bucket_count != b->bucket_count || a->count > b->count)
        return out; /* it was opened anew in between */
    out.count -= a->count;
    out.sum = b->sum > a->sum ? b->sum - a->sum : 0;
    for (uint32_t i = 0; i < out.bucket_count; i++)
        out.below[i] = b->below[i] > a->below[i] ? b->below[i] - a->below[i] : 0;
    return out;
}

struct sim_metrics_pool sim_metrics_between(const struct sim_metrics_pool *earlier,
                                            const struct sim_metrics_pool *later)
{
    struct sim_metrics_pool out = *later;
    out.hold = difference(&earlier->hold, &later->hold);
    out.wait = difference(&earlier->wait, &later->wait);
    return out;
}

/* The upper end of a bucket; of the infinite one twice its lower end. */
static double end_of(const struct sim_metrics_histogram *h, uint32_t bucket)
{
    if (isfinite(h->upto[bucket]))
        return h->upto[bucket];
    return bucket > 0 ? 2 * h->upto[bucket - 1] : 1;
}

double sim_metrics_quantile(const struct sim_metrics_histogram *h, double share)
{
    double wanted = share * h->count, low = 0, seen = 0;
    for (uint32_t i = 0; i < h->bucket_count; i++) {
        double in = h->below[i] - seen;
        if (in > 0 && h->below[i] >= wanted)
            return low + (end_of(h, i) - low) * (wanted > seen ? (wanted - seen) / in : 0);
        seen = h->below[i];
        low = end_of(h, i);
    }
    return low;
}

/* The histogram as a distribution, stretched so that its mean is the exact one. */
static bool measure(const struct sim_metrics_histogram *h, struct sim_dist *ret)
{
    struct sim_dist dist = {.kind = SIM_DIST_MEASURED};
    double seen = 0, all = h->bucket_count ? h->below[h->bucket_count - 1] : 0;
    for (uint32_t i = 0; i < h->bucket_count && all > 0; i++) {
        dist.bucket_upto[i] = end_of(h, i) * 1e9;
        dist.bucket_share[i] = (h->below[i] - seen) / all;
        dist.bucket_count = i + 1;
        seen = h->below[i];
    }
    double mean = sim_dist_mean(&dist);
    if (!(mean > 0) || !(h->count > 0) || !isfinite(mean))
        return false;
    *ret = h->sum > 0 ? sim_dist_scaled(&dist, h->sum / h->count * 1e9 / mean) : dist;
    mean = sim_dist_mean(ret);
    return mean >= 1 && isfinite(mean); /* ns; a sum can be so large that no number is left of it */
}

int sim_metrics_apply(const struct sim_metrics_pool *pool, double span, struct sim_load *load,
                      char reason[256])
{
    struct sim_dist hold;
    double rate = pool->hold.count / span / load->requests / load->transactions;
    if (!(span > 0) || !measure(&pool->hold, &hold) || !(rate > 0) || rate > 1e6) {
        snprintf(reason, 256,
                 "pool \"%s\" has lent nothing in %.0f s: there is no rate and no holding time",
                 pool->name, span);
        return BASE_EINVALID;
    }
    free(load->trace);
    free(load->services);
    load->trace = load->services = NULL;
    load->users = 0;
    load->rate = rate;
    load->service = sim_dist_scaled(&hold, 1.0 / load->statements);
    load->between = (struct sim_dist){.kind = SIM_DIST_FIXED};
    load->slow = 0;
    return 0;
}
