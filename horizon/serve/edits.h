/* edits.h - the data behind the page: the watch list and the activities, listed and changed.
 *
 * A change and everything that follows from it (store/revalue.h) are one transaction: the answer to
 * a change comes after the panels show it, or nothing has changed. Changes of one user wait for
 * each other. Ids of another user do not exist: 404, as for any that never were.
 *
 * Fields are checked before a connection is taken; what only the database knows (an unknown symbol,
 * selling more than is held) is told with the reason. Test: tests/system/test_horizon_edits.py;
 * fuzz/fuzz_request.c.
 */
#ifndef HORIZON_SERVE_EDITS_H
#define HORIZON_SERVE_EDITS_H

#include <stdbool.h>

struct request;

void edit_list_assets(struct request *request);

bool edit_check_watch(struct request *request);
void edit_add_watch(struct request *request);
void edit_delete_watch(struct request *request);

bool edit_check_page(struct request *request);
void edit_list_activities(struct request *request);

bool edit_check_activity(struct request *request);
void edit_add_activity(struct request *request);

bool edit_check_id(struct request *request);
void edit_delete_activity(struct request *request);

#endif
