/* database.c - PostgreSQL with its limits, and the session-mode pooler that may stand in front.
 *
 * It refuses with the real texts, and the core's own table says what they mean, so that a simulated
 * refusal teaches what a real one does. The first limit that is met is told, outermost first.
 */
#include "sim/world.h"

#include "core/core_refusal.h"

struct refusal {
    const char *sqlstate, *text;
};

static bool is_at(uint32_t limit, uint32_t count)
{
    return limit != SIM_NO_LIMIT && count >= limit;
}

/* NULL when there is room. */
static const struct refusal *refusal_now(const struct world *w)
{
    static const struct refusal pooler = {
        "XX000", "MaxClientsInSessionMode: max clients reached - in Session mode max clients are "
                 "limited to pool_size"};
    static const struct refusal whole = {
        "53300", "remaining connection slots are reserved for non-replication superuser "
                 "connections"};
    static const struct refusal database = {"53300", "too many connections for database \"app\""};
    static const struct refusal role = {"53300", "too many connections for role \"app\""};
    const struct sim_limits *limits = &w->limits;
    uint32_t all = w->counted + limits->others;
    if (is_at(w->scenario->pooler_clients, w->counted))
        return &pooler;
    if (is_at(limits->max_connections, all + limits->reserved))
        return &whole;
    if (is_at(limits->database, all))
        return &database;
    return is_at(limits->role, all) ? &role : NULL;
}

bool database_accepts(struct world *w, enum core_failure *ret_failure,
                      enum core_scope_kind *ret_scope)
{
    static const struct refusal starting = {"57P03", "the database system is starting up"};
    if (w->is_down) {
        *ret_failure = CORE_FAILURE_REFUSED;
        return false;
    }
    const struct refusal *refusal = w->is_starting ? &starting : refusal_now(w);
    if (!refusal)
        return true;
    struct core_refusal meaning =
        core_refusal_of(base_slice_text(refusal->sqlstate), base_slice_text(refusal->text));
    *ret_failure = meaning.failure;
    *ret_scope = meaning.scope;
    return false;
}

uint32_t database_room(const struct world *w)
{
    uint32_t room = sim_limits_room(&w->limits, w->scenario->pooler_clients, NULL);
    if (w->is_down || w->is_starting)
        return 0;
    return room > w->counted ? room - w->counted : 0;
}

void database_enter(struct world *w, struct conn *conn)
{
    conn->is_counted = true;
    w->counted++;
    if (w->counted > w->result->peak_connected)
        w->result->peak_connected = w->counted;
    if (w->counted > world_sample(w)->connected_max)
        world_sample(w)->connected_max = w->counted;
}

void database_leave(struct world *w, struct conn *conn)
{
    INVARIANT(conn->is_counted && w->counted > 0);
    conn->is_counted = false;
    w->counted--;
}

void database_break(struct world *w)
{
    for (uint32_t p = 0; p < w->pool_count; p++)
        for (uint32_t i = 0; i < w->pools[p].capacity; i++)
            if (w->pools[p].conns[i].is_counted)
                conn_lost(w, &w->pools[p].conns[i]);
}

static double draw_service(struct world *w, const struct sim_load *load)
{
    if (world_has_chance(w, load->slow))
        return (double)sim_dist_draw(&load->slow_service, &w->random);
    if (!load->services)
        return (double)sim_dist_draw(&load->service, &w->random);
    struct load *state = &w->loads[load - w->scenario->loads];
    return (double)load->services[state->service_next++ % load->service_count];
}

/* With more statements than cores each is slowed by the ratio at its start: an approximation of
 * processor sharing that needs no second look. */
base_time database_statement(struct world *w, const struct sim_load *load)
{
    double span = draw_service(w, load);
    uint32_t cores = w->scenario->cores;
    if (cores != 0 && w->running > cores)
        span *= (double)w->running / cores;
    return w->scenario->round_trip + (base_time)span;
}
