/* test_value.c - src/config/value.c, table.c: every type below, at and above its limits. */
#include <stdio.h>

#include "config/value.h"
#include "helper.h"

/* Reads one value with a rule; returns the status and what it says. */
static int read_value(struct config_option_info info, const char *text, void *field)
{
    struct base_arena arena = {0};
    char why[256];
    int status =
        config_value_parse(&info, base_slice_text(text), "", &arena, field, why, sizeof(why));

    assert_int_not_equal(why[0], '\0');
    base_arena_done(&arena);
    return status;
}

static const struct config_option_info count = {"x", CONFIG_TYPE_COUNT, "", 3, 90, false, ""};
static const struct config_option_info limit = {"x", CONFIG_TYPE_LIMIT, "", -1, 90, false, ""};
static const struct config_option_info bytes = {"x", CONFIG_TYPE_BYTES, "", 1024, 4294967295, false,
                                                ""};
static const struct config_option_info seconds = {"x", CONFIG_TYPE_SECONDS, "", 1, 100, false, ""};
static const struct config_option_info ms = {"x", CONFIG_TYPE_MILLISECONDS, "", 0, 500, false, ""};
static const struct config_option_info mode = {"x", CONFIG_TYPE_MODE, "", 0, 0777, false, ""};
static const struct config_option_info yes_no = {"x", CONFIG_TYPE_BOOL, "", 0, 0, false, ""};
static const struct config_option_info word = {"x", CONFIG_TYPE_TEXT, "", 1, 5, false, ""};
static const struct config_option_info path = {"x", CONFIG_TYPE_PATH, "", 0, 12, false, ""};

TEST(count_is_whole_and_in_range)
{
    static const char *const wrong[] = {"2",    "91",  "-3",  "+3",
                                        "",     " 3",  "3 ",  "3.0",
                                        "0x10", "ten", "1e1", "999999999999999999999999"};
    uint32_t value = 7;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(read_value(count, wrong[i], &value), BASE_ECONFIG);
    assert_int_equal(value, 7);
    assert_int_equal(read_value(count, "3", &value), BASE_OK);
    assert_int_equal(value, 3);
    assert_int_equal(read_value(count, "90", &value), BASE_OK);
    assert_int_equal(value, 90);
    assert_int_equal(read_value(count, "0089", &value), BASE_OK);
    assert_int_equal(value, 89);
}

TEST(limit_takes_minus_one_for_none)
{
    uint32_t value = 7;

    assert_int_equal(read_value(limit, "-2", &value), BASE_ECONFIG);
    assert_int_equal(read_value(limit, "91", &value), BASE_ECONFIG);
    assert_int_equal(value, 7);
    assert_int_equal(read_value(limit, "-1", &value), BASE_OK);
    assert_int_equal(value, CONFIG_NO_LIMIT);
    assert_int_equal(read_value(limit, "0", &value), BASE_OK);
    assert_int_equal(value, 0);
}

TEST(bytes_reach_above_four_bytes)
{
    uint64_t value = 7;

    assert_int_equal(read_value(bytes, "1023", &value), BASE_ECONFIG);
    assert_int_equal(read_value(bytes, "4294967296", &value), BASE_ECONFIG);
    assert_int_equal(read_value(bytes, "18446744073709551616", &value), BASE_ECONFIG);
    assert_int_equal(value, 7);
    assert_int_equal(read_value(bytes, "4294967295", &value), BASE_OK);
    assert_true(value == 4294967295u);
}

TEST(seconds_take_decimals)
{
    static const char *const wrong[] = {
        "0.999999999", "100.000000001", "101", "30s", "1..", ".", "", "-1", "1,5", "1.x", "1 min"};
    base_time value = 7;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(read_value(seconds, wrong[i], &value), BASE_ECONFIG);

    assert_true(value == 7);
    assert_int_equal(read_value(seconds, "1", &value), BASE_OK);
    assert_true(value == BASE_SECOND);
    assert_int_equal(read_value(seconds, "1.25", &value), BASE_OK);
    assert_true(value == 1250 * BASE_MS);
    assert_int_equal(read_value(seconds, "100.0000000001", &value), BASE_OK);
    assert_true(value == 100 * BASE_SECOND);
    assert_int_equal(read_value(seconds, "2.000000001", &value), BASE_OK);
    assert_true(value == 2 * BASE_SECOND + 1);
}

TEST(milliseconds_are_whole)
{
    base_time value = 7;

    assert_int_equal(read_value(ms, "0.5", &value), BASE_ECONFIG);
    assert_int_equal(read_value(ms, "501", &value), BASE_ECONFIG);
    assert_true(value == 7);
    assert_int_equal(read_value(ms, "500", &value), BASE_OK);
    assert_true(value == 500 * BASE_MS);
}

TEST(mode_is_octal)
{
    uint32_t value = 7;

    assert_int_equal(read_value(mode, "0778", &value), BASE_ECONFIG);
    assert_int_equal(read_value(mode, "1000", &value), BASE_ECONFIG);
    assert_int_equal(read_value(mode, "000777", &value), BASE_ECONFIG);
    assert_int_equal(read_value(mode, "", &value), BASE_ECONFIG);
    assert_int_equal(value, 7);
    assert_int_equal(read_value(mode, "0750", &value), BASE_OK);
    assert_int_equal(value, 0750);
    assert_int_equal(read_value(mode, "777", &value), BASE_OK);
    assert_int_equal(value, 0777);
}

