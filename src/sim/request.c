/* request.c - the life of a request.
 *
 *   begin -> take -> WAITING -> granted -> [lease at weir: WAITING] -> RUNNING <-> BETWEEN
 *                                             ^                          |
 *                                             |     transaction ends     v
 *                                          OUTSIDE <-------------------- . -> end
 *
 * A connection to weir needs a server there: for a transaction, or until it is closed. A request
 * that keeps its connection (is_held) gives it back at its end, another one after each transaction.
 */
#include "sim/world.h"

static const struct sim_load *load_of(const struct world *w, const struct request *request)
{
    return &w->scenario->loads[request->load];
}

/* ---- ends ------------------------------------------------------------------------------------ */

static void count(struct world *w, const struct request *request, enum sim_outcome outcome)
{
    struct sim_load_result *each[] = {&w->result->total, &w->result->loads[request->load]};
    base_time span = w->now - request->began;
    for (size_t i = 0; request->page->is_counted && i < 2; i++) {
        each[i]->requests++;
        each[i]->outcomes[outcome]++;
        sim_histogram_add(&each[i]->wait, request->waited);
        if (outcome == SIM_OK)
            sim_histogram_add(&each[i]->latency, span);
    }
}

static void end(struct world *w, struct request *request, enum sim_outcome outcome)
{
    struct page *page = request->page;
    if (outcome == SIM_OK && w->now - request->began > w->scenario->give_up)
        outcome = SIM_GAVE_UP;
    world_hash(w, request->slot.idx, outcome);
    count(w, request, outcome);
    world_unplan(w, &request->node);
    base_slab_release(&w->requests, request);
    page_request_ended(w, page, outcome == SIM_OK);
}

/* ---- waiting --------------------------------------------------------------------------------- */

static void claim(struct world *w, struct request *request, struct pool *pool)
{
    request->state = REQUEST_WAITING;
    request->claimed = pool;
    request->since = w->now;
    request->deadline = base_time_add(w->now, pool->settings->timeout);
    pool_claim(w, pool, request);
}

static void stop_waiting(struct world *w, struct request *request)
{
    base_time waited = w->now - request->since;
    struct sim_sample *sample = world_sample(w);
    request->claimed = NULL;
    request->waited += waited;
    sample->wait_sum += (double)waited;
    sample->wait_count++;
    if (waited > sample->wait_max)
        sample->wait_max = waited;
}

void request_refused(struct world *w, struct request *request, enum sim_outcome outcome)
{
    struct conn *conn = request->conn;
    stop_waiting(w, request);
    request->conn = NULL;
    end(w, request, outcome);
    if (conn)
        pool_give(w, conn, CORE_GIVE_CLEAN);
}

void request_broken(struct world *w, struct request *request)
{
    struct conn *conn = request->conn;
    INVARIANT(request->state != REQUEST_WAITING && conn);
    if (request->state == REQUEST_RUNNING) {
        world_tally(w);
        w->running--;
    }
    request->conn = NULL;
    end(w, request, SIM_BROKEN);
    if (conn->state == CONN_LENT)
        pool_give(w, conn, CORE_GIVE_CLEAN);
}

/* ---- work ------------------------------------------------------------------------------------ */

static void run_statement(struct world *w, struct request *request)
{
    world_tally(w);
    w->running++;
    request->state = REQUEST_RUNNING;
    request->will_break = world_has_chance(w, w->scenario->loss);
    world_plan(w, &request->node, w->now + database_statement(w, load_of(w, request)));
}

static void begin_transaction(struct world *w, struct request *request)
{
    request->statements = load_of(w, request)->statements;
    if (request->pool->is_to_weir && !request->conn->lease)
        claim(w, request, request->pool->weir);
    else
        run_statement(w, request);
}

void request_granted(struct world *w, struct request *request, struct conn *conn)
{
    bool is_lease = request->claimed != request->pool;
    stop_waiting(w, request);
    if (is_lease) {
        request->conn->lease = conn;
        conn->holder = request->conn;
        run_statement(w, request);
    } else {
        request->conn = conn;
        begin_transaction(w, request);
    }
}

static void give_lease(struct world *w, struct conn *conn)
{
    struct conn *lease = conn->lease;
    conn->lease = NULL;
    lease->holder = NULL;
    pool_give(w, lease, CORE_GIVE_CLEAN);
}

/* Somebody forgot to give the connection back; the transaction may be open too. */
static void leak(struct world *w, struct request *request)
{
    const struct sim_load *load = load_of(w, request);
    struct conn *conn = request->conn;
    bool is_free = w->scenario->mode == SIM_MODE_TRANSACTION && !load->leak_in_transaction;
    request->conn = NULL;
    conn->user = NULL;
    conn->is_leaked = true;
    if (load->leak_for != BASE_NEVER)
        world_plan(w, &conn->node, base_time_add(w->now, load->leak_for));
    if (conn->lease && is_free)
        give_lease(w, conn);
    else if (conn->lease)
        conn->lease->user = NULL;
    end(w, request, SIM_OK);
}

static void finish(struct world *w, struct request *request)
{
    struct conn *conn = request->conn;
    request->conn = NULL;
    end(w, request, SIM_OK);
    pool_give(w, conn, CORE_GIVE_CLEAN);
}

static void pause_outside(struct world *w, struct request *request)
{
    const struct sim_load *load = load_of(w, request);
    request->state = REQUEST_OUTSIDE;
    world_plan(w, &request->node, w->now + sim_dist_draw(&load->outside, &w->random));
    if (!load->is_held) {
        struct conn *conn = request->conn;
        request->conn = NULL;
        pool_give(w, conn, CORE_GIVE_CLEAN);
    }
}

static void end_transaction(struct world *w, struct request *request)
{
    bool is_last = --request->transactions == 0;
    if (is_last && world_has_chance(w, load_of(w, request)->leak)) {
        leak(w, request);
        return;
    }
    if (request->conn->lease && w->scenario->mode == SIM_MODE_TRANSACTION)
        give_lease(w, request->conn);
    if (is_last)
        finish(w, request);
    else
        pause_outside(w, request);
}

static void end_statement(struct world *w, struct request *request)
{
    world_tally(w);
    w->running--;
    request->state = REQUEST_BETWEEN;
    if (request->will_break) {
        struct conn *conn = request->conn->lease ? request->conn->lease : request->conn;
        conn_lost(w, conn);
        return;
    }
    if (--request->statements == 0) {
        end_transaction(w, request);
        return;
    }
    base_time span = sim_dist_draw(&load_of(w, request)->between, &w->random);
    if (span == 0)
        run_statement(w, request);
    else
        world_plan(w, &request->node, w->now + span);
}

void request_acts(struct world *w, struct request *request)
{
    switch (request->state) {
    case REQUEST_RUNNING:
        end_statement(w, request);
        break;
    case REQUEST_BETWEEN:
        run_statement(w, request);
        break;
    case REQUEST_OUTSIDE:
        if (request->conn)
            begin_transaction(w, request);
        else
            claim(w, request, request->pool);
        break;
    case REQUEST_WAITING:
        checker_unreachable("a request that waits has no plan");
    }
}

void request_begin(struct world *w, struct page *page)
{
    struct request *request = base_slab_take(&w->requests);
    INVARIANT(request != NULL);
    request->node.kind = NODE_REQUEST;
    request->load = page->load;
    request->page = page;
    request->began = w->now;
    request->waited = 0;
    request->conn = NULL;
    request->transactions = w->scenario->loads[page->load].transactions;
    request->pool = fleet_route(w);
    base_list_init(&request->link);
    claim(w, request, request->pool);
}
