/* plot.c - wait and use over time: as SVG, and with the blocks of a terminal. */
#include "sim/report.h"

#define WIDTH        720
#define HEIGHT       400
#define LEFT         64
#define RIGHT        704
#define COLUMNS      60
#define PLOT_SAMPLES (SIM_SAMPLES / COLUMNS)

struct curve {
    const char *title, *colour;
    double values[SIM_SAMPLES];
    double most;
};

enum curve_kind { CURVE_WAIT, CURVE_CONNECTED, CURVE_LENT, CURVE_FAILED };

static struct curve curve_of(const struct sim_result *result, enum curve_kind kind)
{
    static const struct curve kinds[] = {
        {.title = "longest wait", .colour = "#c0392b"},
        {.title = "connections", .colour = "#95a5a6"},
        {.title = "in use", .colour = "#2471a3"},
        {.title = "failed", .colour = "#7d3c98"},
    };
    struct curve curve = kinds[kind];
    for (uint32_t i = 0; i < result->sample_count; i++) {
        const struct sim_sample *s = &result->samples[i];
        curve.values[i] = kind == CURVE_WAIT        ? (double)s->wait_max
                          : kind == CURVE_CONNECTED ? s->connected_max
                          : kind == CURVE_LENT      ? s->lent
                                                    : s->failed;
        if (curve.values[i] > curve.most)
            curve.most = curve.values[i];
    }
    return curve;
}

/* ---- SVG ------------------------------------------------------------------------------------- */

static void svg_text(FILE *to, const char *text)
{
    for (; *text; text++) {
        if (*text == '<' || *text == '&' || *text == '>')
            fprintf(to, "&#%d;", *text);
        else
            fputc((unsigned char)*text < ' ' ? ' ' : *text, to);
    }
}

static void svg_curve(FILE *to, const struct curve *curve, double top, double bottom, double most)
{
    fprintf(to, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\" points=\"",
            curve->colour);
    for (int i = 0; i < SIM_SAMPLES; i++)
        fprintf(to, "%.1f,%.1f ", LEFT + (RIGHT - LEFT) * (i + 0.5) / SIM_SAMPLES,
                bottom - (most > 0 ? curve->values[i] / most : 0) * (bottom - top));
    fputs("\"/>\n", to);
}

static void svg_axis(FILE *to, double top, double bottom, const char *most, const char *title)
{
    fprintf(to,
            "<path d=\"M%d %.0fV%.0fH%d\" fill=\"none\" stroke=\"#888\"/>\n"
            "<text x=\"%d\" y=\"%.0f\" text-anchor=\"end\">%s</text>\n"
            "<text x=\"%d\" y=\"%.0f\" text-anchor=\"end\">0</text>\n"
            "<text x=\"%d\" y=\"%.0f\">%s</text>\n",
            LEFT, top, bottom, RIGHT, LEFT - 6, top + 6, most, LEFT - 6, bottom, LEFT + 6, top - 6,
            title);
}

void sim_report_svg(FILE *to, const struct sim_scenario *s, const struct sim_result *result)
{
    const double top1 = 60, bottom1 = 190, top2 = 240, bottom2 = 370;
    char most[16], end[16];
    struct curve wait = curve_of(result, CURVE_WAIT), failed = curve_of(result, CURVE_FAILED);
    struct curve connected = curve_of(result, CURVE_CONNECTED), lent = curve_of(result, CURVE_LENT);
    sim_span_format(wait.most, most, sizeof(most));
    sim_span_format((double)s->duration, end, sizeof(end));
    fprintf(to,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
            "font-family=\"sans-serif\" "
            "font-size=\"12\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n"
            "<text x=\"%d\" y=\"24\" font-size=\"15\">",
            WIDTH, HEIGHT, LEFT);
    svg_text(to, s->name);
    fputs("</text>\n", to);
    svg_axis(to, top1, bottom1, most,
             "longest wait for a connection (red); failed requests (violet, own scale)");
    svg_curve(to, &failed, top1, bottom1, failed.most);
    svg_curve(to, &wait, top1, bottom1, wait.most);
    double most_connections = connected.most > lent.most ? connected.most : lent.most;
    snprintf(most, sizeof(most), "%.0f", most_connections);
    svg_axis(to, top2, bottom2, most, "connections at the database (grey), in use (blue)");
    svg_curve(to, &connected, top2, bottom2, most_connections);
    svg_curve(to, &lent, top2, bottom2, most_connections);
    fprintf(to, "<text x=\"%d\" y=\"%.0f\" text-anchor=\"end\">%s</text>\n</svg>\n", RIGHT,
            bottom2 + 18, end);
}

/* ---- terminal -------------------------------------------------------------------------------- */

static void plot_curve(FILE *to, const struct curve *curve, const char *most)
{
    static const char *const blocks[] = {" ",      "\u2581", "\u2582", "\u2583", "\u2584",
                                         "\u2585", "\u2586", "\u2587", "\u2588"};
    fprintf(to, "%-13s ", curve->title);
    for (int column = 0; column < COLUMNS; column++) {
        double value = 0;
        for (int i = 0; i < PLOT_SAMPLES; i++) {
            double one = curve->values[column * PLOT_SAMPLES + i];
            value = one > value ? one : value;
        }
        int block = curve->most > 0 ? (int)(value / curve->most * 8 + 0.5) : 0;
        fputs(blocks[value > 0 && block == 0 ? 1 : block], to);
    }
    fprintf(to, " %s\n", most);
}

void sim_report_plot(FILE *to, const struct sim_scenario *s, const struct sim_result *result)
{
    char most[16];
    fputs("\n", to);
    for (int kind = CURVE_WAIT; kind <= CURVE_FAILED; kind++) {
        struct curve curve = curve_of(result, (enum curve_kind)kind);
        if (kind == CURVE_WAIT)
            sim_span_format(curve.most, most, sizeof(most));
        else
            snprintf(most, sizeof(most), "%.0f", curve.most);
        plot_curve(to, &curve, most);
    }
    sim_span_format((double)s->duration, most, sizeof(most));
    fprintf(to, "%-13s 0%*s\n", "", COLUMNS, most);
}
