/* rig.c - the books on takers, and what is checked in every case. rig.h says what is promised.
 *
 * Time is let pass in one place, rig_step(), after which the standing promises are checked.
 */
#include "rig.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "driver.h"

/* What takes longer than this does not happen at all. */
#define NEVER_AFTER (3600 * BASE_SECOND)

struct taker {
    enum rig_answer answer;
    enum rig_cause cause;
    uint64_t server;
    uint64_t sequence; /* of its take, over all takers */
    base_time since, deadline, ended;
};

struct rig {
    void *pool;
    bool is_shut;
    struct rig_settings settings;
    struct rig_upstream upstream;
    struct taker takers[RIG_TAKERS];
    int count;
    uint64_t sequence;
};

static const char *const answer_names[] = {"waits",       "holds",         "timed out",
                                           "denied",      "hook error",    "closed",
                                           "was refused", "takes nothing", "owns a detached"};

#define RIG_FAIL(...) (print_error(__VA_ARGS__), print_error("\n"), fail())

/* ---- promises -------------------------------------------------------------------------------- */

static uint32_t limit_of(const struct rig_settings *settings)
{
    uint32_t room = RIG_NO_LIMIT - settings->size;
    return settings->overflow > room ? RIG_NO_LIMIT : settings->size + settings->overflow;
}

static void check_limit(struct rig *rig)
{
    struct rig_counts counts = rig_counts(rig);
    if (counts.peak > limit_of(&rig->settings))
        RIG_FAIL("%" PRIu32 " connections at once, limit %" PRIu32, counts.peak,
                 limit_of(&rig->settings));
}

static void check_grant(const struct rig *rig, const struct taker *taker)
{
    int number = (int)(taker - rig->takers);
    if (rig_now(rig) > taker->deadline && rig_is_virtual(rig))
        RIG_FAIL("taker %d was served after its deadline", number);
    for (int i = 0; i < rig->count; i++) {
        const struct taker *other = &rig->takers[i];
        bool has_server = other->answer == RIG_HOLDS || other->answer == RIG_DETACHED;
        if (other != taker && has_server && other->server == taker->server)
            RIG_FAIL("takers %d and %d hold one server", i, number);
        if (other->answer == RIG_WAITS && other->sequence < taker->sequence)
            RIG_FAIL("taker %d was served before %d, who waits longer", number, i);
    }
}

static void check_timeout(const struct rig *rig, const struct taker *taker)
{
    int number = (int)(taker - rig->takers);
    base_time now = rig_now(rig);
    if (now < taker->deadline)
        RIG_FAIL("taker %d timed out %" PRIu64 " ns early", number, taker->deadline - now);
    if (rig_is_virtual(rig) && now > taker->deadline && taker->since < taker->deadline)
        RIG_FAIL("taker %d timed out %" PRIu64 " ns late", number, now - taker->deadline);
}

static struct taker *end_take(struct rig *rig, int number, enum rig_answer answer)
{
    struct taker *taker = &rig->takers[number];
    if (number < 0 || number >= rig->count || taker->answer != RIG_WAITS)
        RIG_FAIL("taker %d, who waits for nothing, was answered: %s", number, answer_names[answer]);
    taker->answer = answer;
    taker->ended = rig_now(rig);
    return taker;
}

void rig_served(struct rig *rig, int number, uint64_t server)
{
    struct taker *taker = end_take(rig, number, RIG_HOLDS);
    taker->server = server;
    taker->cause = RIG_NO_CAUSE;
    check_grant(rig, taker);
}

void rig_refused(struct rig *rig, int number, enum rig_answer answer, enum rig_cause cause)
{
    struct taker *taker = end_take(rig, number, answer);
    taker->cause = cause;
    if (answer == RIG_TIMED_OUT)
        check_timeout(rig, taker);
}

/* ---- a pool ---------------------------------------------------------------------------------- */

struct rig *rig_open(struct rig_settings settings)
{
    struct rig *rig = calloc(1, sizeof(*rig));
    assert_non_null(rig);
    if (settings.max_connecting == 0)
        settings.max_connecting = RIG_TAKERS;
    if (settings.connect_timeout == 0)
        settings.connect_timeout = 5 * BASE_SECOND;
    rig->settings = settings;
    rig->upstream = (struct rig_upstream){.capacity = RIG_NO_LIMIT, .connect_span = BASE_MS};
    rig->pool = conform_driver.open(rig, &settings);
    rig_upstream(rig, rig->upstream);
    return rig;
}

