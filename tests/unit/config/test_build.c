/* test_build.c - src/config/build.c, finish.c: sections, entries, includes, all errors at once. */
#include <stdio.h>

#include "helper.h"

TEST(unknown_setting_is_refused_with_the_nearest_name)
{
    helper_refuses("[pgbouncer]\n\nmax_client_con = 5\n", 3, "did you mean max_client_conn?");
    helper_refuses("[weir]\npool_moed = session\n", 2, "did you mean pool_mode?");
    helper_refuses("[weir]\nflux_capacitor = 1\n", 2, "\"flux_capacitor\" is not a setting");
    helper_refuses("[databases]\na = hots=x\n", 2, "did you mean host?");
    helper_refuses("[users]\na = pool_sise=3\n", 2, "did you mean pool_size?");
}

TEST(refused_setting_says_what_to_use)
{
    helper_refuses("[weir]\nuse_lifo = 0\n", 2, "use_lifo is not served: use server_round_robin");
    helper_refuses("[weir]\npool_pre_ping = 1\n", 2, "use server_check_delay");
    helper_refuses("[weir]\nauth_type = crypt\n", 2, "weir does not serve it; use scram-sha-256");
    helper_refuses("[weir]\nauth_type = ldap\n", 0, "ldap needs ldapserver");
}

TEST(harmless_value_of_a_refused_setting_is_accepted)
{
    config_free(
        helper_config("[weir]\nuse_lifo = 1\nauth_query =\npeer_id = 0\njob_name=pgbouncer\n"
                      "[databases]\na = host=h auth_user='' load_balance_hosts=round-robin\n"
                      "[users]\nb = max_user_client_connections=0\n"));
}

TEST(auth_query_is_the_lines_before_the_options)
{
    struct config *config = helper_config("[weir]\nauth_user = asker\n[databases]\nusers = host=h\n"
                                          "a = host=h\n"
                                          "b = host=h auth_user=other auth_dbname=users "
                                          "auth_query='SELECT ''x'', $1'\n");
    const struct config_database *a = helper_database(config, "a"),
                                 *b = helper_database(config, "b");

    assert_string_equal(a->auth_user, "asker");
    assert_string_equal(a->auth_dbname, "");
    assert_non_null(strstr(a->auth_query, "rolvaliduntil < now()"));
    assert_string_equal(b->auth_user, "other");
    assert_string_equal(b->auth_dbname, "users");
    assert_string_equal(b->auth_query, "SELECT 'x', $1");
    config_free(config);
    helper_refuses("[weir]\nauth_dbname = nowhere\n", 2, "name a database");
    helper_refuses("[databases]\na = host=h auth_dbname=pgbouncer\n", 2, "name a database");
}

TEST(wrong_value_says_what_is_allowed)
{
    helper_refuses("[weir]\npool_mode = transact\n", 2,
                   "pool_mode = \"transact\" is not allowed: use session, transaction or "
                   "statement");
    helper_refuses("[weir]\ndefault_pool_size = 0\n", 2, "use a whole number from 1 to 100000");
    helper_refuses("[weir]\nquery_wait_timeout = 30s\n", 2, "number of seconds");
    helper_refuses("[databases]\na = port=65536\n", 2, "from 1 to 65535");
}

TEST(all_errors_come_at_once_with_their_lines)
{
    struct config_errors errors = {0};
    struct config *config = NULL;

    assert_int_equal(helper_read("[weir]\n"
                                 "pool_mode = x\n"
                                 "fine = not\n"
                                 "use_lifo = 0\n"
                                 "listen_port = 70000\n"
                                 "what is this\n"
                                 "[nowhere]\n"
                                 "skipped = because the section was refused\n"
                                 "[databases]\n"
                                 "weir = host=a\n"
                                 "a = host=b port=0 what=1\n"
                                 "%include gone.ini\n",
                                 NULL, "\"u\" \"s\"\nu s\n", &config, &errors),
                     BASE_ECONFIG);
    static const unsigned lines[] = {2, 3, 4, 5, 6, 7, 10, 11, 11, 12, 2};
    assert_int_equal(errors.error_count, sizeof(lines) / sizeof(lines[0]));
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        assert_int_equal(errors.errors[i].line, lines[i]);
    assert_string_equal(errors.errors[0].file, "/etc/weir/weir.ini");
    assert_string_equal(errors.errors[10].file, "/etc/weir/users.txt");
    assert_null(config);
    config_errors_done(&errors);
}

