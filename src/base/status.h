/* status.h - the error convention: 0 or a negative status.
 *
 * Functions that can fail return int, 0 (BASE_OK) or one of these. The table is defs/status.h.
 * `errno` stops in net/.
 */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#include "defs/status.h"

#define BASE_MUST_CHECK __attribute__((warn_unused_result))

enum base_status {
    BASE_OK = 0,
#define STATUS(name, number, sqlstate, class, text, hint) BASE_##name = (number),
    STATUS_TABLE(STATUS)
#undef STATUS
};

enum base_status_class {
    BASE_CLASS_CALLER,
    BASE_CLASS_AGAIN,
    BASE_CLASS_WAIT,
    BASE_CLASS_GIVE_UP,
    BASE_CLASS_BUG,
};

struct base_status_info {
    int number;
    const char *name;
    const char *sqlstate;
    enum base_status_class status_class;
    const char *text;
    const char *hint;
};

/* The row of a status; a number that is not in the table gives the row of our own bug (XX000).
 * Never NULL. */
const struct base_status_info *base_status_info(int status);

/* The fact as text, e.g. "query_wait_timeout". Never NULL. */
const char *base_status_text(int status);

#endif
