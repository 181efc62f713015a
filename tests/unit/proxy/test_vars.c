/* Tests of proxy/vars.c. */
#include "proxy/vars.h"
#include "fail_alloc.h"
#include "test.h"
#include "wire/frontend.h"

struct world {
    struct proxy_texts texts;
    struct proxy_var_names names;
    struct proxy_vars want, have;
    char query[4096];
};

static void begin(struct world *w)
{
    memset(w, 0, sizeof(*w));
    assert_int_equal(proxy_texts_init(&w->texts), BASE_OK);
    assert_int_equal(proxy_var_names_init(&w->names, "IntervalStyle, search_path"), BASE_OK);
}

static void end(struct world *w)
{
    proxy_vars_done(&w->want, &w->texts);
    proxy_vars_done(&w->have, &w->texts);
    proxy_var_names_done(&w->names);
    proxy_texts_done(&w->texts);
}

static void set(struct world *w, struct proxy_vars *vars, const char *name, const char *value)
{
    int idx = proxy_var_find(&w->names, base_slice_text(name));
    assert_true(idx >= 0);
    assert_int_equal(proxy_vars_set(vars, &w->texts, idx, base_slice_text(value)), BASE_OK);
}

static int extra(struct world *w, struct proxy_vars *vars, const char *name, const char *value)
{
    return proxy_vars_add_extra(vars, &w->texts, base_slice_text(name), base_slice_text(value));
}

/* The query of the one message that is written. */
static const char *query(struct world *w)
{
    uint8_t memory[sizeof(w->query) + 8];
    struct wire_out out;
    wire_out_init(&out, memory, sizeof(memory));
    proxy_vars_write(&w->names, &w->want, &w->have, &out);
    assert_int_equal(wire_out_status(&out), BASE_OK);
    assert_int_equal(out.bytes, proxy_vars_write_bytes(&w->names, &w->want, &w->have));
    struct base_slice text;
    assert_int_equal(memory[0], 'Q');
    assert_int_equal(wire_query_parse(base_slice_of(memory + 5, out.bytes - 5), &text), BASE_OK);
    memcpy(w->query, text.data, text.bytes);
    w->query[text.bytes] = '\0';
    return w->query;
}

TEST(tracked_names_are_found_in_any_case_and_listed_once)
{
    struct world w;
    begin(&w);
    assert_int_equal(w.names.count, PROXY_VARS_FIXED + 1);
    assert_int_equal(proxy_var_find(&w.names, base_slice_text("datestyle")), PROXY_VAR_DATESTYLE);
    assert_int_equal(proxy_var_find(&w.names, base_slice_text("SEARCH_path")), PROXY_VARS_FIXED);
    assert_int_equal(proxy_var_find(&w.names, base_slice_text("search_pat")), -1);
    end(&w);
}

TEST(tracked_names_beyond_the_room_and_bad_names_are_refused)
{
    struct proxy_var_names names = {0};
    assert_int_equal(proxy_var_names_init(&names, "a,b,c,d,e,f,g"), BASE_ECAPACITY);
    assert_int_equal(proxy_var_names_init(&names, "a;b"), BASE_EINVALID);
    assert_int_equal(proxy_var_names_init(&names, "a..b"), BASE_EINVALID);
    assert_int_equal(proxy_var_names_init(&names, " , a ,,"), BASE_OK);
    assert_int_equal(names.count, PROXY_VARS_FIXED + 1);
    proxy_var_names_done(&names);
}

TEST(only_values_that_differ_are_set)
{
    struct world w;
    begin(&w);
    set(&w, &w.want, "client_encoding", "UTF8");
    set(&w, &w.have, "client_encoding", "UTF8");
    set(&w, &w.want, "application_name", "");
    set(&w, &w.have, "application_name", "other");
    set(&w, &w.have, "TimeZone", "UTC"); /* the client said nothing about it */
    assert_false(proxy_vars_agree(&w.want, &w.have, w.names.count));
    assert_string_equal(query(&w), "SELECT pg_catalog.set_config('application_name',E'',false)");
    set(&w, &w.have, "application_name", "");
    assert_true(proxy_vars_agree(&w.want, &w.have, w.names.count));
    end(&w);
}

TEST(quotes_backslashes_and_foreign_bytes_cannot_end_a_literal)
{
    struct world w;
    begin(&w);
    set(&w, &w.want, "application_name", "it's \\ a\n\x95\\'x");
    assert_string_equal(query(&w), "SELECT pg_catalog.set_config('application_name',"
                                   "E'it''s \\\\ a\\012\\225\\\\''x',false)");
    end(&w);
}