TEST(errors_are_counted_above_their_limit)
{
    static char text[8192] = "[weir]\n";
    struct config_errors errors = {0};
    struct config *config = NULL;

    for (int i = 0; i < CONFIG_ERRORS_MAX + 3; i++)
        strcat(text, "x = 1\n");
    assert_int_equal(helper_read(text, NULL, NULL, &config, &errors), BASE_ECONFIG);
    assert_int_equal(errors.error_count, CONFIG_ERRORS_MAX);
    assert_int_equal(errors.dropped, 3);
    config_errors_done(&errors);
}

TEST(aliases_set_the_same_setting)
{
    struct config *config =
        helper_config("[weir]\npool_size = 7\npool_timeout = 3\n"
                      "pool_recycle = 60\nidle_timeout = 9\nmax_waiting = 4\n"
                      "[databases]\na = host=h reserve_pool=2 pool_timeout=1\n");

    assert_int_equal(config->options.default_pool_size, 7);
    assert_true(config->options.query_wait_timeout == 3 * BASE_SECOND);
    assert_true(config->options.server_lifetime == 60 * BASE_SECOND);
    assert_true(config->options.server_idle_timeout == 9 * BASE_SECOND);
    assert_int_equal(config->options.max_waiting_clients, 4);
    assert_int_equal(helper_database(config, "a")->reserve_pool_size, 2);
    assert_true(helper_database(config, "a")->query_wait_timeout == BASE_SECOND);
    config_free(config);
}

TEST(section_must_come_first)
{
    helper_refuses("pool_mode = session\nlisten_port = 1\n", 1, "a section must come first");
    helper_refuses("[peers]\none = host=a\n", 2, "use its peer_id, 1 to 16383");
    helper_refuses("[peers]\n16384 = host=a\n", 2, "use its peer_id, 1 to 16383");
    helper_refuses("[peers]\n1 = port=5\n", 2, "peer 1 has no host");
}

TEST(database_names_may_be_quoted)
{
    struct config *config =
        helper_config("[databases]\n\"my \"\"db\"\"\" = host=h\nMixed = host=i\n");

    assert_string_equal(helper_database(config, "my \"db\"")->hosts[0], "h");
    assert_string_equal(helper_database(config, "Mixed")->hosts[0], "i");
    assert_null(config_database_find(config, base_slice_text("mixed"), NULL));
    config_free(config);
    helper_refuses("[databases]\n\"\" = host=h\n", 2, "use 1 to 63 bytes");
    helper_refuses("[databases]\n"
                   "a123456789b123456789c123456789d123456789e123456789f123456789abcd = host=h\n",
                   2, "use 1 to 63 bytes");
    helper_refuses("[databases]\npgbouncer = host=h\n", 2, "reserved for the console");
    helper_refuses("[databases]\na = postgres://u:p@h/d\n", 2, "not as a URL");
}

