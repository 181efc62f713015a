/* scenario_read.h - a scenario from a TOML file. The keys are in defs/scenario.h. */
#ifndef SIM_SCENARIO_READ_H
#define SIM_SCENARIO_READ_H

#include "base/slice.h"
#include "sim/scenario.h"

#define SIM_ERROR_BYTES 8192 /* all errors of a file, one a line */

/* Reads and checks a scenario. `folder` is where its trace files are looked for. On failure
 * `error` says everything that is wrong, one a line, each with its line in the text and what is
 * allowed. Done with sim_scenario_done. */
int sim_scenario_read(struct base_slice text, const char *folder, struct sim_scenario *ret_scenario,
                      char error[SIM_ERROR_BYTES]) BASE_MUST_CHECK;

/* The same from a file. */
int sim_scenario_load(const char *path, struct sim_scenario *ret_scenario,
                      char error[SIM_ERROR_BYTES]) BASE_MUST_CHECK;

/* A whole file, malloc'ed, not longer than 64 MB; NULL with the reason in `error`. */
char *sim_file_read(const char *path, size_t *ret_bytes, char error[SIM_ERROR_BYTES]);

/* A named plan (defs/plans.h). */
struct sim_plan {
    const char *name, *host;
    uint32_t direct, pooler, pooler_clients, cores;
    const char *doc;
};
extern const struct sim_plan sim_plans[];
extern const size_t sim_plan_count;
const struct sim_plan *sim_plan_find(const char *name); /* NULL = there is none */

#endif
