/* test_hba.c - src/config/hba.c, hba_token.c, hba_match.c, ident.c */
#include <arpa/inet.h>
#include <stdio.h>

#include "config/hba.h"
#include "helper.h"

static const char settings[] = "[databases]\na = host=h\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
                               "auth_type = hba\nauth_hba_file = hba\n"
                               "client_tls_sslmode = allow\nclient_tls_key_file = /dev/null\n"
                               "client_tls_cert_file = /dev/null\nclient_tls_ca_file = /dev/null\n";

static const struct helper_file no_files[] = {{NULL, NULL}};

/* Reads the two texts as /etc/weir/hba and /etc/weir/ident. */
static int read_hba(const char *hba, const char *ident, const struct helper_file *files,
                    struct config **ret_config, struct config_errors *errors)
{
    return helper_read_hba(settings, files, hba, ident, ret_config, errors);
}

static struct config *hba_of(const char *hba, const char *ident, const struct helper_file *files)
{
    struct config_errors errors = {0};
    struct config *config = NULL;

    if (read_hba(hba, ident, files, &config, &errors) != BASE_OK)
        helper_print(&errors);
    assert_non_null(config);
    config_errors_done(&errors);
    return config;
}

/* A connection in words: "tls 10.1.2.3 app@shop", "unix app@shop", "rep ::1 app@shop". */
static const struct config_hba_rule *ask(const struct config *config, const char *kind,
                                         const char *address, const char *user,
                                         const char *database)
{
    static const struct config_hba_net own[] = {
        {4, {127, 0, 0, 1}, {255}},
        {4, {192, 168, 7, 9}, {255, 255, 255}},
    };
    uint8_t bytes[16];
    struct config_hba_client client = {
        .database = base_slice_text(database),
        .user = base_slice_text(user),
        .is_unix = strcmp(kind, "unix") == 0,
        .is_tls = strcmp(kind, "tls") == 0,
        .is_replication = strcmp(kind, "rep") == 0,
        .address = bytes,
        .interfaces = own,
        .interface_count = 2,
    };

    if (!client.is_unix) {
        client.address_bytes = strchr(address, ':') ? 16 : 4;
        assert_int_equal(inet_pton(client.address_bytes == 16 ? AF_INET6 : AF_INET, address, bytes),
                         1);
    }
    return config_hba_find(config->hba, &client);
}

/* The line that decides, 0 when none does. */
static unsigned line_for(const struct config *config, const char *kind, const char *address,
                         const char *user, const char *database)
{
    const struct config_hba_rule *rule = ask(config, kind, address, user, database);

    return rule ? rule->line : 0;
}

TEST(hba_the_first_line_that_fits_decides)
{
    struct config *config = hba_of("# comment\n"
                                   "host all bad 0.0.0.0/0 reject\n"
                                   "local all all trust # behind\n"
                                   "host shop app,\"all\" 10.0.0.0/8 md5\n"
                                   "host all all 10.0.0.0/8 scram-sha-256\n",
                                   "", no_files);

    assert_int_equal(config_hba_count(config->hba), 4);
    assert_int_equal(line_for(config, "tcp", "10.1.2.3", "bad", "shop"), 2);
    assert_true(ask(config, "tcp", "10.1.2.3", "bad", "shop")->is_reject);
    assert_int_equal(line_for(config, "unix", "", "bad", "shop"), 3);
    assert_int_equal(line_for(config, "tcp", "10.1.2.3", "app", "shop"), 4);
    assert_int_equal(line_for(config, "tcp", "10.1.2.3", "all", "shop"), 4);
    assert_int_equal(line_for(config, "tcp", "10.1.2.3", "other", "shop"), 5);
    assert_int_equal(line_for(config, "tcp", "11.1.2.3", "other", "shop"), 0);
    assert_int_equal(line_for(config, "tcp", "::1", "other", "shop"), 0);
    config_free(config);
}