void rig_shut(struct rig *rig)
{
    rig->is_shut = true;
    conform_driver.close(rig->pool);
}

void rig_close(struct rig *rig)
{
    for (int i = 0; i < rig->count; i++) {
        if (rig->takers[i].answer == RIG_HOLDS)
            rig_give(rig, i, RIG_CLEAN);
        else if (rig->takers[i].answer == RIG_WAITS)
            (void)rig_cancel(rig, i); /* or it is refused when the pool closes */
        else if (rig->takers[i].answer == RIG_DETACHED)
            rig_forget(rig, i);
    }
    if (!rig->is_shut)
        rig_shut(rig);
    for (int i = 0; i < rig->count; i++) {
        rig_wait(rig, i);
        if (rig->takers[i].answer == RIG_HOLDS) /* served by what was given back above */
            rig_give(rig, i, RIG_CLEAN);
    }
    rig_settle(rig);
    struct rig_counts counts = rig_counts(rig);
    assert_int_equal(counts.connected, 0);
    assert_int_equal(counts.idle + counts.out + counts.waiting, 0);
    conform_driver.free(rig->pool);
    free(rig);
}

void rig_invalidate_all(struct rig *rig)
{
    conform_driver.invalidate_all(rig->pool);
}

void rig_retry(struct rig *rig)
{
    conform_driver.retry(rig->pool);
}

struct rig_counts rig_counts(const struct rig *rig)
{
    struct rig_counts counts = {0};
    conform_driver.count(rig->pool, &counts);
    return counts;
}

int rig_overflow(const struct rig *rig)
{
    struct rig_counts counts = rig_counts(rig);
    return (int)(counts.idle + counts.out + counts.connecting) - (int)rig->settings.size;
}

/* ---- time ------------------------------------------------------------------------------------ */

bool rig_is_virtual(const struct rig *rig)
{
    (void)rig;
    return conform_driver.is_virtual;
}

bool rig_is_fast(const struct rig *rig)
{
    (void)rig;
    return conform_driver.is_fast;
}

bool rig_sees_tasks(const struct rig *rig)
{
    (void)rig;
    return conform_driver.sees_tasks;
}

base_time rig_denial_hold(const struct rig *rig)
{
    (void)rig;
    return conform_driver.denial_hold;
}

base_time rig_now(const struct rig *rig)
{
    return conform_driver.now(rig->pool);
}

void rig_step(struct rig *rig, base_time until)
{
    conform_driver.step(rig->pool, until);
    check_limit(rig);
}

void rig_pass(struct rig *rig, base_time span)
{
    base_time end = rig_now(rig) + span;
    while (rig_now(rig) < end)
        rig_step(rig, end);
}

void rig_settle(struct rig *rig)
{
    base_time never = rig_now(rig) + NEVER_AFTER;
    struct rig_counts counts;
    while (counts = rig_counts(rig), counts.connecting + counts.busy > 0) {
        if (rig_now(rig) >= never)
            RIG_FAIL("%" PRIu32 " connects and %" PRIu32 " others never end", counts.connecting,
                     counts.busy);
        rig_step(rig, never);
    }
}

void rig_wait(struct rig *rig, int taker)
{
    base_time never = rig_now(rig) + NEVER_AFTER;
    while (rig->takers[taker].answer == RIG_WAITS) {
        if (rig_now(rig) >= never)
            RIG_FAIL("taker %d waits for ever", taker);
        rig_step(rig, never);
    }
}

void rig_wait_for_attempts(struct rig *rig, uint64_t count)
{
    base_time never = rig_now(rig) + NEVER_AFTER;
    while (rig_counts(rig).attempts < count) {
        if (rig_now(rig) >= never)
            RIG_FAIL("there are no %" PRIu64 " connects", count);
        rig_step(rig, never);
    }
}

/* ---- takers ---------------------------------------------------------------------------------- */

static struct taker *expect(struct rig *rig, int number, enum rig_answer answer)
{
    assert_in_range(number, 0, rig->count - 1);
    struct taker *taker = &rig->takers[number];
    if (taker->answer != answer)
        RIG_FAIL("taker %d %s, but should be one who %s", number, answer_names[taker->answer],
                 answer_names[answer]);
    return taker;
}