TEST(boolean_has_eight_words)
{
    static const char *const yes[] = {"1", "on", "yes", "TRUE"};
    static const char *const no[] = {"0", "Off", "no", "false"};
    bool value;

    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(read_value(yes_no, yes[i], &value), BASE_OK);
        assert_true(value);
        assert_int_equal(read_value(yes_no, no[i], &value), BASE_OK);
        assert_false(value);
    }
    assert_int_equal(read_value(yes_no, "2", &value), BASE_ECONFIG);
    assert_int_equal(read_value(yes_no, "", &value), BASE_ECONFIG);
}

TEST(text_has_a_length)
{
    const char *value = "old";

    assert_int_equal(read_value(word, "", &value), BASE_ECONFIG);
    assert_int_equal(read_value(word, "abcdef", &value), BASE_ECONFIG);
    assert_string_equal(value, "old");
    assert_int_equal(read_value(word, "abcde", &value), BASE_OK);
}

TEST(relative_path_is_in_the_folder)
{
    struct base_arena arena = {0};
    const char *value = "old";
    char why[256];

#define READ(text) \
    config_value_parse(&path, base_slice_text(text), "/etc", &arena, &value, why, 256)
    assert_int_equal(READ("a/b"), BASE_OK);
    assert_string_equal(value, "/etc/a/b");
    assert_int_equal(READ("/a/b"), BASE_OK);
    assert_string_equal(value, "/a/b");
    assert_int_equal(READ("@a"), BASE_OK);
    assert_string_equal(value, "@a");
    assert_int_equal(READ(""), BASE_OK);
    assert_string_equal(value, "");
    assert_int_equal(READ("1234567"), BASE_OK);
    assert_int_equal(READ("12345678"), BASE_ECONFIG);
    assert_int_equal(config_value_parse(&path, base_slice_text("a"), "/", &arena, &value, why, 256),
                     BASE_OK);
    assert_string_equal(value, "/a");
#undef READ
    base_arena_done(&arena);
}

TEST(every_default_is_read_and_shown_again)
{
    struct config *config = helper_config("");
    char shown[256];

    for (unsigned i = 0; i < CONFIG_OPTION_COUNT; i++) {
        const struct config_option_info *info = config_option_info((enum config_option)i);
        size_t length = config_option_render(config, (enum config_option)i, shown, sizeof(shown));

        assert_int_equal(length, strlen(info->default_text));
        assert_string_equal(shown, info->default_text);
        assert_true(strlen(info->doc) > 10);
        assert_true(config_type_is_text(info->type) || info->min <= info->max);
    }
    config_free(config);
}

TEST(shown_values_are_as_written)
{
    struct config *config = helper_config("[weir]\nquery_wait_timeout = 0.050\n"
                                          "unix_socket_mode = 700\nmax_overflow=-1\n"
                                          "tcp_user_timeout = 1500\nlog_stats = off\n"
                                          "auth_type = SCRAM-SHA-256\n");
    static const struct {
        enum config_option option;
        const char *shown;
    } wanted[] = {
        {CONFIG_OPTION_query_wait_timeout, "0.05"},
        {CONFIG_OPTION_unix_socket_mode, "0700"},
        {CONFIG_OPTION_max_overflow, "-1"},
        {CONFIG_OPTION_tcp_user_timeout, "1500"},
        {CONFIG_OPTION_log_stats, "0"},
        {CONFIG_OPTION_auth_type, "scram-sha-256"},
    };
    char shown[64];

    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        config_option_render(config, wanted[i].option, shown, sizeof(shown));
        assert_string_equal(shown, wanted[i].shown);
    }
    assert_int_equal(config_option_render(config, CONFIG_OPTION_auth_type, shown, 3), 13);
    assert_string_equal(shown, "sc");
    config_free(config);
}

TEST(choices_have_their_words)
{
    assert_string_equal(config_pool_mode_text(CONFIG_POOL_MODE_STATEMENT), "statement");
    assert_string_equal(config_auth_type_text(CONFIG_AUTH_TYPE_SCRAM_SHA_256), "scram-sha-256");
    assert_string_equal(config_tls_mode_text(CONFIG_TLS_MODE_VERIFY_FULL), "verify-full");
}

TEST(names_are_known_once)
{
    const struct config_table *tables[] = {&config_table_options, &config_table_databases,
                                           &config_table_users};

    for (size_t t = 0; t < 3; t++) {
        const struct config_table *table = tables[t];

        for (unsigned i = 0; i < table->key_count; i++) {
            struct base_slice name = base_slice_text(table->keys[i].info.name);

            assert_int_equal(config_table_find(table, name), (int)i);
            assert_null(config_table_refused(table, name));
            if (table->keys[i].fallback[0] != '\0')
                assert_true(config_table_find(&config_table_options,
                                              base_slice_text(table->keys[i].fallback)) >= 0);
        }
        for (const struct config_alias *a = table->aliases; a->alias; a++) {
            assert_true(config_table_find(table, base_slice_text(a->name)) >= 0);
            assert_null(config_table_refused(table, base_slice_text(a->alias)));
        }
        for (const struct config_refused *r = table->refused; r->name; r++)
            assert_int_equal(config_table_find(table, base_slice_text(r->name)), -1);
    }
}

TEST(distance_counts_changes_and_swaps)
{
#define DISTANCE(a, b) config_distance(base_slice_text(a), base_slice_text(b))
    assert_int_equal(DISTANCE("", ""), 0);
    assert_int_equal(DISTANCE("abc", ""), 3);
    assert_int_equal(DISTANCE("abc", "abc"), 0);
    assert_int_equal(DISTANCE("abc", "acb"), 1);
    assert_int_equal(DISTANCE("abc", "axc"), 1);
    assert_int_equal(DISTANCE("abc", "abcd"), 1);
    assert_int_equal(DISTANCE("kitten", "sitting"), 3);
#undef DISTANCE
}