TEST(hba_types_tell_sockets_and_encryption_apart)
{
    struct config *config = hba_of("hostssl all all all cert\n"
                                   "hostnossl a all all md5\n"
                                   "hostgssenc all all all trust\n"
                                   "hostnogssenc b all all md5\n"
                                   "host c all all md5\n",
                                   "", no_files);

    assert_int_equal(line_for(config, "tls", "1.2.3.4", "u", "a"), 1);
    assert_int_equal(line_for(config, "tcp", "1.2.3.4", "u", "a"), 2);
    assert_int_equal(line_for(config, "tcp", "1.2.3.4", "u", "b"), 4);
    assert_int_equal(line_for(config, "tcp", "::1", "u", "c"), 5);
    assert_int_equal(line_for(config, "tcp", "1.2.3.4", "u", "d"), 0);
    assert_int_equal(line_for(config, "unix", "", "u", "a"), 0);
    config_free(config);
}

TEST(hba_addresses_are_networks_masks_and_words)
{
    struct config *config = hba_of("host a all 10.1.2.3 255.255.255.255 md5\n"
                                   "host a all 10.2.0.0 255.255.0.0 md5\n"
                                   "host a all 10.3.3.3/31 md5\n"
                                   "host a all fe80::/10 md5\n"
                                   "host a all ::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff md5\n"
                                   "host b all samehost md5\n"
                                   "host b all samenet md5\n"
                                   "host c all 0.0.0.0/0 md5\n",
                                   "", no_files);

    assert_int_equal(line_for(config, "tcp", "10.1.2.3", "u", "a"), 1);
    assert_int_equal(line_for(config, "tcp", "10.1.2.4", "u", "a"), 0);
    assert_int_equal(line_for(config, "tcp", "10.2.9.9", "u", "a"), 2);
    assert_int_equal(line_for(config, "tcp", "10.3.3.2", "u", "a"), 3);
    assert_int_equal(line_for(config, "tcp", "10.3.3.4", "u", "a"), 0);
    assert_int_equal(line_for(config, "tcp", "febf::1", "u", "a"), 4);
    assert_int_equal(line_for(config, "tcp", "fec0::1", "u", "a"), 0);
    assert_int_equal(line_for(config, "tcp", "::1", "u", "a"), 5);
    assert_int_equal(line_for(config, "tcp", "192.168.7.9", "u", "b"), 6);
    assert_int_equal(line_for(config, "tcp", "192.168.7.8", "u", "b"), 7);
    assert_int_equal(line_for(config, "tcp", "192.168.8.8", "u", "b"), 0);
    assert_int_equal(line_for(config, "tcp", "255.255.255.255", "u", "c"), 8);
    assert_int_equal(line_for(config, "tcp", "::1", "u", "c"), 0);
    assert_true(config_hba_asks_interfaces(config->hba));
    config_free(config);
}

TEST(hba_names_are_keywords_expressions_and_files)
{
    static const struct helper_file files[] = {
        {"/etc/weir/users", "u1, u2 # two\n\"u 3\"\n@more\n"},
        {"/etc/weir/more", "u4"},
        {NULL, NULL}};
    struct config *config = hba_of("local sameuser all md5\n"
                                   "local replication all md5\n"
                                   "local a @users md5\n"
                                   "local /^shop_[0-9]+$ /^app,\"/^x\" md5\n"
                                   "local \"sameuser\",\"we\"\"ird\" all md5\n"
                                   "local d\\\n all \\\nmd5\n"
                                   "local z all md5",
                                   "", files);

    assert_int_equal(line_for(config, "unix", "", "u", "u"), 1);
    assert_int_equal(line_for(config, "rep", "1.2.3.4", "u", "u"), 0);
    assert_int_equal(line_for(config, "unix", "", "u2", "a"), 3);
    assert_int_equal(line_for(config, "unix", "", "u 3", "a"), 3);
    assert_int_equal(line_for(config, "unix", "", "u4", "a"), 3);
    assert_int_equal(line_for(config, "unix", "", "u5", "a"), 0);
    assert_int_equal(line_for(config, "unix", "", "apple", "shop_17"), 4);
    assert_int_equal(line_for(config, "unix", "", "/^x", "shop_17"), 4);
    assert_int_equal(line_for(config, "unix", "", "x", "shop_17"), 0);
    assert_int_equal(line_for(config, "unix", "", "app", "shop_"), 0);
    assert_int_equal(line_for(config, "unix", "", "u", "sameuser"), 5);
    assert_int_equal(line_for(config, "unix", "", "u", "we\"ird"), 5);
    assert_int_equal(line_for(config, "unix", "", "u", "d"), 6);
    assert_int_equal(line_for(config, "unix", "", "u", "z"), 9);
    config_free(config);
}