TEST(extras_of_another_client_are_reset_first)
{
    struct world w;
    begin(&w);
    assert_int_equal(extra(&w, &w.have, "statement_timeout", "5s"), BASE_OK);
    assert_int_equal(extra(&w, &w.have, "my.var", "1"), BASE_OK);
    assert_int_equal(extra(&w, &w.have, "work_mem", "1MB"), BASE_OK);
    assert_string_equal(query(&w),
                        "RESET \"my\".\"var\";RESET \"statement_timeout\";RESET \"work_mem\";");
    assert_int_equal(extra(&w, &w.want, "work_mem", "1MB"), BASE_OK);
    assert_int_equal(extra(&w, &w.want, "statement_timeout", "9s"), BASE_OK);
    assert_int_equal(extra(&w, &w.want, "lock_timeout", "1s"), BASE_OK);
    assert_string_equal(query(&w), "RESET \"my\".\"var\";"
                                   "SELECT pg_catalog.set_config('lock_timeout',E'1s',false),"
                                   "pg_catalog.set_config('statement_timeout',E'9s',false)");
    end(&w);
}

static void fit(struct world *w)
{
    assert_int_equal(proxy_vars_fit(&w->want, &w->texts, &w->names, &w->have), BASE_OK);
}

TEST(what_a_server_does_not_report_is_fitted_to_it_and_back)
{
    struct world w;
    begin(&w);
    set(&w, &w.want, "search_path", "mine");
    fit(&w); /* PostgreSQL 17 */
    assert_string_equal(query(&w), "SELECT pg_catalog.set_config('search_path',E'mine',false)");
    struct proxy_text *extra = w.want.extra;
    assert_non_null(extra);
    set(&w, &w.have, "search_path", "theirs"); /* 18 */
    fit(&w);
    assert_null(w.want.extra);
    assert_string_equal(query(&w), "SELECT pg_catalog.set_config('search_path',E'mine',false)");
    set(&w, &w.want, "search_path", "newer");
    assert_int_equal(proxy_vars_add_extra(&w.want, &w.texts, base_slice_text("SEARCH_path"),
                                          base_slice_text("older")),
                     BASE_OK);
    fit(&w);
    assert_string_equal(query(&w), "SELECT pg_catalog.set_config('search_path',E'newer',false)");
    end(&w);
}

TEST(what_the_client_does_not_know_of_is_reset)
{
    struct world w;
    begin(&w);
    set(&w, &w.have, "TimeZone", "UTC");
    assert_true(proxy_vars_agree(&w.want, &w.have, w.names.count));
    set(&w, &w.have, "search_path", "theirs");
    assert_false(proxy_vars_agree(&w.want, &w.have, w.names.count));
    assert_string_equal(query(&w), "RESET \"search_path\";");
    end(&w);
}

TEST(extras_are_sorted_and_the_later_value_counts)
{
    struct world w;
    begin(&w);
    assert_int_equal(extra(&w, &w.want, "b", "1"), BASE_OK);
    assert_int_equal(extra(&w, &w.want, "A", "x"), BASE_OK);
    assert_int_equal(extra(&w, &w.want, "c", ""), BASE_OK);
    assert_int_equal(extra(&w, &w.want, "B", "2"), BASE_OK);
    assert_true(
        base_slice_equal(proxy_text_slice(w.want.extra), base_slice_of("a\0x\0b\0002\0c\0\0", 11)));
    assert_int_equal(extra(&w, &w.have, "c", ""), BASE_OK);
    assert_int_equal(extra(&w, &w.have, "a", "x"), BASE_OK);
    assert_int_equal(extra(&w, &w.have, "b", "2"), BASE_OK);
    assert_ptr_equal(w.want.extra, w.have.extra);
    end(&w);
}

TEST(extras_have_clean_names_and_a_limit)
{
    struct world w;
    begin(&w);
    const char *const bad[] = {"", "a b", "a\"b", "a;", ".a", "a.", "\xc3\xa4"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(extra(&w, &w.want, bad[i], "1"), BASE_EINVALID);
    }
    char big[8193];
    memset(big, 'x', sizeof(big));
    struct base_slice a = base_slice_text("a");
    assert_int_equal(proxy_vars_add_extra(&w.want, &w.texts, a, base_slice_of("1\0", 2)),
                     BASE_EINVALID);
    assert_int_equal(proxy_vars_add_extra(&w.want, &w.texts, a, base_slice_of(big, 8190)),
                     BASE_ETOOBIG);
    assert_int_equal(proxy_vars_add_extra(&w.want, &w.texts, a, base_slice_of(big, 8189)), BASE_OK);
    assert_int_equal(extra(&w, &w.want, "b", ""), BASE_ETOOBIG);
    assert_int_equal(w.want.extra->bytes, 8192);
    end(&w);
}

TEST(values_stay_when_there_is_no_memory_for_new_ones)
{
    struct world w;
    begin(&w);
    set(&w, &w.want, "TimeZone", "UTC");
    assert_int_equal(extra(&w, &w.want, "a", "1"), BASE_OK);
    fail_alloc_after(0);
    assert_int_equal(
        proxy_vars_set(&w.want, &w.texts, PROXY_VAR_TIMEZONE, base_slice_text("Europe/Zurich")),
        BASE_ENOMEM);
    assert_int_equal(extra(&w, &w.want, "b", "1"), BASE_ENOMEM);
    assert_true(fail_alloc_off());
    assert_string_equal(w.want.value[PROXY_VAR_TIMEZONE]->chars, "UTC");
    assert_int_equal(w.want.extra->bytes, 4);
    end(&w);
}
