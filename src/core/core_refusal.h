/* core_refusal.h - what an upstream's ErrorResponse during login means for the pool. */
#ifndef CORE_REFUSAL_H
#define CORE_REFUSAL_H

#include "base/slice.h"
#include "core/core.h"

struct core_refusal {
    enum core_failure failure;
    enum core_scope_kind scope; /* whose limit was hit; for CORE_FAILURE_FULL */
    int status;                 /* the same as a BASE_E... status */
};

/* Classifies by SQLSTATE and, where PostgreSQL or a pooler in front of it uses one code for several
 * things, by the text. Known: PostgreSQL 9.6 to 18, PgBouncer, Supavisor. */
struct core_refusal core_refusal_of(struct base_slice sqlstate, struct base_slice text);

#endif