TEST(hba_replication_is_not_part_of_all)
{
    struct config *config =
        hba_of("host all all all md5\nhost replication r all trust\n", "", no_files);

    assert_int_equal(line_for(config, "rep", "1.2.3.4", "r", "shop"), 2);
    assert_int_equal(line_for(config, "rep", "1.2.3.4", "other", "shop"), 0);
    assert_int_equal(line_for(config, "tcp", "1.2.3.4", "r", "replication"), 1);
    config_free(config);
}

TEST(hba_methods_and_options)
{
    struct config *config = hba_of("local all all peer map=m\n"
                                   "hostssl a all all cert clientname=DN map=\"two words\"\n"
                                   "hostssl b all all scram-sha-256 clientcert=verify-full map=m\n"
                                   "hostssl c all all md5 clientcert=verify-ca\n"
                                   "host d all all password\n"
                                   "local e all ident\n",
                                   "", no_files);
    const struct config_hba_rule *rule = config_hba_rule_at(config->hba, 0);

    assert_int_equal(rule->method, CONFIG_AUTH_TYPE_PEER);
    assert_string_equal(rule->map, "m");
    rule = config_hba_rule_at(config->hba, 1);
    assert_true(rule->uses_dn);
    assert_string_equal(rule->map, "two words");
    rule = config_hba_rule_at(config->hba, 2);
    assert_int_equal(rule->clientcert, CONFIG_HBA_CERT_VERIFY_FULL);
    rule = config_hba_rule_at(config->hba, 3);
    assert_int_equal(rule->clientcert, CONFIG_HBA_CERT_VERIFY_CA);
    assert_int_equal(config_hba_rule_at(config->hba, 4)->method, CONFIG_AUTH_TYPE_PLAIN);
    assert_int_equal(config_hba_rule_at(config->hba, 5)->method, CONFIG_AUTH_TYPE_PEER);
    config_free(config);
}

TEST(hba_include_stands_for_its_lines)
{
    static const struct helper_file files[] = {
        {"/etc/weir/sub/more", "local b all md5\ninclude \"third\"\n"},
        {"/etc/weir/sub/third", "local c all md5\n"},
        {NULL, NULL}};
    struct config *config = hba_of("local a all md5\ninclude sub/more\n"
                                   "include_if_exists nowhere\nlocal d all md5\n",
                                   "", files);

    assert_string_equal(ask(config, "unix", "", "u", "c")->file, "/etc/weir/sub/third");
    assert_int_equal(line_for(config, "unix", "", "u", "b"), 1);
    assert_int_equal(line_for(config, "unix", "", "u", "d"), 4);
    config_free(config);
}