TEST(database_line_takes_defaults_from_the_settings)
{
    struct config *config =
        helper_config("[databases]\na = host=h pool_size=3\nb =\n"
                      "[weir]\ndefault_pool_size = 9\nmax_overflow = -1\npool_mode = statement\n");
    const struct config_database *a = helper_database(config, "a");
    const struct config_database *b = helper_database(config, "b");

    assert_int_equal(a->pool_size, 3);
    assert_int_equal(a->set, 1u << CONFIG_DATABASE_KEY_host | 1u << CONFIG_DATABASE_KEY_pool_size);
    assert_int_equal(a->max_overflow, CONFIG_NO_LIMIT);
    assert_int_equal(a->pool_mode, CONFIG_POOL_MODE_STATEMENT);
    assert_int_equal(a->port, 5432);
    assert_int_equal(b->pool_size, 9);
    assert_int_equal(b->set, 0);
    assert_int_equal(b->host_count, 1);
    assert_string_equal(b->hosts[0], "/tmp");
    assert_string_equal(b->dbname, "");
    config_free(config);
}

TEST(host_lists_are_split)
{
    static char many[2048] = "[databases]\na = host=h";
    struct config *config = helper_config("[databases]\na = host='h1, h2,::1' port=1\n");
    const struct config_database *a = helper_database(config, "a");

    assert_int_equal(a->host_count, 3);
    assert_string_equal(a->hosts[1], "h2");
    assert_string_equal(a->hosts[2], "::1");
    config_free(config);
    helper_refuses("[databases]\na = host=h1,,h2\n", 2, "empty item");
    helper_refuses("[weir]\nunix_socket_dir =\nlisten_addr=::1\n[databases]\na = port=1\n", 5,
                   "no host");
    for (int i = 1; i < CONFIG_HOSTS_MAX; i++)
        strcat(many, ",h");
    config_free(helper_config(many));
    strcat(many, ",h");
    helper_refuses(many, 2, "more than 64");
}

TEST(later_line_holds_with_advice)
{
    struct config_errors errors = {0};
    struct config *config = NULL;

    assert_int_equal(helper_read("[databases]\na = host=one\nb = host=x\na = host=two host=three\n"
                                 "[users]\nu = pool_size=1\nu = pool_size=2\n"
                                 "[weir]\nlisten_port = 1\nlisten_port = 2\n",
                                 NULL, "\"u\" \"old\"\n\"u\" \"new\"\n", &config, &errors),
                     BASE_OK);
    assert_string_equal(helper_database(config, "a")->hosts[0], "three");
    assert_int_equal(config->database_count, 2);
    assert_int_equal(config->options.listen_port, 2);
    assert_int_equal(config->user_count, 1);
    assert_int_equal(helper_user(config, "u")->pool_size, 2);
    assert_string_equal(helper_user(config, "u")->secret, "new");
    assert_true(helper_has(errors.advice, errors.advice_count,
                           "database a was written before, at "
                           "/etc/weir/weir.ini:2"));
    assert_true(helper_has(errors.advice, errors.advice_count, "host is written twice"));
    assert_true(helper_has(errors.advice, errors.advice_count, "user u was written before"));
    assert_true(helper_has(errors.advice, errors.advice_count, "listen_port was set before"));
    config_errors_done(&errors);
    config_free(config);
}

TEST(errors_never_repeat_a_password)
{
    static const char *const lines[] = {
        "a = host=h password=my hunter2=3",
        "a = password=my hunter2",
        "a = password='hunter2",
        "a = password='my'hunter2",
        "a = user=u password=my hunter2 =1",
        "a = password=x host=y hunter2",
    };
    char text[256];

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct config_errors errors = {0};
        struct config *config = NULL;

        snprintf(text, sizeof(text), "[databases]\n%s\n", lines[i]);
        assert_int_equal(
            helper_read(text, NULL, "hunter2\n\"hunter2\" \"hunter2\n", &config, &errors),
            BASE_ECONFIG);
        assert_true(errors.error_count >= 3);
        assert_false(helper_has(errors.errors, errors.error_count, "hunter2"));
        config_errors_done(&errors);
    }
}

