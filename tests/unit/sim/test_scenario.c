/* test_scenario.c - a scenario file: what it means, and everything that is wrong with it at once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

static const char *errors_of(const char *text)
{
    static char error[SIM_ERROR_BYTES];
    struct sim_scenario scenario;
    assert_int_equal(sim_scenario_read(base_slice_text(text), ".", &scenario, error),
                     BASE_EINVALID);
    return error;
}

TEST(a_scenario_says_what_its_keys_say)
{
    struct sim_scenario s = world_read("seed = 7\n"
                                       "duration = \"1.5min\"\n"
                                       "[database]\nplan = \"supabase-micro\"\nothers = 4\n"
                                       "[weir]\npool_mode = \"session\"\nmax_overflow = -1\n"
                                       "[[load]]\ntrace = [0.5, 1,\n 2.25]\nslow = 0.1\n"
                                       "[[deploy]]\nat = \"10s\"\noverlap = \"5s\"\n");
    assert_int_equal(s.seed, 7);
    assert_true(s.duration == 90 * BASE_SECOND);
    assert_int_equal(s.limits.role, 60);
    assert_int_equal(s.limits.others, 4);
    assert_int_equal(s.pooler_clients, 15);
    assert_true(s.has_weir && s.mode == SIM_MODE_SESSION && s.weir.overflow == SIM_NO_LIMIT);
    assert_int_equal(s.loads[0].trace_count, 3);
    assert_true(s.loads[0].trace[2] == 2250 * BASE_MS);
    assert_int_equal(s.change_count, 1);
    assert_true(s.changes[0].span == 5 * BASE_SECOND);
    sim_scenario_done(&s);
}

TEST(all_errors_of_a_scenario_are_told_at_once_with_their_lines)
{
    const char *error = errors_of("duration = 5\n"
                                  "bar\n"
                                  "name = \"open\n"
                                  "[application]\n"
                                  "proceses = 2\n"
                                  "processes = 0\n"
                                  "pool = \"pgpool\"\n"
                                  "[nowhere]\n"
                                  "a = 1\n"
                                  "[[load]]\n"
                                  "transactions = 0\n"
                                  "transactions = 1\n");
    static const char *const expected[] = {
        "line 1: duration has to be a span in quotes: \"250ms\"",
        "\nline 2: = was expected after \"bar\"",
        "\nline 3: the string does not end in its line",
        "\nline 5: there is no key \"proceses\" in [application]; there are processes, pool,",
        "\nline 6: processes have to be 1 to 1000",
        "\nline 7: pool has to be one of \"sqlalchemy\", \"libweir\" and \"none\"",
        "\nline 8: there is no [nowhere]; there are [database],",
        "\nline 10: load \"load\": give it one of rate, users and trace",
        "\nline 11: transactions have to be 1 to 10000",
        "\nline 12: transactions comes twice, first in line 11",
    };
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
        if (!strstr(error, expected[i]))
            fail_msg("\"%s\" is not in:\n%s", expected[i], error);
    assert_null(strstr(error, "line 9"));
}

TEST(a_load_whose_rate_is_wrong_is_not_said_to_have_none)
{
    assert_string_equal(errors_of("[[load]]\nrate = \"x\"\n"),
                        "line 2: rate has to be a number from 0 to 1000000");
}

TEST(of_very_many_errors_the_rest_is_counted)
{
    char text[4096] = "";
    for (int i = 0; i < 40; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "key%d = 1\n", i);
    const char *error = errors_of(text);
    assert_non_null(strstr(error, "line 1: "));
    assert_non_null(strstr(error, "\nand 25 more errors")); /* there is no load either */
}

TEST(recorded_statement_times_are_taken_one_after_the_other)
{
    struct sim_scenario s = world_read("[network]\nround_trip = \"0\"\n"
                                       "[database]\nconnect = \"0\"\n"
                                       "[application]\npool = \"libweir\"\npool_size = 1\n"
                                       "max_overflow = 0\n"
                                       "[[load]]\ntrace = [1, 1, 1, 9]\n"
                                       "service_trace = [0.5, 0.25, 1]\n");
    struct sim_result *result = world_run(&s);
    /* three at once wait 0, 0.5 and 0.75 s; the last one starts with 0.5 again */
    assert_true(result->total.wait.sum == 1.25e9);
    assert_true(result->total.latency.sum == 1.25e9 + 0.5e9 + 0.25e9 + 1e9 + 0.5e9);
    sim_result_free(result);
    sim_scenario_done(&s);
    assert_non_null(strstr(errors_of("[[load]]\nrate = 1\nservice_trace = [1, -1]\n"),
                           "line 3: number 2 of service_trace is negative"));
}

TEST(spans_that_are_drawn_are_read_and_have_their_mean)
{
    static const struct {
        const char *text;
        double mean;
    } good[] = {{"8ms", 8e6},
                {"exponential 8ms", 8e6},
                {"uniform 1ms 9ms", 5e6},
                {"lognormal 8ms 0", 8e6},
                {"0", 0}};
    static const char *const bad[] = {"",
                                      "8",
                                      "ms",
                                      "uniform 9ms 1ms",
                                      "lognormal 8ms 9",
                                      "exponential",
                                      "never",
                                      "gamma 1ms",
                                      "1ms 2ms 3ms 4ms"};
    struct sim_dist dist;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(sim_dist_parse(good[i].text, &dist));
        assert_true(sim_dist_mean(&dist) == good[i].mean);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (sim_dist_parse(bad[i], &dist))
            fail_msg("\"%s\" was read", bad[i]);
}