TEST(hba_every_wrong_line_gets_one_error)
{
    static const struct helper_file files[] = {
        {"/etc/weir/circle", "include circle\n"}, {"/etc/weir/names", "a @names\n"}, {NULL, NULL}};
    static const struct {
        const char *line, *part;
    } wrong[] = {
        {"remote all all trust", "type of line"},
        {"local all", "ends early"},
        {"local all all", "method is expected"},
        {"host all all trust", "the line ends where its method"},
        {"host all all 10.0.0.0 trust", "needs /length"},
        {"host all all 10.0.0.0/33 trust", "/0 to /32"},
        {"host all all ::/129 trust", "/0 to /128"},
        {"host all all 10.0.0.0/ trust", "/0 to /32"},
        {"host all all 10.0.0.0 ffff:: trust", "needs /length"},
        {"host all all db.example.com reject", "host names are not served"},
        {"host all all .example.com reject", "host names are not served"},
        {"host all all 10.0.0.256 trust", "is not an address"},
        {"host all all md5", "method"},
        {"host all all 10.0.0.0/8,11.0.0.0/8 trust", "one word"},
        {"local all +admins reject", "member"},
        {"local samerole all reject", "a reject line cannot be left out"},
        {"local samegroup all magic", "not a method"},
        {"local all \"open trust", "double quote"},
        {"local all all magic", "not a method"},
        {"local all all trust,md5", "one word"},
        {"local all all md5 map=m", "map works with"},
        {"local all all peer krb_realm=x", "does not belong"},
        {"local all all peer word", "name=value"},
        {"host all all all peer", "Unix sockets only"},
        {"host all all all ident", "Unix sockets only"},
        {"host all all all cert", "TLS only"},
        {"host all all all md5 clientcert=verify-ca", "hostssl"},
        {"hostssl all all all md5 clientcert=1", "verify-full or verify-ca"},
        {"hostssl all all all cert clientname=XN", "CN or DN"},
        {"local /( all trust", "regular expression"},
        {"local @none all trust", "cannot be read"},
        {"local @names all trust", "circle"},
        {"include circle", "circle"},
        {"include", "one file"},
        {"include_dir conf", "names one file"},
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct config_errors errors = {0};
        struct config *config = NULL;
        char text[200];
        int status;

        snprintf(text, sizeof(text), "local all all trust\n%s\nlocal all all trust\n",
                 wrong[i].line);
        status = read_hba(text, "", files, &config, &errors);
        if (status != BASE_ECONFIG || errors.error_count != 1 ||
            strstr(errors.errors[0].text, wrong[i].part) == NULL) {
            print_message("wanted one error with \"%s\" for: %s\n", wrong[i].part, wrong[i].line);
            helper_print(&errors);
        }
        assert_int_equal(status, BASE_ECONFIG);
        assert_int_equal(errors.error_count, 1);
        assert_non_null(strstr(errors.errors[0].text, wrong[i].part));
        assert_true(errors.errors[0].line == 2 ||
                    strcmp(errors.errors[0].file, "/etc/weir/hba") != 0);
        config_errors_done(&errors);
    }
}

static bool allows(const struct config *config, const char *map, const char *system,
                   const char *user)
{
    return config_ident_allows(config->hba, map, base_slice_text(system), base_slice_text(user));
}

/* Nobody gets in by such a line, nor by a later one that asks for less whom it may mean. `first` is
 * followed by `second`; of a TLS connection the line that decides is `decides`. */
