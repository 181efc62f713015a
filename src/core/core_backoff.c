/* core_backoff.c - what an upstream's refusals teach, per scope.
 *
 * Three things, independent of each other:
 *
 *   ceiling     FULL: the scope named has no room for more than is live in it. Nothing above that
 *               is tried until probe_at; then one prober at a time, only while a claim is stopped
 *               by it. Success raises the ceiling and lets the next prober go at once; refusal
 *               doubles the span (1 s to 30 s, +-25 %). When nothing is live at all the spans are
 *               short with full jitter (50 ms to 5 s): somebody else holds every slot, and the
 *               first to come back serves.
 *   outage      REFUSED, TIMEOUT, STARTING: the upstream does not answer. One prober at a time,
 *               full jitter, 50 ms to 5 s. Ends with the first answer of any kind: FULL and AUTH
 *               are answers too.
 *   slow start  after an outage: connects in flight to the upstream are bounded by a window that
 *               begins at 1 and grows by one with each success, so it doubles each round trip (1,
 *               2, 4, ...), until it exceeds what matters.
 *
 * Full jitter (a span drawn evenly from 0 to the bound) keeps a fleet's probers from meeting:
 * Brooker, "Exponential Backoff And Jitter", 2015.
 *
 * Invariants
 * 1. At most one prober per scope; it is a server in OPENING.
 * 2. ceiling >= live in every scope after each OPENED.
 * 3. A back-off span is within its bounds.
 * Test: tests/unit/core/test_backoff.c.
 */
#include "core/core_internal.h"

#define OUTAGE_FIRST           (50 * BASE_MS)
#define OUTAGE_MOST            (5 * BASE_SECOND)
#define CEILING_FIRST          (1 * BASE_SECOND)
#define CEILING_MOST           (30 * BASE_SECOND)
#define CEILING_JITTER_PERCENT 25
/* Even full jitter waits a little, so that an empty draw is no busy loop. */
#define JITTER_LEAST (1 * BASE_MS)

/* A window beyond this many connects in flight is no protection any more: slow start is over. */
#define WINDOW_MOST 64

/* A pool that only lacks servers to min_size leaves a refused login alone at least this long, even
 * when auth_failure_hold is 0: nobody waits for the result. */
#define QUIET_LEAST (1 * BASE_SECOND)

/* ---- gates ----------------------------------------------------------------------------------- */

enum core_gate core_backoff_gate(const struct core *core, const struct core_scope *scope,
                                 bool may_probe)
{
    enum core_gate gate = CORE_GATE_OPEN;
    if (scope->is_out) {
        if (scope->prober != 0 || core->now < scope->outage_until)
            return CORE_GATE_WAIT;
        gate = CORE_GATE_PROBE;
    }
    if (scope->opening >= scope->window && !scope->is_out)
        return CORE_GATE_WAIT;
    uint32_t count = core_scope_count(scope);
    if (count >= scope->limit)
        return CORE_GATE_FULL;
    if (count >= scope->ceiling) {
        if (!may_probe || scope->prober != 0 || core->now < scope->probe_at)
            return CORE_GATE_FULL;
        gate = CORE_GATE_PROBE;
    }
    return gate;
}

base_time core_backoff_opens_at(const struct core *core, const struct core_scope *scope)
{
    if (scope->prober != 0)
        return BASE_NEVER;
    /* An outage and a ceiling may both be in the way: the later one opens it. */
    base_time at = scope->is_out ? scope->outage_until : 0;
    uint32_t count = core_scope_count(scope);
    if (count < scope->limit && count >= scope->ceiling && scope->probe_at > at)
        at = scope->probe_at;
    return at > core->now ? at : BASE_NEVER;
}

/* ---- lessons --------------------------------------------------------------------------------- */

/* The next bound after `last`, which is 0 the first time. */
static base_time grow(base_time last, base_time first, base_time most)
{
    if (last == 0)
        return first;
    return last < most / 2 ? 2 * last : most;
}

static base_time full_jitter(struct core *core, base_time bound)
{
    return base_random_between(&core->random, JITTER_LEAST, bound);
}

static void learn_outage(struct core *core, struct core_scope *scope, bool is_prober)
{
    if (scope->is_out && !is_prober)
        return; /* a connect started before the outage: nothing new */
    scope->outage_span = grow(scope->is_out ? scope->outage_span : 0, OUTAGE_FIRST, OUTAGE_MOST);
    scope->outage_until = base_time_add(core->now, full_jitter(core, scope->outage_span));
    scope->is_out = true;
    scope->window = 1;
}

