/* plan.h - what `weir plan` was asked, and its parts. */
#ifndef CLI_PLAN_H
#define CLI_PLAN_H

#include <stdio.h>

#include "cli/metrics.h"
#include "sim/scenario_read.h"
#include "sim/sizing_report.h"

#define PLAN_NOT_GIVEN UINT32_MAX

/* Fields are set by the rows of defs/plan_options.h; texts belong to the command line. */
struct plan_arguments {
    const char *plan, *through, *scenario_path, *check;
    struct cli_metrics metrics;
    uint32_t limit, reserve, cores, pool_size, max_overflow;
    base_time goal;
    bool overlap, is_json, is_list;
    struct sim_scenario scenario;
    /* what they lead to */
    const struct sim_plan *named; /* NULL = none */
    char *check_text[2];          /* copies of `check`, cut into words, one for each pass */
};

/* Reads the command line, the words of --check and the files they name. Returns GO_ON or an exit
 * code; what is wrong has been printed. Done with plan_arguments_done. */
int plan_arguments_read(int argc, char **argv, struct plan_arguments *ret);
void plan_arguments_done(struct plan_arguments *arguments);

void plan_help(FILE *to);

/* `weir plan --check`. */
int plan_check(const struct plan_arguments *arguments);

/* The question that the arguments ask. */
struct sizing_question plan_question(const struct plan_arguments *arguments);
struct sizing_report plan_report(const struct plan_arguments *arguments,
                                 const struct sizing_question *question,
                                 const struct sizing_answer *answer);

#define GO_ON (-1) /* no exit code yet */

#endif