TEST(hba_a_line_that_is_not_served_opens_no_door)
{
    static const char scram[] = "host all all all scram-sha-256";
    static const char cert[] = "hostssl all all all cert";
    static const struct {
        const char *first, *second;
        unsigned decides;
        bool is_told; /* the second line is named with the first */
    } cases[] = {
        /* whom it may fit: as much is asked for, or more */
        {"host all +admins all md5", scram, 3, false},
        {"host samerole all all scram-sha-256", scram, 3, false},
        {"host all all db.example.com trust", scram, 3, false},
        {"host all all .example.com password", scram, 3, false},
        {"host all +admins all trust", "host all all all trust", 3, false},
        {"hostssl all +a all cert", cert, 3, false},
        {"hostssl all +a all md5 clientcert=verify-ca",
         "hostssl all all all scram-sha-256 clientcert=verify-full", 3, false},
        {"host all +a all pam pamservice=x", "host all all all pam pamservice=x", 3, false},
        {"host all +a all ldap ldapserver=h ldapprefix=a",
         "host all all all ldap ldapprefix=a ldapserver=h", 3, false},
        {"host all +admins all md5", "host all all all reject", 3, false},
        /* less, or something else */
        {"hostssl all +admins all scram-sha-256 clientcert=verify-full", scram, 2, true},
        {"hostssl all +admins all md5 clientcert=verify-ca", scram, 2, true},
        {"hostssl all all localhost cert", scram, 2, true},
        {"host samegroup all all scram-sha-256", "host all all all md5", 2, true},
        {"host all +a all md5", "host all all all trust", 2, true},
        {"host all +a all md5", cert, 2, true},
        {"hostssl all +a all cert map=m", cert, 2, true},
        {"hostssl all +a all cert clientname=DN", cert, 2, true},
        {"host all +a all pam pamservice=x", "host all all all pam", 2, true},
        {"host all +a all ldap ldapserver=h ldapprefix=a",
         "host all all all ldap ldapserver=h ldapprefix=b", 2, true},
        {"hostssl all +a db.example.com radius", scram, 2, true},
        /* whom it fits */
        {"host all all all gss include_realm=1", scram, 2, true},
        {"host all app 10.0.0.0/8 bsd", "host all all all reject", 2, false},
        /* whom it does not */
        {"host all app 11.0.0.0/8 gss", scram, 3, true},
        {"hostssl all +a 11.0.0.0/8 cert", scram, 3, true},
        {"host other +admins all sspi", scram, 3, true},
        {"hostnossl all +admins all sspi", "hostssl all all all md5", 3, false},
        {"local all +admins md5", "host all all all trust", 3, false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config_errors errors = {0};
        struct config *config = NULL;
        char text[300];

        snprintf(text, sizeof(text), "local all all trust\n%s\n%s\n", cases[i].first,
                 cases[i].second);
        if (read_hba(text, "", no_files, &config, &errors) != BASE_OK)
            helper_print(&errors);
        assert_non_null(config);
        assert_true(helper_has(errors.advice, errors.advice_count, "The line lets nobody in"));
        if (line_for(config, "tls", "10.1.2.3", "app", "shop") != cases[i].decides ||
            helper_has(errors.advice, errors.advice_count, "hba:2 is not served") !=
                cases[i].is_told)
            fail_msg("%s, then %s", cases[i].first, cases[i].second);
        assert_int_equal(ask(config, "tls", "10.1.2.3", "app", "shop")->unserved != NULL,
                         cases[i].decides == 2);
        config_errors_done(&errors);
        config_free(config);
    }
}

/* A line names people beside a role: it is theirs, and for the others as if it named the role
 * alone. */
TEST(hba_a_line_of_names_and_roles_lets_in_the_names)
{
    struct config_errors errors = {0};
    struct config *config = NULL;

    assert_int_equal(read_hba("hostssl shop,samerole app,+admins all cert\n"
                              "host all all all scram-sha-256\n",
                              "", no_files, &config, &errors),
                     BASE_OK);
    assert_true(helper_has(errors.advice, errors.advice_count, "Who is named besides is let in"));
    assert_int_equal(line_for(config, "tls", "10.1.2.3", "app", "shop"), 1);
    assert_null(ask(config, "tls", "10.1.2.3", "app", "shop")->unserved);
    assert_int_equal(line_for(config, "tls", "10.1.2.3", "bob", "shop"), 1);
    assert_non_null(ask(config, "tls", "10.1.2.3", "bob", "shop")->unserved);
    assert_non_null(ask(config, "tls", "10.1.2.3", "app", "other")->unserved);
    assert_int_equal(line_for(config, "tcp", "10.1.2.3", "bob", "shop"), 2);
    config_errors_done(&errors);
    config_free(config);
}

/* What is asked for there means nothing, and no advice is given about it. */
TEST(hba_a_line_without_a_method_is_not_taken_for_one_of_trust)
{
    struct config_errors errors = {0};
    struct config *config = NULL;

    assert_int_equal(read_hba("host all all 0.0.0.0/0 gss\n", "", no_files, &config, &errors),
                     BASE_OK);
    assert_false(helper_has(errors.advice, errors.advice_count, "trust lets in"));
    config_errors_done(&errors);
    config_free(config);
}

/* The expression needs more steps than a match may have. */
TEST(an_expression_that_cannot_be_decided_opens_nothing)
{
    struct config *config = hba_of("local all /^(a+|b)+[cd]$ md5\n"
                                   "local all all trust\n",
                                   "", no_files);
    char name[61];

    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(line_for(config, "unix", "", name, "shop"), 0);
    assert_int_equal(line_for(config, "unix", "", "aac", "shop"), 1);
    assert_int_equal(line_for(config, "unix", "", "bob", "shop"), 2);
    config_free(config);
}

TEST(ident_maps_say_who_may_be_whom)
{
    struct config *config = hba_of("local all all peer map=m\n",
                                   "# map system database\n"
                                   "m root postgres\n"
                                   "m root app\n"
                                   "m /^(.*)@example\\.com$ \\1\n"
                                   "m /^(.*)@guests$ guest_\\1_x\n"
                                   "m \"/literal\" lit\n"
                                   "m ops all\n"
                                   "m ops2 \"all\"\n"
                                   "m dev /^dev_\n"
                                   "m /^(x)?carl$ \\1\n"
                                   "m carl late\n"
                                   "m /^x*(.*?)@u \\1\n"
                                   "m carl@u@u late\n"
                                   "other root admin\n",
                                   no_files);

    assert_true(allows(config, "", "root", "root"));
    assert_false(allows(config, "", "root", "app"));
    assert_false(allows(config, "", "", ""));
    assert_true(allows(config, "m", "root", "app"));
    assert_true(allows(config, "m", "root", "postgres"));
    assert_false(allows(config, "m", "root", "root"));
    assert_false(allows(config, "m", "root", "admin"));
    assert_true(allows(config, "other", "root", "admin"));
    assert_false(allows(config, "none", "root", "root"));
    assert_true(allows(config, "m", "anna@example.com", "anna"));
    assert_false(allows(config, "m", "anna@example.com", "anna@example.com"));
    assert_false(allows(config, "m", "anna@example_com", "anna"));
    assert_false(allows(config, "m", "anna@example.com", "annabel"));
    assert_true(allows(config, "m", "bob@guests", "guest_bob_x"));
    assert_false(allows(config, "m", "bob@guests", "guest_bob"));
    assert_false(allows(config, "m", "bob@guests", "guest_"));
    assert_true(allows(config, "m", "/literal", "lit"));
    assert_true(allows(config, "m", "ops", "whoever"));
    assert_true(allows(config, "m", "ops2", "all"));
    assert_false(allows(config, "m", "ops2", "whoever"));
    assert_true(allows(config, "m", "dev", "dev_7"));
    assert_false(allows(config, "m", "dev", "app"));
    /* \1 has nothing to stand for: the map ends, and no later line decides. */
    assert_false(allows(config, "m", "carl", "late"));
    assert_false(allows(config, "m", "carl@u@u", "late"));
    config_free(config);
}

TEST(ident_lines_that_cannot_work_are_errors)
{
    static const char *const wrong[] = {"m root",     "m root a b", "m /( x",
                                        "m root \\1", "m /x \\1",   "m /(x) \\1\\1",
                                        "m root +g",  "m root,a x", "m /(x) /\\1"};

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct config_errors errors = {0};
        struct config *config = NULL;

        assert_int_equal(read_hba("local all all trust\n", wrong[i], no_files, &config, &errors),
                         BASE_ECONFIG);
        assert_int_equal(errors.error_count, 1);
        assert_string_equal(errors.errors[0].file, "/etc/weir/ident");
        assert_int_equal(errors.errors[0].line, 1);
        config_errors_done(&errors);
    }
}

