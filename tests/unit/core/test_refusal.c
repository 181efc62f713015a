/* test_refusal.c - refused logins are understood, byte for byte as poolers and PostgreSQL send
 * them. */
#include "test.h"

#include "core/core_refusal.h"

static void expect(const char *sqlstate, const char *text, enum core_failure failure,
                   enum core_scope_kind scope)
{
    struct core_refusal refusal = core_refusal_of(base_slice_text(sqlstate), base_slice_text(text));
    assert_int_equal(refusal.failure, failure);
    if (failure == CORE_FAILURE_FULL) {
        assert_int_equal(refusal.scope, scope);
        assert_int_equal(refusal.status, BASE_EUPSTREAMFULL);
    }
}

TEST(postgresql_says_whose_limit_is_reached)
{
    expect("53300", "sorry, too many clients already", CORE_FAILURE_FULL, CORE_SCOPE_UPSTREAM);
    expect("53300",
           "remaining connection slots are reserved for non-replication superuser connections",
           CORE_FAILURE_FULL, CORE_SCOPE_UPSTREAM);
    /* since PostgreSQL 16 */
    expect("53300",
           "remaining connection slots are reserved for roles with the SUPERUSER attribute",
           CORE_FAILURE_FULL, CORE_SCOPE_UPSTREAM);
    expect("53300",
           "remaining connection slots are reserved for roles with privileges of the "
           "\"pg_use_reserved_connections\" role",
           CORE_FAILURE_FULL, CORE_SCOPE_UPSTREAM);
    expect("53300", "too many connections for role \"app\"", CORE_FAILURE_FULL, CORE_SCOPE_USER);
    expect("53300", "too many connections for database \"shop\"", CORE_FAILURE_FULL,
           CORE_SCOPE_DATABASE);
    expect("53300", "number of requested standby connections exceeds max_wal_senders (currently 4)",
           CORE_FAILURE_FULL, CORE_SCOPE_POOL);
}

TEST(poolers_that_are_full_are_recognised_by_their_text)
{
    expect("XX000",
           "(EMAXCONNSESSION) max clients reached in session mode - max clients are limited to "
           "pool_size: 15",
           CORE_FAILURE_FULL, CORE_SCOPE_POOL);
    expect("XX000",
           "MaxClientsInSessionMode: max clients reached - in Session mode max clients are limited "
           "to pool_size",
           CORE_FAILURE_FULL, CORE_SCOPE_POOL);
    expect("XX000", "(EMAXCONN) max client connections reached, limit: 200", CORE_FAILURE_FULL,
           CORE_SCOPE_UPSTREAM);
    expect(
        "XX000",
        "(ECHECKOUTTIMEOUT) unable to check out connection from the pool after 60000ms in Session "
        "mode",
        CORE_FAILURE_FULL, CORE_SCOPE_POOL);
    expect("08P01", "no more connections allowed (max_client_conn)", CORE_FAILURE_FULL,
           CORE_SCOPE_UPSTREAM);
}

TEST(a_server_that_starts_or_stops_is_an_outage)
{
    expect("57P03", "the database system is starting up", CORE_FAILURE_STARTING, 0);
    expect("57P01", "terminating connection due to administrator command", CORE_FAILURE_REFUSED, 0);
    expect("08P01", "server login has been failing, try again later (server_login_retry)",
           CORE_FAILURE_REFUSED, 0);
}

TEST(what_trying_again_does_not_mend_is_a_refused_login)
{
    expect("28P01", "password authentication failed for user \"app\"", CORE_FAILURE_AUTH, 0);
    expect("28000", "no pg_hba.conf entry for host", CORE_FAILURE_AUTH, 0);
    expect("3D000", "database \"nope\" does not exist", CORE_FAILURE_AUTH, 0);
    expect("", "", CORE_FAILURE_AUTH, 0);
}