TEST(includes_are_relative_and_keep_the_section)
{
    static const struct helper_file files[] = {
        {"/etc/weir/sub/db.ini", "a = host=h1\n[weir]\nlisten_port = 7\n%include deep.ini\n"},
        {"/etc/weir/sub/deep.ini", "listen_backlog = 9\npidfile = weir.pid\n"},
        {NULL, NULL}};
    struct config_errors errors = {0};
    struct config *config = NULL;

    assert_int_equal(helper_read("[databases]\n%include sub/db.ini\nb = host=h2\n"
                                 "[weir]\nlogfile = weir.log\n",
                                 files, NULL, &config, &errors),
                     BASE_OK);
    assert_int_equal(config->options.listen_port, 7);
    assert_int_equal(config->options.listen_backlog, 9);
    assert_string_equal(config->options.pidfile, "/etc/weir/sub/weir.pid");
    assert_string_equal(config->options.logfile, "/etc/weir/weir.log");
    assert_int_equal(config->database_count, 2);
    config_errors_done(&errors);
    config_free(config);
}

TEST(includes_that_are_not_in_the_files_folder_are_in_the_working_directory)
{
    static const struct helper_file files[] = {
        {"here.ini", "listen_port = 1\n"},
        {"/etc/weir/both.ini", "listen_backlog = 9\n%include deeper/there.ini\n"},
        {"both.ini", "listen_backlog = 10\n"},
        {"deeper/there.ini", "listen_port = 7\n%include both.ini\n"},
        {NULL, NULL}};
    struct config_errors errors = {0};
    struct config *config = NULL;

    assert_int_equal(helper_read("[databases]\na = host=h\n[weir]\n%include both.ini\n", files,
                                 NULL, &config, &errors),
                     BASE_OK);
    assert_int_equal(config->options.listen_port, 7);
    assert_int_equal(config->options.listen_backlog, 10);
    config_errors_done(&errors);
    config_free(config);
    errors = (struct config_errors){0};
    assert_int_equal(helper_read("%include nowhere.ini\n", files, NULL, &config, &errors),
                     BASE_ECONFIG);
    assert_true(helper_has(errors.errors, errors.error_count,
                           "%include of /etc/weir/nowhere.ini failed: No such file"));
    config_errors_done(&errors);
}

TEST(include_circles_and_depth_are_errors)
{
    static const struct helper_file circle[] = {
        {"/etc/weir/a.ini", "%include b.ini\n"},
        {"/etc/weir/b.ini", "\n%include a.ini\n%include weir.ini\n"},
        {NULL, NULL}};
    static char names[14][32], texts[14][32];
    struct helper_file deep[15] = {0};
    struct config_errors errors = {0};
    struct config *config = NULL;

    assert_int_equal(helper_read("%include a.ini\n", circle, NULL, &config, &errors), BASE_ECONFIG);
    assert_int_equal(errors.error_count, 2);
    assert_string_equal(errors.errors[0].file, "/etc/weir/b.ini");
    assert_int_equal(errors.errors[0].line, 2);
    assert_true(helper_has(errors.errors, 2, "in a circle"));
    config_errors_done(&errors);

    for (int i = 0; i < 14; i++) {
        snprintf(names[i], sizeof(names[i]), "/etc/weir/%d.ini", i);
        snprintf(texts[i], sizeof(texts[i]), "%%include %d.ini\n", i + 1);
        deep[i] = (struct helper_file){names[i], texts[i]};
    }
    assert_int_equal(helper_read("%include 0.ini\n", deep, NULL, &config, &errors), BASE_ECONFIG);
    assert_int_equal(errors.error_count, 1);
    assert_string_equal(errors.errors[0].file, "/etc/weir/9.ini");
    assert_true(helper_has(errors.errors, 1, "deeper than 10 files"));
    config_errors_done(&errors);
    texts[9][0] = '\0';
    assert_int_equal(helper_read("%include 0.ini\n", deep, NULL, &config, &errors), BASE_OK);
    config_errors_done(&errors);
    config_free(config);
}

TEST(missing_include_says_why)
{
    helper_refuses("[weir]\n%include gone.ini\n", 2, "/etc/weir/gone.ini failed: No such file");
}