TEST(hba_is_shared_with_what_set_makes_and_outlives_its_snapshot)
{
    struct config_errors errors = {0};
    struct config *config = hba_of("local all all trust\n", "", no_files), *changed = NULL;
    struct config_hba *kept = config_hba_share(config->hba);

    assert_int_equal(config_with_option(config, base_slice_text("verbose"), base_slice_text("2"),
                                        &changed, &errors),
                     BASE_OK);
    assert_ptr_equal(changed->hba, kept);
    config_free(config);
    assert_int_equal(line_for(changed, "unix", "", "u", "d"), 1);
    config_free(changed);
    assert_int_equal(config_hba_count(kept), 1);
    config_hba_drop(kept);
    config_errors_done(&errors);
}

TEST(hba_open_doors_are_pointed_out)
{
    static const char to_all[] = "[databases]\na = host=h\n[pgbouncer]\nlisten_addr = *\n"
                                 "auth_type = hba\nauth_hba_file = hba\nadmin_users = a\n";
    static const struct {
        const char *line, *part;
    } wanted[] = {{"host all all 0.0.0.0/0 trust", "without a password"},
                  {"host all all all trust", "without a password"},
                  {"host all all ::/0 password", "readable on the way"},
                  {"hostssl all all all password", ""},
                  {"host all all 10.0.0.0/8 trust", ""},
                  {"host all all all reject", ""},
                  {"host all all all scram-sha-256", ""},
                  {"local all all trust", ""}};

    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        struct config_errors errors = {0};
        struct config *config = NULL;
        uint32_t found = 0;

        assert_int_equal(helper_read_hba(to_all, no_files, wanted[i].line, "", &config, &errors),
                         BASE_OK);
        for (uint32_t k = 0; k < errors.advice_count; k++) {
            if (strcmp(errors.advice[k].file, "/etc/weir/hba") == 0) {
                found++;
                assert_int_equal(errors.advice[k].line, 1);
                assert_non_null(strstr(errors.advice[k].text, wanted[i].part));
            }
        }
        assert_int_equal(found, wanted[i].part[0] != 0);
        config_errors_done(&errors);
        config_free(config);
    }
}

