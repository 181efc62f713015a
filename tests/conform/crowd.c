/* crowd.c - takers who take, hold for a span, give back and take again, all at once.
 *
 * What is due at one instant happens in the order of the takes. In another order, the same each
 * time, the first in it would overtake the others a little in every round, and the crowd, not the
 * pool, would be unfair.
 */
#include "crowd.h"

#include <limits.h>

struct person {
    int taker;
    int rounds_left;
    uint64_t sequence; /* of its take */
    bool is_taking;
    base_time gives_at; /* BASE_NEVER while it holds nothing */
};

struct run {
    struct rig *rig;
    struct crowd *crowd;
    struct person persons[RIG_TAKERS];
    uint64_t sequence;
    int grants_left; /* beyond that nobody takes again */
};

static void take(struct run *run, struct person *person, bool is_first)
{
    if (person->rounds_left == 0 || run->grants_left <= 0)
        return;
    person->rounds_left--;
    person->is_taking = true;
    person->sequence = ++run->sequence;
    if (is_first)
        person->taker = rig_take(run->rig, run->crowd->timeout);
    else
        rig_take_again(run->rig, person->taker, run->crowd->timeout);
}

static void note_served(struct run *run, struct person *person)
{
    struct crowd *crowd = run->crowd;
    base_time waited = rig_waited(run->rig, person->taker);
    crowd->served[person - run->persons]++;
    crowd->grants++;
    run->grants_left--;
    crowd->wait_most = waited > crowd->wait_most ? waited : crowd->wait_most;
    person->gives_at = rig_now(run->rig) + crowd->hold;
}

static void note_refused(struct run *run, struct person *person)
{
    struct crowd *crowd = run->crowd;
    base_time waited = rig_waited(run->rig, person->taker);
    crowd->refused[person - run->persons]++;
    crowd->timeouts += rig_answer(run->rig, person->taker) == RIG_TIMED_OUT;
    if (waited < crowd->refused_wait_least)
        crowd->refused_wait_least = waited;
}

static bool has_answer(const struct run *run, const struct person *person)
{
    return person->is_taking && rig_answer(run->rig, person->taker) != RIG_WAITS;
}

static void hear(struct run *run, struct person *person)
{
    person->is_taking = false;
    if (rig_answer(run->rig, person->taker) == RIG_HOLDS) {
        note_served(run, person);
    } else {
        note_refused(run, person);
        take(run, person, false);
    }
}

static void give(struct run *run, struct person *person)
{
    person->gives_at = BASE_NEVER;
    rig_give(run->rig, person->taker, RIG_CLEAN);
    take(run, person, false);
}

/* Of those who have something to do at `now`, the one whose take is the oldest; NULL: nobody. */
static struct person *first_due(struct run *run, base_time now)
{
    struct person *first = NULL;
    for (int i = 0; i < run->crowd->takers; i++) {
        struct person *person = &run->persons[i];
        if (!has_answer(run, person) && person->gives_at > now)
            continue;
        if (first == NULL || person->sequence < first->sequence)
            first = person;
    }
    return first;
}

static void note_counts(struct run *run)
{
    struct rig_counts counts = rig_counts(run->rig);
    struct crowd *crowd = run->crowd;
    crowd->waiting_most =
        counts.waiting > crowd->waiting_most ? counts.waiting : crowd->waiting_most;
    crowd->out_most = counts.out > crowd->out_most ? counts.out : crowd->out_most;
}

static void act(struct run *run)
{
    struct person *person;
    while ((person = first_due(run, rig_now(run->rig))) != NULL) {
        if (has_answer(run, person))
            hear(run, person);
        else
            give(run, person);
    }
}

/* When the next one gives back; BASE_NEVER when nobody holds. False when nobody takes either. */
static bool find_next(const struct run *run, base_time *ret_next)
{
    base_time next = BASE_NEVER;
    bool is_busy = false;
    for (int i = 0; i < run->crowd->takers; i++) {
        const struct person *person = &run->persons[i];
        next = person->gives_at < next ? person->gives_at : next;
        is_busy |= person->is_taking || person->gives_at != BASE_NEVER;
    }
    *ret_next = next;
    return is_busy;
}

static void run_all(struct run *run)
{
    base_time start = rig_now(run->rig), next;
    run->crowd->refused_wait_least = BASE_NEVER;
    for (int i = 0; i < run->crowd->takers; i++)
        take(run, &run->persons[i], true);
    while (act(run), find_next(run, &next)) {
        note_counts(run);
        base_time limit = rig_now(run->rig) + BASE_SECOND;
        rig_step(run->rig, next < limit ? next : limit);
        assert_true(rig_now(run->rig) - start < 3600 * BASE_SECOND); /* somebody waits for ever */
    }
    run->crowd->span = rig_now(run->rig) - start;
}

static struct run begin(struct rig *rig, struct crowd *crowd, int rounds, int grants)
{
    struct run run = {.rig = rig, .crowd = crowd, .grants_left = grants};
    assert_in_range(crowd->takers, 1, RIG_TAKERS);
    for (int i = 0; i < crowd->takers; i++)
        run.persons[i] = (struct person){.rounds_left = rounds, .gives_at = BASE_NEVER};
    return run;
}

void crowd_run(struct rig *rig, struct crowd *crowd)
{
    struct run run = begin(rig, crowd, crowd->rounds, INT_MAX);
    run_all(&run);
}

void crowd_run_grants(struct rig *rig, struct crowd *crowd, int grants)
{
    struct run run = begin(rig, crowd, INT_MAX, grants);
    run_all(&run);
}

double crowd_spread(const struct crowd *crowd)
{
    int least = INT_MAX, most = 0;
    for (int i = 0; i < crowd->takers; i++) {
        least = crowd->served[i] < least ? crowd->served[i] : least;
        most = crowd->served[i] > most ? crowd->served[i] : most;
    }
    return 100.0 * (most - least) * crowd->takers / crowd->grants;
}
