/* dist.c - drawing, reading and writing spans. */
#include "sim/dist.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPAN_MOST (100.0 * 365 * 24 * 3600 * 1e9)

double sim_random_unit(struct base_random *random)
{
    return (double)(base_random_next(random) >> 11) * 0x1p-53;
}

/* Box and Muller, 1958; the second value is thrown away so that a draw has no memory. */
static double draw_normal(struct base_random *random)
{
    double u = 1 - sim_random_unit(random);
    double v = sim_random_unit(random);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

static double draw_measured(const struct sim_dist *dist, struct base_random *random)
{
    double u = sim_random_unit(random);
    double low = 0;
    for (uint32_t i = 0; i < dist->bucket_count; i++) {
        if (u < dist->bucket_share[i])
            return low + (dist->bucket_upto[i] - low) * (u / dist->bucket_share[i]);
        u -= dist->bucket_share[i];
        low = dist->bucket_upto[i];
    }
    return low;
}

static double draw(const struct sim_dist *dist, struct base_random *random)
{
    switch (dist->kind) {
    case SIM_DIST_FIXED:
        return dist->a;
    case SIM_DIST_EXPONENTIAL:
        return -dist->a * log(1 - sim_random_unit(random));
    case SIM_DIST_UNIFORM:
        return dist->a + (dist->b - dist->a) * sim_random_unit(random);
    case SIM_DIST_LOGNORMAL:
        return dist->a * exp(dist->b * draw_normal(random));
    case SIM_DIST_MEASURED:
        return draw_measured(dist, random);
    }
    return 0;
}

base_time sim_dist_draw(const struct sim_dist *dist, struct base_random *random)
{
    double span = draw(dist, random);
    return (base_time)(span < SPAN_MOST ? span : SPAN_MOST);
}

double sim_dist_mean(const struct sim_dist *dist)
{
    double sum = 0, low = 0;
    switch (dist->kind) {
    case SIM_DIST_FIXED:
    case SIM_DIST_EXPONENTIAL:
        return dist->a;
    case SIM_DIST_UNIFORM:
        return (dist->a + dist->b) / 2;
    case SIM_DIST_LOGNORMAL:
        return dist->a * exp(dist->b * dist->b / 2);
    case SIM_DIST_MEASURED:
        for (uint32_t i = 0; i < dist->bucket_count; i++) {
            sum += dist->bucket_share[i] * (low + dist->bucket_upto[i]) / 2;
            low = dist->bucket_upto[i];
        }
        break;
    }
    return sum;
}

struct sim_dist sim_dist_scaled(const struct sim_dist *dist, double factor)
{
    struct sim_dist scaled = *dist;
    scaled.a *= factor;
    if (dist->kind != SIM_DIST_LOGNORMAL)
        scaled.b *= factor;
    for (uint32_t i = 0; i < dist->bucket_count; i++)
        scaled.bucket_upto[i] *= factor;
    return scaled;
}

/* ---- text ------------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    double ns;
} units[] = {
    {"ns", 1},     {"us", 1e3}, {"ms", 1e6},   {"s", 1e9},
    {"min", 60e9}, {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9},
};

bool sim_span_parse(const char *text, base_time *ret_span)
{
    if (strcmp(text, "never") == 0) {
        *ret_span = BASE_NEVER;
        return true;
    }
    char *end;
    double number = strtod(text, &end);
    if (end == text || !isfinite(number) || number < 0)
        return false;
    end += strspn(end, " ");
    if (*end == '\0' && number == 0) {
        *ret_span = 0;
        return true;
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(end, units[i].name) == 0 && number * units[i].ns < SPAN_MOST) {
            *ret_span = (base_time)llround(number * units[i].ns);
            return true;
        }
    }
    return false;
}

/* The words of `text`, at most three; the number of them, 4 when there are more. */
static int split(const char *text, char words[3][32])
{
    int count = 0;
    for (;;) {
        text += strspn(text, " \t");
        size_t bytes = strcspn(text, " \t");
        if (bytes == 0)
            return count;
        if (count == 3 || bytes >= 32)
            return 4;
        memcpy(words[count], text, bytes);
        words[count++][bytes] = '\0';
        text += bytes;
    }
}

static bool parse_finite(const char *text, double *ret)
{
    base_time span;
    if (!sim_span_parse(text, &span) || span == BASE_NEVER)
        return false;
    *ret = (double)span;
    return true;
}

static bool parse_two(struct sim_dist *dist, char words[3][32])
{
    if (strcmp(words[0], "uniform") == 0) {
        dist->kind = SIM_DIST_UNIFORM;
        return parse_finite(words[2], &dist->b) && dist->b >= dist->a;
    }
    char *end;
    dist->kind = SIM_DIST_LOGNORMAL;
    dist->b = strtod(words[2], &end);
    return strcmp(words[0], "lognormal") == 0 && *end == '\0' && dist->b >= 0 && dist->b <= 5;
}

bool sim_dist_parse(const char *text, struct sim_dist *ret_dist)
{
    char words[3][32];
    struct sim_dist dist = {.kind = SIM_DIST_FIXED};
    int count = split(text, words);
    bool is_good = false;
    if (count == 1) {
        is_good = parse_finite(words[0], &dist.a);
    } else if (count == 2) {
        dist.kind = strcmp(words[0], "exponential") == 0 ? SIM_DIST_EXPONENTIAL : SIM_DIST_FIXED;
        is_good = (dist.kind == SIM_DIST_EXPONENTIAL || strcmp(words[0], "fixed") == 0) &&
                  parse_finite(words[1], &dist.a);
    } else if (count == 3) {
        is_good = parse_finite(words[1], &dist.a) && parse_two(&dist, words);
    }
    if (is_good)
        *ret_dist = dist;
    return is_good;
}

void sim_span_format(double ns, char *out, size_t bytes)
{
    if (ns < 0.5)
        snprintf(out, bytes, "0");
    else if (ns < 1e6)
        snprintf(out, bytes, "%.0f us", ns / 1e3);
    else if (ns < 99.95e6)
        snprintf(out, bytes, "%.1f ms", ns / 1e6);
    else if (ns < 999.5e6)
        snprintf(out, bytes, "%.0f ms", ns / 1e6);
    else if (ns < 600e9)
        snprintf(out, bytes, "%.1f s", ns / 1e9);
    else
        snprintf(out, bytes, "%.1f min", ns / 60e9);
}