static void count_change(void *context, const struct config_change *change)
{
    assert_string_equal(change->name, "auth_hba_file");
    ++*(int *)context;
}

TEST(hba_a_changed_text_is_a_change)
{
    static const struct helper_file first[] = {{"/etc/weir/u", "a"}, {NULL, NULL}},
                                    second[] = {{"/etc/weir/u", "b"}, {NULL, NULL}};
    struct config *one = hba_of("local all @u trust\n", "m a b\n", first);
    struct config *same = hba_of("local all @u trust\n", "m a b\n", first);
    struct config *other = hba_of("local all @u trust\n", "m a b\n", second);
    struct config *map = hba_of("local all @u trust\n", "m a c\n", first);
    int count = 0;

    config_difference(one, same, count_change, &count);
    assert_int_equal(count, 0);
    config_difference(one, other, count_change, &count);
    config_difference(one, map, count_change, &count);
    assert_int_equal(count, 2);
    config_free(one);
    config_free(same);
    config_free(other);
    config_free(map);
}

TEST(hba_needs_its_file_and_certificates_their_authority)
{
    struct config_errors errors = {0};
    struct config *config = NULL;

    helper_refuses("[pgbouncer]\nlisten_addr = 127.0.0.1\nauth_type = hba\n", 3,
                   "needs auth_hba_file");
    helper_refuses("[pgbouncer]\nlisten_addr = 127.0.0.1\nauth_type = cert\n", 3,
                   "client_tls_ca_file");
    assert_int_equal(helper_read_hba("[pgbouncer]\nlisten_addr = 127.0.0.1\nauth_type = hba\n"
                                     "auth_hba_file = hba\n",
                                     no_files, "local all all trust\nhostssl all all all cert\n",
                                     "", &config, &errors),
                     BASE_ECONFIG);
    assert_int_equal(errors.error_count, 1);
    assert_int_equal(errors.errors[0].line, 2);
    config_errors_done(&errors);
}
