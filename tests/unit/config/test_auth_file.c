/* test_auth_file.c - src/config/auth_file.c */
#include "helper.h"

#define MD5   "md545f2603610af569b6155c45067268c6b"
#define SCRAM "SCRAM-SHA-256$4096:c2FsdA==$c3RvcmVk:c2VydmVy"

TEST(auth_file_keeps_secrets_as_text)
{
    struct config_errors errors = {0};
    struct config *config = NULL;

    assert_int_equal(helper_read("", NULL,
                                 "; comment\n# comment\n\n"
                                 "\"plain\" \"pa\"\"ss word\"\n"
                                 "  \"hashed\"\t\"" MD5 "\" more words \"x\"\r\n"
                                 "\"scram\" \"" SCRAM "\"\n"
                                 "\"who \"\"me\"\"\" \"\"\n"
                                 "\"longer\" \"" MD5 "0\"\n"
                                 "\"letter\" \"md545f2603610af569b6155c45067268c6g\"\n"
                                 "\"nearly\" \"md5ab\"",
                                 &config, &errors),
                     BASE_OK);
    assert_int_equal(config->user_count, 7);
    assert_int_equal(helper_user(config, "longer")->secret_kind, CONFIG_SECRET_PLAIN);
    assert_int_equal(helper_user(config, "letter")->secret_kind, CONFIG_SECRET_PLAIN);
    assert_int_equal(helper_user(config, "plain")->secret_kind, CONFIG_SECRET_PLAIN);
    assert_string_equal(helper_user(config, "plain")->secret, "pa\"ss word");
    assert_int_equal(helper_user(config, "hashed")->secret_kind, CONFIG_SECRET_MD5);
    assert_string_equal(helper_user(config, "hashed")->secret, MD5);
    assert_int_equal(helper_user(config, "scram")->secret_kind, CONFIG_SECRET_SCRAM);
    assert_string_equal(helper_user(config, "who \"me\"")->secret, "");
    assert_true(helper_user(config, "who \"me\"")->is_listed);
    assert_int_equal(helper_user(config, "nearly")->secret_kind, CONFIG_SECRET_PLAIN);
    config_errors_done(&errors);
    config_free(config);
}

TEST(auth_file_errors_carry_their_line)
{
    static const char *const wrong[] = {
        "user secret",
        "\"user\"",
        "\"user\" secret",
        "\"user \"secret\"",
        "\"user\" \"secret",
        "\"\" \"secret\"",
        "\"user\" \"SCRAM-SHA-256$4096:salt$stored\"",
        "\"user\" \"SCRAM-SHA-256$x:salt$stored:server\"",
        "\"user\" \"SCRAM-SHA-256$4096:$stored:server\"",
        "\"user\" \"SCRAM-SHA-256$\"",
        "\"a123456789b123456789c123456789d123456789e123456789f123456789abcd\" \"s\"",
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct config_errors errors = {0};
        struct config *config = NULL;
        char text[256] = "\"ok\" \"ok\"\n";

        strcat(text, wrong[i]);
        assert_int_equal(helper_read("", NULL, text, &config, &errors), BASE_ECONFIG);
        assert_int_equal(errors.error_count, 1);
        assert_int_equal(errors.errors[0].line, 2);
        config_errors_done(&errors);
    }
}

TEST(user_line_and_secret_become_one_user)
{
    struct config_errors errors = {0};
    struct config *config = NULL;

    assert_int_equal(helper_read("[users]\nboth = pool_size=3\nonly = pool_mode=session\n", NULL,
                                 "\"both\" \"x\"\n", &config, &errors),
                     BASE_OK);
    assert_int_equal(config->user_count, 2);
    assert_true(helper_user(config, "both")->is_listed);
    assert_int_equal(helper_user(config, "both")->pool_size, 3);
    assert_false(helper_user(config, "only")->is_listed);
    assert_int_equal(helper_user(config, "only")->secret_kind, CONFIG_SECRET_NONE);
    assert_null(config_user_find(config, base_slice_text("onl")));
    assert_null(config_user_find(config, base_slice_text("onlyx")));
    assert_null(config_user_find(config, base_slice_of(NULL, 0)));
    assert_false(helper_has(errors.advice, errors.advice_count, "written before"));
    config_errors_done(&errors);
    config_free(config);
}
