/* panels.h - the five answers a page is made of: watch, summary, report, market, chart.
 *
 * The database is asked for the user's data_version with every request. A client that has it gets
 * 304 (it is the entity tag); an answer that was made for it before is sent again (bodies.h); else
 * it is made, from one statement over the derived tables, so that data and version are of one
 * moment. Nothing is computed: what follows from activities and prices was, when they changed
 * (store/revalue.h). A user without activities gets empty lists and nulls; a figure that is missing
 * is null and named in `reasons`.
 * Contract: horizon/serve/openapi.json, examples in horizon/data/examples.
 * Test: tests/system/test_horizon_panels.py.
 */
#ifndef HORIZON_SERVE_PANELS_H
#define HORIZON_SERVE_PANELS_H

#include <stdbool.h>

struct request;

/* Answers the panel that the request's route is named after. With a user and a connection. */
void panel_handle(struct request *request);

/* Answers it without the database, when `version` is the one that the client has (304), or an
 * answer is kept for it. False: neither; the reply has no status. */
bool panel_answer_kept(struct request *request, const char *version);

/* Whether `range` is one there is; otherwise 400 with the list. */
bool panel_check_range(struct request *request);

#endif
