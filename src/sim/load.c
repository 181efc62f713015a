/* load.c - who comes when: open arrivals, traces, users that come back; and pages.
 *
 * A page fires all its requests at once and is done when the last of them is.
 */
#include "sim/world.h"

#include <math.h>

/* ---- pages ----------------------------------------------------------------------------------- */

static struct sim_load_result *result_of(struct world *w, uint32_t load)
{
    return &w->result->loads[load];
}

static void page_ended(struct world *w, struct page *page)
{
    base_time span = w->now - page->began;
    bool is_failed = page->is_failed || span > w->scenario->give_up;
    struct sim_load_result *each[] = {&w->result->total, result_of(w, page->load)};
    for (size_t i = 0; page->is_counted && i < 2; i++) {
        each[i]->pages++;
        each[i]->pages_failed += is_failed;
        if (!is_failed)
            sim_histogram_add(&each[i]->page_latency, span);
    }
    struct user *user = page->user;
    uint32_t load = page->load;
    base_slab_release(&w->pages, page);
    if (user)
        world_plan(w, &user->node,
                   w->now + sim_dist_draw(&w->scenario->loads[load].think, &w->random));
}

void page_request_ended(struct world *w, struct page *page, bool is_good)
{
    struct sim_sample *sample = world_sample(w);
    sample->answered += is_good;
    sample->failed += !is_good;
    page->is_failed = page->is_failed || !is_good;
    INVARIANT(page->open > 0);
    if (--page->open == 0)
        page_ended(w, page);
}

static void dropped(struct world *w, uint32_t load)
{
    struct sim_load_result *each[] = {&w->result->total, result_of(w, load)};
    for (size_t i = 0; w->now >= w->scenario->warmup && i < 2; i++) {
        each[i]->requests += w->scenario->loads[load].requests;
        each[i]->outcomes[SIM_DROPPED] += w->scenario->loads[load].requests;
        each[i]->pages++;
        each[i]->pages_failed++;
    }
}

static void page_begin(struct world *w, uint32_t load, struct user *user)
{
    uint32_t requests = w->scenario->loads[load].requests;
    bool has_room = w->requests.capacity - w->requests.used >= requests;
    struct page *page = has_room ? base_slab_take(&w->pages) : NULL;
    if (!page) {
        dropped(w, load);
        if (user)
            world_plan(w, &user->node, w->now + BASE_SECOND);
        return;
    }
    page->load = load;
    page->user = user;
    page->open = requests + 1; /* one for this function: requests may end at once */
    page->is_failed = false;
    page->is_counted = w->now >= w->scenario->warmup;
    page->began = w->now;
    world_sample(w)->arrived += requests;
    for (uint32_t i = 0; i < requests; i++)
        request_begin(w, page);
    if (--page->open == 0)
        page_ended(w, page);
}

/* ---- arrivals -------------------------------------------------------------------------------- */

static void plan_next(struct world *w, struct load *load)
{
    const struct sim_load *s = load->settings;
    base_time at;
    if (s->trace) {
        if (load->trace_next == s->trace_count)
            return;
        at = base_time_add(s->from, s->trace[load->trace_next++]);
    } else {
        double unit = 1 - sim_random_unit(&w->random);
        at = base_time_add(w->now, (base_time)(-log(unit) * 1e9 / s->rate));
    }
    at = at > w->now ? at : w->now;
    if (at < w->scenario->duration && at < s->until)
        world_plan(w, &load->node, at);
}

void load_arrive(struct world *w, struct load *load)
{
    page_begin(w, (uint32_t)(load - w->loads), NULL);
    plan_next(w, load);
}

void load_user_acts(struct world *w, struct user *user)
{
    const struct sim_load *s = &w->scenario->loads[user->load];
    if (w->now < w->scenario->duration && w->now < s->until)
        page_begin(w, user->load, user);
}

void load_init(struct world *w)
{
    uint32_t next_user = 0;
    for (uint32_t i = 0; i < w->scenario->load_count; i++) {
        const struct sim_load *s = &w->scenario->loads[i];
        w->loads[i].node.kind = NODE_LOAD;
        w->loads[i].settings = s;
        if (s->users == 0) {
            w->now = s->trace ? 0 : s->from;
            plan_next(w, &w->loads[i]);
            w->now = 0;
        }
        for (uint32_t u = 0; u < s->users; u++) {
            struct user *user = &w->users[next_user++];
            user->node.kind = NODE_USER;
            user->load = i;
            /* they do not all come in the same moment */
            world_plan(w, &user->node, s->from + sim_dist_draw(&s->think, &w->random));
        }
    }
}
