/* Who is served next when several users stand in line. */
#include "test.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "serve/line.h"
#include "serve/request.h"

#define WAIT_S_MOST 30

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t news = PTHREAD_COND_INITIALIZER;
static char order[64]; /* the requests' ids, as they are run; lower case: those that are late */
static bool is_open;   /* until then whoever runs waits */

static void note(char what)
{
    pthread_mutex_lock(&lock);
    order[strlen(order)] = what;
    pthread_cond_broadcast(&news);
    pthread_mutex_unlock(&lock);
}

static void run(struct request *request)
{
    note(request->id[0]);
    pthread_mutex_lock(&lock);
    while (!is_open)
        pthread_cond_wait(&news, &lock);
    pthread_mutex_unlock(&lock);
}

static void late(struct request *request)
{
    note((char)(request->id[0] | 0x20));
}

static void await_order(const char *wanted)
{
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += WAIT_S_MOST;
    int r = 0;
    pthread_mutex_lock(&lock);
    while (r == 0 && strcmp(order, wanted) != 0 && strlen(order) < strlen(wanted))
        r = pthread_cond_timedwait(&news, &lock, &end);
    assert_string_equal(order, wanted);
    pthread_mutex_unlock(&lock);
}

static void open_gate(bool open)
{
    pthread_mutex_lock(&lock);
    is_open = open;
    pthread_cond_broadcast(&news);
    pthread_mutex_unlock(&lock);
}

static struct request *made(struct request *request, char id, const char *user)
{
    memset(request, 0, sizeof(*request));
    request->id[0] = id;
    request->waits_since = weir_now();
    strcpy(request->claims.user_id, user);
    return request;
}

static struct line *begin(unsigned threads)
{
    memset(order, 0, sizeof(order));
    open_gate(false);
    return line_open(threads, 10, run);
}

TEST(users_in_line_take_turns)
{
    struct request a[3], b;
    struct line *line = begin(1);
    assert_int_equal(line_add(line, made(&a[0], 'A', "ann")), LINE_ADDED);
    await_order("A");
    assert_int_equal(line_add(line, made(&a[1], 'B', "ann")), LINE_ADDED);
    assert_int_equal(line_add(line, made(&a[2], 'C', "ann")), LINE_ADDED);
    assert_int_equal(line_add(line, made(&b, 'D', "bob")), LINE_ADDED);
    open_gate(true);
    await_order("ABDC");
    line_close(line);
}

TEST(what_one_user_may_not_run_yet_others_overtake)
{
    struct request a[3], b;
    struct line *line = begin(3);
    line_share(line, 3, 1, 1000 * WEIR_SECOND, late, late);
    for (int i = 0; i < 3; i++)
        assert_int_equal(line_add(line, made(&a[i], (char)('A' + i), "ann")), LINE_ADDED);
    assert_int_equal(line_add(line, made(&b, 'E', "ann")), LINE_USER_FULL);
    await_order("A");
    assert_int_equal(line_add(line, made(&b, 'D', "bob")), LINE_ADDED);
    await_order("AD");
    line_share_running(line, 2);
    await_order("ADB");
    open_gate(true);
    await_order("ADBC");
    line_close(line);
}

TEST(what_waits_too_long_for_its_own_user_is_told)
{
    struct request a[2], b;
    struct line *line = begin(3);
    line_share(line, 3, 1, WEIR_MS, late, late);
    assert_int_equal(line_add(line, made(&a[0], 'A', "ann")), LINE_ADDED);
    await_order("A");
    assert_int_equal(line_add(line, made(&a[1], 'B', "ann")), LINE_ADDED);
    await_order("Ab");
    assert_int_equal(line_add(line, made(&b, 'C', "bob")), LINE_ADDED);
    await_order("AbC");
    open_gate(true);
    line_close(line);
}

TEST(requests_without_a_user_have_only_the_lines_own_end)
{
    struct request some[3];
    struct line *line = begin(1);
    line_share(line, 1, 1, WEIR_MS, late, late);
    for (int i = 0; i < 3; i++)
        assert_int_equal(line_add(line, made(&some[i], (char)('A' + i), "")), LINE_ADDED);
    open_gate(true);
    await_order("ABC");
    line_close(line);
}

/* Ten requests in line behind one that runs: no more have room. */
static void fill(struct line *line, struct request some[11], const char *user)
{
    assert_int_equal(line_add(line, made(&some[0], 'A', user)), LINE_ADDED);
    await_order("A");
    for (int i = 1; i < 11; i++)
        assert_int_equal(line_add(line, made(&some[i], (char)('A' + i), user)), LINE_ADDED);
}

TEST(a_full_line_makes_room_for_who_has_fewer_in_it)
{
    struct request a[11], b[6], c;
    struct line *line = begin(1);
    line_share(line, 100, 100, 1000 * WEIR_SECOND, late, late);
    fill(line, a, "ann");
    assert_int_equal(line_add(line, made(&c, 'Z', "ann")), LINE_FULL);
    for (int i = 0; i < 5; i++)
        assert_int_equal(line_add(line, made(&b[i], (char)('P' + i), "bob")), LINE_ADDED);
    await_order("Akjihg");
    assert_int_equal(line_add(line, made(&b[5], 'Y', "bob")), LINE_FULL); /* as many as ann has */
    assert_int_equal(line_add(line, made(&c, 'Z', "cid")), LINE_ADDED);
    unsigned threads;
    size_t waiting;
    line_count(line, &threads, &waiting);
    assert_int_equal(waiting, 10);
    open_gate(true);
    await_order("AkjihgfBPZCQDREST");
    line_close(line);
}

TEST(a_full_line_makes_room_where_its_user_is_blocked)
{
    struct request a[11], b[2];
    struct line *line = begin(1);
    line_share(line, 100, 1, 1000 * WEIR_SECOND, late, late);
    fill(line, a, "ann");
    assert_int_equal(line_add(line, made(&b[0], 'P', "bob")), LINE_ADDED);
    await_order("Ak");
    open_gate(true);
    await_order("AkPBCDEFGHIJ");
    assert_int_equal(line_add(line, made(&b[1], 'Q', "bob")), LINE_ADDED);
    await_order("AkPBCDEFGHIJQ");
    line_close(line);
}

TEST(who_has_all_its_places_displaces_nobody)
{
    struct request some[11], b[3];
    struct line *line = begin(1);
    line_share(line, 2, 100, 1000 * WEIR_SECOND, late, late);
    fill(line, some, "");
    assert_int_equal(line_add(line, made(&b[0], 'P', "bob")), LINE_ADDED);
    assert_int_equal(line_add(line, made(&b[1], 'Q', "bob")), LINE_ADDED);
    assert_int_equal(line_add(line, made(&b[2], 'R', "bob")), LINE_FULL);
    await_order("Akj");
    open_gate(true);
    await_order("AkjBPCQDEFGHI");
    line_close(line);
}
