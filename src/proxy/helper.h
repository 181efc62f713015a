/* helper.h - work that blocks, done by threads beside the loop: PAM and LDAP.
 *
 * A job is made by the loop, run by a thread, and told to the loop again. Threads start on demand,
 * at most PROXY_HELPERS_MAX, and stay. At the end of the process threads that hang in somebody
 * else's code are left alone.
 *
 * Always true: a job belongs to one side at a time: to the loop until it is submitted and from
 * `done` on, to the threads between; `run` touches nothing but the job.
 * Test: tests/unit/proxy/test_helper.c (also under TSan), tests/system/test_pam.py.
 */
#ifndef PROXY_HELPER_H
#define PROXY_HELPER_H

#include "base/list.h"
#include "base/status.h"
#include "net/net.h"

#define PROXY_HELPERS_MAX 8
/* Jobs that wait and run; one more is refused. */
#define PROXY_JOBS_MAX 1000

struct proxy_helpers;

struct proxy_job {
    struct base_list link;
    void (*run)(struct proxy_job *job);  /* in a thread; may block */
    void (*done)(struct proxy_job *job); /* in the loop, once; the job is the owner's again */
};

int proxy_helpers_new(struct net_loop *loop, struct proxy_helpers **ret_helpers) BASE_MUST_CHECK;
/* BASE_ECAPACITY: too many jobs, or no thread can be started. */
int proxy_helpers_submit(struct proxy_helpers *helpers, struct proxy_job *job) BASE_MUST_CHECK;
/* Jobs that were not begun are told as done without having run. Accepts NULL. */
void proxy_helpers_free(struct proxy_helpers *helpers);

#endif
