/* sizing_report.h - the answer of `weir plan` as text and as JSON. */
#ifndef SIM_SIZING_REPORT_H
#define SIM_SIZING_REPORT_H

#include <stdio.h>

#include "sim/scenario_read.h"
#include "sim/sizing.h"

struct sizing_report {
    const struct sizing_question *question;
    const struct sizing_answer *answer;
    const struct sim_plan *plan; /* NULL = a number was given */
    uint32_t limit, reserve;     /* room = limit - reserve */
    uint32_t cores;              /* of the database; 0 = not known */
    struct sizing_run cores_run; /* what 2 x cores connections would be like; cores != 0 */
};

void sizing_report_text(FILE *to, const struct sizing_report *report);
void sizing_report_json(FILE *to, const struct sizing_report *report);

/* The load of a question in one line. */
void sizing_report_load(FILE *to, const struct sim_scenario *scenario);

/* The settings of pools of their own, and of processes behind a weir, to be pasted. */
void sizing_report_own(FILE *to, uint32_t size);
void sizing_report_weir(FILE *to, uint32_t size, uint32_t client_size);

#endif