static void learn_answer(struct core *core, struct core_scope *scope)
{
    if (!scope->is_out)
        return;
    scope->is_out = false;
    scope->outage_span = scope->outage_until = 0;
    core_scope_mark(core, scope);
}

static void learn_ceiling(struct core *core, struct core_scope *scope, bool is_prober)
{
    scope->ceiling = scope->live + scope->closing;
    bool is_dry = scope->ceiling == 0;
    bool is_pending = core->now < scope->probe_at;
    if (is_pending && !is_prober && is_dry == scope->is_dry)
        return; /* one of a burst: the first taught it */
    base_time last = is_prober && is_dry == scope->is_dry ? scope->probe_span : 0;
    scope->is_dry = is_dry;
    if (is_dry) {
        scope->probe_span = grow(last, OUTAGE_FIRST, OUTAGE_MOST);
        scope->probe_at = base_time_add(core->now, full_jitter(core, scope->probe_span));
    } else {
        scope->probe_span = grow(last, CEILING_FIRST, CEILING_MOST);
        scope->probe_at =
            base_time_add(core->now, base_random_jitter(&core->random, scope->probe_span,
                                                        CEILING_JITTER_PERCENT));
    }
}

static void learn_login_refused(struct core *core, struct core_pool *pool)
{
    base_time hold = pool->settings.auth_failure_hold;
    pool->auth_hold_until = base_time_add(core->now, hold);
    pool->quiet_until = base_time_add(core->now, hold > QUIET_LEAST ? hold : QUIET_LEAST);
    core_claim_refuse_all(core, pool, BASE_EUPSTREAMAUTH);
}

/* ---- answers --------------------------------------------------------------------------------- */

unsigned core_backoff_release(struct core_server *server)
{
    unsigned probed = 0;
    for (unsigned i = 0; i < CORE_NESTING; i++) {
        struct core_scope *scope = server->pool->scopes[i];
        if (scope->prober == server->slot.idx + 1) {
            scope->prober = 0;
            probed |= 1u << i;
        }
    }
    return probed;
}

/* Called before the server counts as live. */
void core_backoff_opened(struct core *core, struct core_server *server)
{
    struct core_pool *pool = server->pool;
    unsigned probed = core_backoff_release(server);
    struct core_scope *upstream = pool->scopes[CORE_SCOPE_UPSTREAM];
    if (upstream->is_out)
        learn_answer(core, upstream);
    else if (upstream->window != CORE_NO_LIMIT && ++upstream->window > WINDOW_MOST)
        upstream->window = CORE_NO_LIMIT;
    for (unsigned i = 0; i < CORE_NESTING; i++) {
        struct core_scope *scope = pool->scopes[i];
        if (scope->ceiling >= scope->live + 1 && !(probed & (1u << i)))
            continue;
        if (scope->ceiling < scope->live + 1)
            scope->ceiling = scope->live + 1;
        if (probed & (1u << i)) {
            scope->probe_at = 0;
            scope->probe_span = 0;
        }
        core_scope_mark(core, scope);
    }
}

void core_backoff_failed(struct core *core, struct core_pool *pool, unsigned probed,
                         enum core_failure failure, enum core_scope_kind kind)
{
    struct core_scope *upstream = pool->scopes[CORE_SCOPE_UPSTREAM];
    switch (failure) {
    case CORE_FAILURE_REFUSED:
    case CORE_FAILURE_TIMEOUT:
    case CORE_FAILURE_STARTING:
        learn_outage(core, upstream, probed & (1u << CORE_SCOPE_UPSTREAM));
        break;
    case CORE_FAILURE_FULL:
        learn_answer(core, upstream);
        learn_ceiling(core, pool->scopes[kind], probed & (1u << kind));
        break;
    case CORE_FAILURE_AUTH:
        learn_answer(core, upstream);
        learn_login_refused(core, pool);
        break;
    }
}

void core_backoff_forget(struct core *core, struct core_scope *scope)
{
    scope->ceiling = scope->window = CORE_NO_LIMIT;
    scope->prober = 0;
    scope->is_out = scope->is_dry = false;
    scope->outage_span = scope->probe_span = 0;
    scope->outage_until = scope->probe_at = 0;
    core_scope_mark(core, scope);
}
