"""Whether a daemon's books balance."""
from .wait import until

SERVER_STATES = ("sv_active", "sv_idle", "sv_used", "sv_tested", "sv_login")


def servers(row):
    """All servers of a SHOW POOLS row."""
    return sum(int(row[state]) for state in SERVER_STATES)


def pools_add_up(weir, limit=5, user="app", database="app", query=True):
    """After a test's storm: every pool is at rest (nobody waits, nothing is lent, the limit holds,
    SHOW POOLS and SHOW SERVERS agree, PostgreSQL has no more backends than that) and the next query
    works."""
    def at_rest():
        row = weir.pool(user, database)
        if row is None:
            return True
        assert servers(row) <= limit, f"{servers(row)} servers, limit {limit}: {dict(row)}"
        return int(row["sv_active"]) == 0 and int(row["cl_waiting"]) == 0 and row

    until(at_rest, 15, "the pool comes to rest (sv_active = 0, cl_waiting = 0)")

    def lists_agree():
        row = weir.pool(user, database)
        listed = [s for s in weir.console("SHOW SERVERS")
                  if (s["user"], s["database"]) == (user, database)]
        return row is None or len(listed) == servers(row)

    until(lists_agree, 10, "SHOW SERVERS lists what SHOW POOLS counts")
    if query:
        assert weir.sql("SELECT 40 + 2", user=user, dbname=database) == [(42,)]
