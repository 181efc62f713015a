/* Tests of proxy/helper.c: real threads, no sleep. Runs under TSan too. */
#include "proxy/helper.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/invariant.h"
#include "test.h"

#define MANY 200

struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int running, open;
};

struct task {
    struct proxy_job job;
    struct gate *gate;
    int runs; /* written by a thread, read by the loop after done */
    int *done_count;
};

static void run(struct proxy_job *job)
{
    struct task *task = base_list_entry(job, struct task, job);
    task->runs++;
    if (task->gate) {
        pthread_mutex_lock(&task->gate->mutex);
        task->gate->running++;
        pthread_cond_broadcast(&task->gate->changed);
        while (!task->gate->open) {
            pthread_cond_wait(&task->gate->changed, &task->gate->mutex);
        }
        pthread_mutex_unlock(&task->gate->mutex);
    }
}

static void done(struct proxy_job *job)
{
    ++*base_list_entry(job, struct task, job)->done_count;
}

static void submit(struct proxy_helpers *helpers, struct task *task, struct gate *gate,
                   int *done_count)
{
    *task =
        (struct task){.job = {.run = run, .done = done}, .gate = gate, .done_count = done_count};
    assert_int_equal(proxy_helpers_submit(helpers, &task->job), BASE_OK);
}

static void await_running(struct gate *gate, int count)
{
    pthread_mutex_lock(&gate->mutex);
    while (gate->running < count) {
        pthread_cond_wait(&gate->changed, &gate->mutex);
    }
    pthread_mutex_unlock(&gate->mutex);
}

static void open_gate(struct gate *gate)
{
    pthread_mutex_lock(&gate->mutex);
    gate->open = 1;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->mutex);
}

static struct net_loop *new_loop(void)
{
    struct net_loop_options options = {0};
    struct net_loop *loop = NULL;
    assert_int_equal(net_loop_new(&options, &loop), BASE_OK);
    return loop;
}

static void turn_until(struct net_loop *loop, const int *count, int wanted)
{
    while (*count < wanted) {
        assert_int_equal(net_loop_turn(loop, BASE_NEVER), BASE_OK);
    }
}

TEST(helpers_run_every_job_once_and_tell_the_loop)
{
    static struct task tasks[MANY];
    struct net_loop *loop = new_loop();
    struct proxy_helpers *helpers = NULL;
    int count = 0;
    assert_int_equal(proxy_helpers_new(loop, &helpers), BASE_OK);
    for (int i = 0; i < MANY; i++) {
        submit(helpers, &tasks[i], NULL, &count);
    }
    turn_until(loop, &count, MANY);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(tasks[i].runs, 1);
    }
    proxy_helpers_free(helpers);
    net_loop_free(loop);
}

TEST(helpers_that_hang_leave_room_for_others_up_to_their_number)
{
    static struct task slow[PROXY_HELPERS_MAX], waiting;
    struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0};
    struct net_loop *loop = new_loop();
    struct proxy_helpers *helpers = NULL;
    int slow_count = 0, count = 0;
    assert_int_equal(proxy_helpers_new(loop, &helpers), BASE_OK);
    for (int i = 0; i < PROXY_HELPERS_MAX - 1; i++) {
        submit(helpers, &slow[i], &gate, &slow_count);
    }
    await_running(&gate, PROXY_HELPERS_MAX - 1);
    submit(helpers, &waiting, NULL, &count);
    turn_until(loop, &count, 1);
    submit(helpers, &slow[PROXY_HELPERS_MAX - 1], &gate, &slow_count);
    await_running(&gate, PROXY_HELPERS_MAX);
    submit(helpers, &waiting, NULL, &count);
    assert_int_equal(net_loop_turn(loop, 0), BASE_OK);
    assert_int_equal(count, 1);
    open_gate(&gate);
    turn_until(loop, &count, 2);
    turn_until(loop, &slow_count, PROXY_HELPERS_MAX);
    proxy_helpers_free(helpers);
    net_loop_free(loop);
}

TEST(helpers_refuse_what_is_too_much_and_give_back_what_was_not_begun)
{
    struct task *tasks = calloc(PROXY_JOBS_MAX + 1, sizeof(*tasks));
    struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0};
    struct net_loop *loop = new_loop();
    struct proxy_helpers *helpers = NULL;
    int count = 0, ran = 0;
    assert_non_null(tasks);
    assert_int_equal(proxy_helpers_new(loop, &helpers), BASE_OK);
    for (int i = 0; i < PROXY_JOBS_MAX; i++) {
        submit(helpers, &tasks[i], &gate, &count);
    }
    tasks[PROXY_JOBS_MAX].job = (struct proxy_job){.run = run, .done = done};
    assert_int_equal(proxy_helpers_submit(helpers, &tasks[PROXY_JOBS_MAX].job), BASE_ECAPACITY);
    await_running(&gate, PROXY_HELPERS_MAX);
    open_gate(&gate);
    turn_until(loop, &count, 1);
    proxy_helpers_free(helpers);
    assert_int_equal(count, PROXY_JOBS_MAX);
    for (int i = 0; i < PROXY_JOBS_MAX; i++) {
        ran += tasks[i].runs;
    }
    assert_true(ran >= PROXY_HELPERS_MAX);
    proxy_helpers_free(NULL);
    net_loop_free(loop);
    free(tasks);
}
