/* test_timer.c - timers fire in order, once, and not before their time. */
#include "test.h"

#include <stdlib.h>

#include "world.h"

#define COUNT 500

struct alarm {
    struct net_timer timer;
    struct net_loop *loop;
    int id;
    int fired;
    base_time again; /* re-arm by this much */
    struct net_timer *stop;
};

static int order[COUNT * 2];
static int order_count;

static void fire(struct net_timer *timer)
{
    struct alarm *alarm = base_list_entry(timer, struct alarm, timer);
    assert_true(net_loop_now(alarm->loop) >= timer->deadline);
    assert_int_equal(timer->heap_pos, 0);
    alarm->fired++;
    order[order_count++] = alarm->id;
    if (alarm->again != BASE_NEVER) {
        net_timer_set(alarm->loop, timer, net_loop_now(alarm->loop) + alarm->again);
    }
    if (alarm->stop) {
        net_timer_set(alarm->loop, alarm->stop, BASE_NEVER);
    }
}

static struct alarm alarm_of(struct world *world, int id)
{
    return (struct alarm){
        .timer = {.fire = fire}, .loop = world->loop, .id = id, .again = BASE_NEVER};
}

TEST(timers_fire_by_deadline_and_equal_ones_in_order_of_arming)
{
    struct world world;
    struct alarm alarms[4];
    world_init(&world, 0, 0);
    order_count = 0;
    base_time now = net_loop_now(world.loop);
    const base_time after[4] = {3 * BASE_MS, 2 * BASE_MS, 3 * BASE_MS, 1 * BASE_MS};
    for (int i = 0; i < 4; i++) {
        alarms[i] = alarm_of(&world, i);
        net_timer_set(world.loop, &alarms[i].timer, now + after[i]);
    }
    UNTIL(&world, order_count == 4);
    const int expected[4] = {3, 1, 0, 2};
    assert_memory_equal(order, expected, sizeof(expected));
    world_done(&world);
}

TEST(re_arming_moves_a_timer_and_never_disarms_it)
{
    struct world world;
    struct alarm a;
    struct alarm b;
    world_init(&world, 0, 0);
    order_count = 0;
    base_time now = net_loop_now(world.loop);
    a = alarm_of(&world, 1);
    b = alarm_of(&world, 2);
    net_timer_set(world.loop, &a.timer, now + 1);
    net_timer_set(world.loop, &b.timer, now + 2);
    net_timer_set(world.loop, &a.timer, now + 3);
    net_timer_set(world.loop, &a.timer, BASE_NEVER);
    net_timer_set(world.loop, &a.timer, BASE_NEVER);
    assert_int_equal(a.timer.heap_pos, 0);
    UNTIL(&world, b.fired == 1);
    assert_int_equal(a.fired, 0);
    world_done(&world);
}

TEST(a_timer_armed_by_a_timer_waits_for_the_next_turn)
{
    struct world world;
    struct alarm alarm;
    world_init(&world, 0, 0);
    order_count = 0;
    alarm = alarm_of(&world, 1);
    alarm.again = 0;
    net_timer_set(world.loop, &alarm.timer, 1);
    assert_int_equal(net_loop_turn(world.loop, BASE_NEVER), BASE_OK);
    assert_int_equal(alarm.fired, 1);
    assert_int_equal(net_loop_turn(world.loop, BASE_NEVER), BASE_OK);
    assert_int_equal(alarm.fired, 2);
    net_timer_set(world.loop, &alarm.timer, BASE_NEVER);
    world_done(&world);
}

TEST(a_timer_may_stop_another_one_that_is_due)
{
    struct world world;
    struct alarm a;
    struct alarm b;
    world_init(&world, 0, 0);
    order_count = 0;
    a = alarm_of(&world, 1);
    b = alarm_of(&world, 2);
    a.stop = &b.timer;
    net_timer_set(world.loop, &a.timer, 1);
    net_timer_set(world.loop, &b.timer, 1);
    assert_int_equal(net_loop_turn(world.loop, BASE_NEVER), BASE_OK);
    assert_int_equal(a.fired, 1);
    assert_int_equal(b.fired, 0);
    world_done(&world);
}

TEST(hundreds_of_timers_set_moved_and_dropped_at_random_fire_in_order)
{
    struct world world;
    static struct alarm alarms[COUNT];
    uint32_t random = 12345;
    world_init(&world, 0, 0);
    order_count = 0;
    int armed = 0;
    for (int i = 0; i < COUNT; i++) {
        alarms[i] = alarm_of(&world, i);
    }
    for (int i = 0; i < COUNT * 4; i++) {
        random = random * 1664525 + 1013904223;
        struct alarm *alarm = &alarms[(random >> 8) % COUNT];
        random = random * 1664525 + 1013904223;
        base_time deadline = (random >> 8) % 100 + 1; /* long past: all fire in one turn */
        net_timer_set(world.loop, &alarm->timer, random % 5 == 0 ? BASE_NEVER : deadline);
    }
    for (int i = 0; i < COUNT; i++) {
        armed += alarms[i].timer.heap_pos != 0;
    }
    assert_int_equal(net_loop_turn(world.loop, 0), BASE_OK);
    assert_int_equal(order_count, armed);
    for (int i = 1; i < order_count; i++) {
        const struct net_timer *before = &alarms[order[i - 1]].timer;
        const struct net_timer *after = &alarms[order[i]].timer;
        assert_true(before->deadline < after->deadline ||
                    (before->deadline == after->deadline && before->seq < after->seq));
    }
    world_done(&world);
}