static void begin(struct rig *rig, struct taker *taker, base_time timeout)
{
    taker->answer = RIG_WAITS;
    taker->sequence = ++rig->sequence;
    taker->since = rig_now(rig);
    taker->deadline = base_time_add(taker->since, timeout);
    conform_driver.take(rig->pool, (int)(taker - rig->takers), taker->deadline);
    check_limit(rig);
}

int rig_take(struct rig *rig, base_time timeout)
{
    assert_true(rig->count < RIG_TAKERS);
    int number = rig->count++;
    begin(rig, &rig->takers[number], timeout);
    return number;
}

void rig_take_again(struct rig *rig, int number, base_time timeout)
{
    struct taker *taker = &rig->takers[number];
    assert_true(taker->answer != RIG_WAITS && taker->answer != RIG_HOLDS);
    begin(rig, taker, timeout);
}

int rig_hold(struct rig *rig)
{
    int taker = rig_take(rig, BASE_NEVER);
    rig_wait(rig, taker);
    expect(rig, taker, RIG_HOLDS);
    return taker;
}

void rig_hold_many(struct rig *rig, int *takers, int count)
{
    for (int i = 0; i < count; i++)
        takers[i] = rig_hold(rig);
}

void rig_warm_up(struct rig *rig, int count)
{
    int takers[RIG_TAKERS];
    rig_hold_many(rig, takers, count);
    for (int i = 0; i < count; i++)
        rig_give(rig, takers[i], RIG_CLEAN);
    rig_settle(rig);
    assert_int_equal(rig_counts(rig).idle, count);
}

bool rig_cancel(struct rig *rig, int number)
{
    struct taker *taker = expect(rig, number, RIG_WAITS);
    if (!conform_driver.cancel(rig->pool, number))
        return false;
    taker->answer = RIG_IDLES;
    taker->ended = rig_now(rig);
    check_limit(rig);
    return true;
}

void rig_give(struct rig *rig, int number, enum rig_give how)
{
    struct taker *taker = expect(rig, number, RIG_HOLDS);
    taker->answer = RIG_IDLES;
    assert_int_equal(conform_driver.give(rig->pool, number, how), 0);
    check_limit(rig);
}

int rig_give_again(struct rig *rig, int number)
{
    expect(rig, number, RIG_IDLES);
    return conform_driver.give(rig->pool, number, RIG_CLEAN);
}

void rig_detach(struct rig *rig, int number)
{
    struct taker *taker = expect(rig, number, RIG_HOLDS);
    assert_int_equal(conform_driver.detach(rig->pool, number), 0);
    taker->answer = RIG_DETACHED;
}

void rig_forget(struct rig *rig, int number)
{
    struct taker *taker = expect(rig, number, RIG_DETACHED);
    taker->answer = RIG_IDLES;
    assert_int_equal(conform_driver.forget(rig->pool, number), 0);
    check_limit(rig);
}

void rig_invalidate_held(struct rig *rig, int number)
{
    expect(rig, number, RIG_HOLDS);
    assert_int_equal(conform_driver.invalidate_held(rig->pool, number), 0);
}

enum rig_answer rig_answer(const struct rig *rig, int taker)
{
    return rig->takers[taker].answer;
}

enum rig_cause rig_cause(const struct rig *rig, int taker)
{
    return rig->takers[taker].cause;
}

uint64_t rig_server(const struct rig *rig, int taker)
{
    return rig->takers[taker].server;
}

base_time rig_waited(const struct rig *rig, int number)
{
    const struct taker *taker = &rig->takers[number];
    base_time end = taker->answer == RIG_WAITS ? rig_now(rig) : taker->ended;
    return end - taker->since;
}

/* ---- the upstream ---------------------------------------------------------------------------- */

void rig_upstream(struct rig *rig, struct rig_upstream upstream)
{
    rig->upstream = upstream;
    conform_driver.upstream(rig->pool, &upstream);
}

void rig_mode(struct rig *rig, enum rig_mode mode)
{
    rig->upstream.mode = mode;
    conform_driver.upstream(rig->pool, &rig->upstream);
}

void rig_kill(struct rig *rig, uint64_t server)
{
    conform_driver.kill(rig->pool, server);
}

void rig_restart(struct rig *rig)
{
    conform_driver.restart(rig->pool);
}
