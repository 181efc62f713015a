/* report.h - a result as text, JSON, CSV and pictures. Each writes to an open file. */
#ifndef SIM_REPORT_H
#define SIM_REPORT_H

#include <stdio.h>

#include "sim/result.h"

/* The table that a person reads. */
void sim_report_text(FILE *to, const struct sim_scenario *scenario,
                     const struct sim_result *result);

/* Everything but the samples as one object; spans in seconds. */
void sim_report_json(FILE *to, const struct sim_scenario *scenario,
                     const struct sim_result *result);

/* The samples, one a line, with a head line; spans in seconds. */
void sim_report_csv(FILE *to, const struct sim_result *result);

/* Wait and use over time: a picture of its own, and lines of a terminal. */
void sim_report_svg(FILE *to, const struct sim_scenario *scenario, const struct sim_result *result);
void sim_report_plot(FILE *to, const struct sim_scenario *scenario,
                     const struct sim_result *result);

/* A text as a JSON string, quotes included. */
void sim_report_json_string(FILE *to, const char *text);

#endif
