/* test_check.c - src/config/check.c: what must fit together, and advice. */
#include "helper.h"

static void advises(const char *text, const char *auth, const char *part, bool wanted)
{
    struct config_errors errors = {0};
    struct config *config = NULL;
    int status = helper_read(text, NULL, auth, &config, &errors);

    if (status != BASE_OK || helper_has(errors.advice, errors.advice_count, part) != wanted)
        helper_print(&errors);
    assert_int_equal(status, BASE_OK);
    assert_int_equal(helper_has(errors.advice, errors.advice_count, part), wanted);
    config_errors_done(&errors);
    config_free(config);
}

TEST(settings_that_do_not_fit_are_errors)
{
    helper_refuses("[weir]\nlisten_addr =\nunix_socket_dir =\n", 2, "nothing to listen on");
    helper_refuses("[weir]\nhttp_listen = 9127\n", 2, "use address:port");
    helper_refuses("[weir]\nhttp_listen = ::1:9127\n", 2, "use address:port");
    helper_refuses("[weir]\nhttp_listen = 127.0.0.1:99999\n", 2, "use address:port");
    helper_refuses("[weir]\nclient_tls_sslmode = require\n", 2, "needs client_tls_key_file");
    helper_refuses("[weir]\nclient_tls_sslmode = verify-ca\nclient_tls_key_file = /k\n"
                   "client_tls_cert_file = /c\n",
                   2, "needs client_tls_ca_file");
    helper_refuses("[weir]\nserver_tls_sslmode = verify-full\n", 2, "needs server_tls_ca_file");
    helper_refuses("[weir]\nserver_tls_key_file = /k\n", 2, "belong together");
    helper_refuses("[weir]\nserver_tls_protocols = tlsv1.4\n", 2, "\"tlsv1.4\" is none of");
    helper_refuses("[weir]\nclient_tls_protocols = ,\n", 2, "is empty");
    helper_refuses("[weir]\nauth_type = any\n[databases]\na = user=x\nb = host=h\n", 5,
                   "needs user= on the line of database b");
    config_free(helper_config("[weir]\nhttp_listen = [::1]:0\nserver_tls_protocols = "
                              "TLSv1.2, tlsv1.3\n"));
}

TEST(open_doors_are_advised)
{
    advises("[weir]\nlisten_addr = *\nauth_type = trust\n", NULL, "lets in without a password",
            true);
    advises("[weir]\nlisten_addr = 127.0.0.1, 10.0.0.1\nauth_type = any\n", NULL,
            "lets in without a password", true);
    advises("[weir]\nlisten_addr = 127.0.0.1,localhost,::1\nauth_type = trust\n", NULL,
            "lets in without a password", false);
    advises("[weir]\nlisten_addr = *\nauth_type = plain\n", NULL, "readable over the network",
            true);
}

TEST(users_that_cannot_log_in_are_advised)
{
    advises("", NULL, "nobody can log in", true);
    advises("", "\"a\" \"b\"", "nobody can log in", false);
    advises("", "\"a\" \"b\"", "admin_users is empty", true);
    advises("[weir]\nadmin_users = a, b\n", "\"a\" \"x\"", "admin_users names b", true);
    advises("[weir]\nadmin_users = a, b\n", "\"a\" \"x\"", "admin_users names a", false);
    advises("[weir]\nauth_type = scram-sha-256\n", "\"a\" \"md545f2603610af569b6155c45067268c6b\"",
            "1 of the users have an md5", true);
}

TEST(sums_of_pools_are_advised)
{
    advises("[databases]\na = host=127.0.0.1\nb = host=127.0.0.1\nc = host=127.0.0.1\n"
            "d = host=127.0.0.2\n",
            NULL,
            "default_pool_size 20 × 3 databases = up to 60 servers per user on "
            "127.0.0.1:5432",
            true);
    advises("[databases]\na = host=h user=u pool_size=5\nb = host=h user=u reserve_pool=2\n"
            "c = host=h port=1\n",
            NULL, "the pools of 2 databases = up to 27 servers on h:5432", true);
    advises("[databases]\na = host=h\nb = host=h max_db_connections=3\n[weir]\n"
            "max_upstream_connections = 10\n",
            NULL,
            "up to 23 servers per user on h:5432, of which max_upstream_connections allows "
            "10",
            true);
    advises("[databases]\na = host=h\n", NULL, "servers", false);
    advises("[databases]\na = host=h pool_size=3 min_pool_size=4\n", NULL,
            "min_pool_size 4 of database a is more than its pool_size 3", true);
    advises("[weir]\nreserve_pool_size = 3\nreserve_pool_timeout = 0\n", NULL,
            "turns the reserve_pool_size off", true);
    advises("", NULL, "clients can reach the console only", true);
}
