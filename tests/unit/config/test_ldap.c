/* test_ldap.c - src/config/ldap.c */
#include "config/ldap.h"
#include "config/hba.h"
#include "helper.h"

static int parse(struct base_arena *arena, const char *text, struct config_ldap *ret_ldap)
{
    char why[300] = "";
    int status = config_ldap_parse(arena, text, ret_ldap, why, sizeof(why));

    assert_int_equal(status == BASE_OK, why[0] == '\0');
    return status;
}

TEST(ldap_options_are_pairs_with_or_without_quotes)
{
    struct base_arena arena = {0};
    struct config_ldap ldap;

    assert_int_equal(
        parse(&arena,
              "  ldapserver=\"a b\" ldapport=1389,ldaptls=1\tldapprefix=\"cn=\"\"x\"\" \""
              " , ldapsuffix=,dc=net",
              &ldap),
        BASE_ECONFIG); /* a value that is not quoted ends at the comma */
    assert_int_equal(
        parse(&arena,
              "  ldapserver=\"a b\" ldapport=1389,ldaptls=1\tldapprefix=\"cn=\"\"x\"\" \""
              " , ldapsuffix=\",dc=net\"",
              &ldap),
        BASE_OK);
    assert_string_equal(ldap.server, "a b");
    assert_int_equal(ldap.port, 1389);
    assert_true(ldap.has_starttls);
    assert_false(ldap.is_ldaps);
    assert_false(ldap.has_search);
    assert_string_equal(ldap.prefix, "cn=\"x\" ");
    assert_string_equal(ldap.suffix, ",dc=net");
    assert_int_equal(ldap.scope, CONFIG_LDAP_SUB);
    base_arena_done(&arena);
}

TEST(ldap_urls_have_all_parts_or_few)
{
    struct base_arena arena = {0};
    struct config_ldap ldap;

    assert_int_equal(
        parse(&arena, "ldapurl=\"ldaps://[::1]:636/dc=a%20b,dc=net?mail,cn?one?(x=$username)\"",
              &ldap),
        BASE_ECONFIG); /* attribute and filter */
    assert_int_equal(
        parse(&arena, "ldapurl=\"ldaps://[::1]:636/dc=a%20b,dc=net??one?(x=$username)\"", &ldap),
        BASE_OK);
    assert_string_equal(ldap.server, "[::1]");
    assert_int_equal(ldap.port, 636);
    assert_true(ldap.is_ldaps);
    assert_string_equal(ldap.basedn, "dc=a b,dc=net");
    assert_int_equal(ldap.scope, CONFIG_LDAP_ONE);
    assert_string_equal(ldap.filter, "(x=$username)");
    assert_int_equal(parse(&arena, "ldapurl=ldap://h/dc=net?uid?sub", &ldap), BASE_OK);
    assert_int_equal(ldap.port, 0);
    assert_string_equal(ldap.attribute, "uid");
    assert_int_equal(parse(&arena, "ldapurl=ldap://h/", &ldap), BASE_OK);
    assert_true(ldap.has_search);
    assert_int_equal(ldap.scope, CONFIG_LDAP_BASE);
    base_arena_done(&arena);
}

TEST(ldap_options_that_do_not_work_are_refused)
{
    static const char *const wrong[] = {
        "",
        "ldapserver=h",
        "ldapbasedn=dc=net",
        "ldapserver=h ldapprefix=a ldapbasedn=b",
        "ldapserver=h ldapprefix=a ldapsearchattribute=b",
        "ldapserver=h ldapbasedn=b ldapsearchattribute=a ldapsearchfilter=$username",
        "ldapserver=h ldapbasedn=b ldapsearchfilter=(uid=me)",
        "ldapserver=h ldapbasedn=b ldapscheme=ldaps ldaptls=1",
        "ldapserver=h ldapbasedn=b ldapscheme=http",
        "ldapserver=h ldapbasedn=b ldaptls=yes",
        "ldapserver=h ldapbasedn=b ldapport=0",
        "ldapserver=h ldapbasedn=b ldapport=65536",
        "ldapserver=h ldapbasedn=b ldapbase=c",
        "ldapserver=h ldapbasedn",
        "ldapserver=\"h ldapbasedn=b",
        "=h",
        "ldapurl=http://h/b",
        "ldapurl=ldap://h:x/b",
        "ldapurl=ldap://h:0/b",
        "ldapurl=ldap:///b",
        "ldapurl=ldap://h/b?uid?tree",
        "ldapurl=ldap://h/b?uid?sub?f?x",
        "ldapurl=ldap://h/b%2",
        "ldapurl=ldap://h/b%zz",
        "ldapurl=ldap://h/b%00",
    };
    struct base_arena arena = {0};
    struct config_ldap ldap;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (parse(&arena, wrong[i], &ldap) != BASE_ECONFIG)
            print_message("not refused: %s\n", wrong[i]);
        assert_int_equal(parse(&arena, wrong[i], &ldap), BASE_ECONFIG);
    }
    base_arena_done(&arena);
}

TEST(ldap_copies_have_texts_of_their_own)
{
    struct base_arena first = {0}, second = {0};
    struct config_ldap ldap, copy;

    assert_int_equal(parse(&first, "ldapserver=h ldapbasedn=b ldapbindpasswd=secret", &ldap),
                     BASE_OK);
    assert_int_equal(config_ldap_copy(&second, &ldap, &copy), BASE_OK);
    base_arena_done(&first);
    assert_string_equal(copy.server, "h");
    assert_string_equal(copy.bindpasswd, "secret");
    assert_true(copy.has_search);
    base_arena_done(&second);
}

TEST(ldap_lines_of_hba)
{
    static const struct helper_file no_files[] = {{NULL, NULL}};
    static const char settings[] =
        "[pgbouncer]\nlisten_addr = 127.0.0.1\nauth_type = hba\nauth_hba_file = hba\n";
    static const char *const wrong[] = {"host all all all ldap",
                                        "host all all all ldap ldapserver=h",
                                        "host all all all md5 ldapserver=h",
                                        "host all all all ldap ldapserver=h ldapbasedn=b map=m",
                                        "host all all all md5 pamservice=x"};
    struct config_errors errors = {0};
    struct config *config = NULL;

    assert_int_equal(helper_read_hba(settings, no_files,
                                     "host all all all ldap ldapserver=h \"ldapbasedn=dc=a b\"\n"
                                     "local all all pam pamservice=shop\nlocal all all pam\n",
                                     "", &config, &errors),
                     BASE_OK);
    assert_string_equal(config_hba_rule_at(config->hba, 0)->ldap.basedn, "dc=a b");
    assert_string_equal(config_hba_rule_at(config->hba, 1)->pam_service, "shop");
    assert_string_equal(config_hba_rule_at(config->hba, 2)->pam_service, "");
    config_errors_done(&errors);
    config_free(config);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(helper_read_hba(settings, no_files, wrong[i], "", &config, &errors),
                         BASE_ECONFIG);
        assert_int_equal(errors.error_count, 1);
        config_errors_done(&errors);
    }
}
