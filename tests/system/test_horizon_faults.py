"""horizon serve while the database is gone, stuck, full or killing: right answers or clear refusals,
and recovery by itself."""
import concurrent.futures
import contextlib
import json
import os
import re
import signal
import threading
import time

import pytest
from harness.horizon import PASSWORD
from harness.openmetrics import Metrics
from harness.pg import VERSION
from harness.service import sign
from harness.wait import until

MANAGER = "/api/portfolio-manager"
PANELS = ["watch", "summary", "report", "market", "charts/portfolio"]
PAGES = 40
PAGES_AT_ONCE = 20


@pytest.fixture
def fragile(service_factory, fragile_databases):
    """A service over a PostgreSQL that a test may stop; it runs again afterwards."""
    service = service_factory(fragile_databases)
    service.ann = service.add_user("ann")
    yield service
    if not service.pg.is_running():
        service.pg.start()


@contextlib.contextmanager
def transaction(service, statement, values=None):
    """Holds what a statement has locked."""
    connection = service.pg.connect(service.database)
    connection.autocommit = False
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
        yield
    finally:
        connection.rollback()
        connection.close()


def locked(service, table):
    """Holds a table so that nobody reads it."""
    return transaction(service, f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")


def held(service, user):
    """Holds a user so that nobody changes what is theirs."""
    return transaction(service, "SELECT FROM users WHERE user_id = %s FOR NO KEY UPDATE", (user,))


def waiting_for_locks(service):
    return service.sql("SELECT count(*) AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                       " AND datname = %s", (service.database,))[0]["n"]


@contextlib.contextmanager
def busy(service, token):
    """Threads for requests, and the first of these, which holds a connection and a worker meanwhile."""
    with concurrent.futures.ThreadPoolExecutor() as threads:
        with locked(service, "snapshots"):
            first = threads.submit(service.get, f"{MANAGER}/summary", token)
            until(lambda: waiting_for_locks(service) == 1, 10, "a connection is in use")
            yield threads, first


class Load:
    """Clients that ask for panels over and over until the load ends, and what they were told."""

    def __init__(self, service, token, clients=8):
        self.service = service
        self.token = token
        self.answers = {}
        self.broken = []
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(i,)) for i in range(clients)]

    def _run(self, i):
        client = self.service.client()
        while not self._end.is_set():
            try:
                answer = self.service.get(f"{MANAGER}/{PANELS[i % 5]}", self.token, client=client)
                key = answer.status if answer.status == 200 else (answer.status, answer.code)
            except Exception as error:  # collected: no client may see a broken connection
                client.close()
                client = self.service.client()
                key = repr(error)
            with self._lock:
                self.answers[key] = self.answers.get(key, 0) + 1
        client.close()

    def count(self, key):
        with self._lock:
            return self.answers.get(key, 0)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        for thread in self._threads:
            thread.join()


def test_service_starts_without_database_logs_in_and_recovers(fragile):
    fragile.pg.stop("fast")
    fragile.start(HORIZON_POOL_TIMEOUT_MS=300)
    assert fragile.get("/healthz").status == 200
    ready = fragile.get("/readyz")
    assert (ready.status, ready.code) == (503, "database_down")
    token = fragile.login("ann")
    answer = fragile.get(f"{MANAGER}/summary", token)
    assert (answer.status, answer.code) == (503, "database_down")
    assert int(answer.headers["retry-after"]) == answer.json["error"]["retry_after"] > 0
    fragile.pg.start()
    until(lambda: fragile.get(f"{MANAGER}/summary", token).status == 200, 20, "panels are back")
    until(lambda: fragile.get("/readyz").status == 200, 20, "the service is ready")


@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_database_that_is_restarted_under_load_costs_refusals_but_no_wrong_answers(fragile, how):
    fragile.start(HORIZON_POOL_TIMEOUT_MS=300)
    token = fragile.login("ann")
    with Load(fragile, token) as load:
        until(lambda: load.count(200) > 20, 20, "the load runs")
        fragile.pg.stop(how)
        until(lambda: load.count((503, "database_down")) > 8, 20, "clients are told")
        assert fragile.login("ann")
        fragile.pg.start()
        before = load.count(200)
        until(lambda: load.count(200) > before + 20, 30, "answers come again")
    assert set(load.answers) == {200, (503, "database_down")}, load.answers


def test_sessions_that_are_killed_under_load_cost_nothing_but_a_retry(fragile):
    fragile.start()
    token = fragile.login("ann")
    with Load(fragile, token) as load:
        until(lambda: load.count(200) > 20, 20, "the load runs")
        for _ in range(5):
            fragile.pg.terminate("app")
            before = load.count(200)
            until(lambda: load.count(200) > before + 20, 20, "answers go on")
    assert set(load.answers) <= {200, (503, "database_down")}, load.answers
    assert load.count((503, "database_down")) * 20 < load.count(200), load.answers


def test_first_request_is_served_once_the_sentinel_has_seen_the_database_again(fragile):
    fragile.start(HORIZON_POOL_TIMEOUT_MS=400)
    token = fragile.login("ann")
    assert fragile.get(f"{MANAGER}/summary", token).status == 200

    def fail_once_more():
        assert fragile.get(f"{MANAGER}/summary", token).status == 503
        return fragile.get("/api/operations", token).json["pool"]["connect_failures"]

    fragile.pg.stop("fast")
    until(lambda: fail_once_more() >= 7, 30, "the pool tries seldom")  # spans up to 3 s by now
    fragile.pg.start()
    until(lambda: fragile.get("/readyz").status == 200, 20, "the sentinel is up")
    assert fragile.get(f"{MANAGER}/summary", token).status == 200


def test_lock_on_a_table_ends_in_504_and_cancels_the_statement(fragile):
    fragile.start(HORIZON_QUERY_TIMEOUT_MS=300)
    token = fragile.login("ann")
    with locked(fragile, "snapshots"):
        answer = fragile.get(f"{MANAGER}/summary", token)
        assert (answer.status, answer.code) == (504, "query_timeout")
        change = fragile.ask("POST", f"{MANAGER}/activities",
                             {"date": "2018-05-11", "kind": "DEPOSIT", "amount": 1}, token)
        assert (change.status, change.code) == (504, "query_timeout")
        assert fragile.get("/api/me", token).status == 200
        until(lambda: waiting_for_locks(fragile) == 0, 10, "the statements are cancelled")
    assert fragile.get(f"{MANAGER}/summary", token).status == 200
    assert fragile.get(f"{MANAGER}/activities", token).json["items"] == []


@contextlib.contextmanager
def stopped(pids):
    """Processes that do not run meanwhile."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_server_that_hangs_ends_in_504(fragile):
    fragile.start(HORIZON_QUERY_TIMEOUT_MS=300, HORIZON_POOL_PRE_PING=0)
    token = fragile.login("ann")
    assert fragile.get(f"{MANAGER}/summary", token).status == 200
    with stopped(fragile.pg.backends("app")):
        answer = fragile.get(f"{MANAGER}/summary", token)
        assert (answer.status, answer.code) == (504, "query_timeout")
    until(lambda: fragile.get(f"{MANAGER}/summary", token).status == 200, 10, "the service goes on")


def test_server_that_hangs_in_the_middle_of_a_change_ends_in_504(fragile):
    fragile.start(HORIZON_QUERY_TIMEOUT_MS=2000)
    token = fragile.login("ann")
    assert fragile.get("/api/me", token).status == 200
    deposit = {"date": "2018-05-11", "kind": "DEPOSIT", "amount": 1}
    with concurrent.futures.ThreadPoolExecutor() as threads, contextlib.ExitStack() as stack:
        with locked(fragile, "users"):
            change = threads.submit(fragile.ask, "POST", f"{MANAGER}/activities", deposit, token)
            until(lambda: waiting_for_locks(fragile) == 1, 10, "the change waits for its user")
            stack.enter_context(stopped(fragile.pg.backends("app")))
        answer = change.result()
        assert (answer.status, answer.code) == (504, "query_timeout")
    until(lambda: fragile.get("/api/me", token).status == 200, 10, "the service goes on")
    assert fragile.get(f"{MANAGER}/activities", token).json["items"] == []


def test_pool_that_is_exhausted_refuses_with_the_reason_while_logins_go_on(fragile):
    fragile.start(HORIZON_POOL_SIZE=1, HORIZON_MAX_OVERFLOW=0, HORIZON_POOL_TIMEOUT_MS=200)
    token = fragile.login("ann")
    assert fragile.get("/api/me", token).status == 200
    with busy(fragile, token) as (_, holder):
        answer = fragile.get("/api/me", token)
        assert (answer.status, answer.code) == (503, "pool_exhausted")
        assert int(answer.headers["retry-after"]) > 0
        assert "all 1 database connections" in answer.json["error"]["message"]
        assert fragile.login("ann")
    assert holder.result().status == 200
    assert "summary" in next(line for line in fragile.log().splitlines() if "no connection: " in line)


def test_log_sums_up_pool_and_requests_now_and_then(fragile):
    fragile.start(HORIZON_LOG_SUMMARY=1, HORIZON_LOG_LEVEL="info")
    token = fragile.login("ann")
    for _ in range(3):
        assert fragile.get(f"{MANAGER}/summary", token).status == 200
    until(lambda: re.search(r" info \d+ pool size=20 checked_out=0 .*waiting=0 .*takes=[1-9].*"
                            r"; [4-9] requests, 0 in flight, \d+ clients\n", fragile.log()), 10,
          "the summary")
    assert "request " not in fragile.log()  # lines of single requests are for debug


def test_log_warns_when_every_connection_is_in_use_and_somebody_waits(fragile):
    fragile.start(HORIZON_POOL_SIZE=1, HORIZON_MAX_OVERFLOW=0, HORIZON_POOL_TIMEOUT_MS=10000,
                  HORIZON_QUERY_TIMEOUT_MS=9000)
    token = fragile.login("ann")
    assert fragile.get("/api/me", token).status == 200
    assert "saturated" not in fragile.log()
    with busy(fragile, token) as (threads, holder):
        waiter = threads.submit(fragile.get, "/api/me", token)
        line = until(lambda: re.search(r" warning \d+ saturated: every connection is in use: "
                                       r"pool size=1 .*\n", fragile.log()), 15, "the warning")
        assert "waiting=1" in line[0] and "checked_out=1" in line[0]
    assert (holder.result().status, waiter.result().status) == (200, 200)


def pool_line(service, answer):
    """The numbers of the line about one request's connection, in debug."""
    lines = re.findall(rf" debug \d+ request {answer.headers['x-request-id']} pool size=(\d+)"
                       r" checked_out=(\d+) waiting=(\d+) wait_ms=(\d+\.\d)\n", service.log())
    assert len(lines) == 1, lines
    return [float(number) for number in lines[0]]


def test_log_tells_each_requests_pool_and_wait(fragile):
    fragile.start(HORIZON_POOL_SIZE=1, HORIZON_MAX_OVERFLOW=0, HORIZON_POOL_TIMEOUT_MS=10000,
                  HORIZON_QUERY_TIMEOUT_MS=9000)
    token = fragile.login("ann")
    for _ in range(2):  # by a worker; with others, as what is kept is still the newest
        answer = fragile.get(f"{MANAGER}/summary", token)
        assert pool_line(fragile, answer)[:3] == [1, 1, 0]
    with busy(fragile, token) as (threads, holder):
        waiter = threads.submit(fragile.get, "/api/me", token)

        def seen_to_wait():
            wait = fragile.get("/api/operations", token).json["pool"]["oldest_wait_ms"]
            return wait if wait >= 0.1 else None  # the log has one decimal
        least = until(seen_to_wait, 10, "one waits")
    assert pool_line(fragile, holder.result())[1:3] == [1, 0]
    assert pool_line(fragile, waiter.result())[:3] == [1, 1, 0]
    assert pool_line(fragile, waiter.result())[3] >= round(least, 1)


def test_what_a_client_takes_to_send_its_request_is_no_wait_for_a_connection(fragile):
    fragile.start(HORIZON_POOL_TIMEOUT_MS=300)
    token = fragile.login("ann")  # the pool has no connection yet
    body = json.dumps({"date": "2020-01-01", "kind": "DEPOSIT", "amount": 1}).encode()
    with contextlib.closing(fragile.client()) as client:
        client.putrequest("POST", f"{MANAGER}/activities")
        for name, value in (("Authorization", f"Bearer {token}"), ("Content-Length", len(body)),
                            ("Content-Type", "application/json")):
            client.putheader(name, value)
        client.endheaders()
        time.sleep(0.5)  # longer than a wait may be
        client.send(body)
        answer = client.getresponse()
        assert answer.status == 201, answer.read()


def test_who_comes_from_the_line_too_late_still_gets_a_connection_that_is_free(fragile):
    fragile.start(HORIZON_POOL_TIMEOUT_MS=300, HORIZON_WORKERS=1, HORIZON_USER_TTL=0)
    token = fragile.login("ann")
    assert fragile.get("/api/me", token).status == 200
    with busy(fragile, token) as (threads, first):
        second = threads.submit(fragile.get, "/api/me", token)
        until(lambda: fragile.get("/api/operations", token).json["http"]["queued"] == 1, 10,
              "one stands in line")
        time.sleep(0.5)  # longer than a wait may be
    assert (first.result().status, second.result().status) == (200, 200)


def test_line_has_an_end(fragile):
    fragile.start(HORIZON_WORKERS=1, HORIZON_LINE=1, HORIZON_USER_SHARE=100,
                  HORIZON_USER_TTL=0)  # all go to the worker
    token = fragile.login("ann")
    assert fragile.get("/api/me", token).status == 200
    with busy(fragile, token) as (threads, first):
        second = threads.submit(fragile.get, f"{MANAGER}/summary", token)
        until(lambda: fragile.get("/api/operations", token).json["http"]["queued"] == 1, 10,
              "one stands in line")
        third = fragile.get(f"{MANAGER}/summary", token)
        assert (third.status, third.code) == (503, "pool_exhausted")
    assert first.result().status == second.result().status == 200


def make_deposit(service, token):
    deposit = {"date": "2020-01-01", "kind": "DEPOSIT", "amount": 1}
    return service.ask("POST", f"{MANAGER}/activities", deposit, token)


def test_user_who_floods_leaves_threads_where_there_are_fewer_than_connections(fragile):
    fragile.start(HORIZON_POOL_SIZE=8, HORIZON_MAX_OVERFLOW=0, HORIZON_WORKERS=4,
                  HORIZON_QUERY_TIMEOUT_MS=12000)
    fragile.add_user("bob")
    ann, bob = fragile.login("ann"), fragile.login("bob")
    with concurrent.futures.ThreadPoolExecutor() as threads:
        with held(fragile, fragile.ann):
            flood = [threads.submit(make_deposit, fragile, ann) for _ in range(4)]
            until(lambda: waiting_for_locks(fragile) == 2, 10, "two of four threads are the user's")
            assert make_deposit(fragile, bob).status == 201
            assert waiting_for_locks(fragile) == 2
        assert {future.result().status for future in flood} <= {201, 503}


def test_user_who_floods_leaves_connections_of_those_that_the_server_is_found_to_grant(fragile):
    fragile.start(HORIZON_POOL_SIZE=8, HORIZON_MAX_OVERFLOW=0, HORIZON_QUERY_TIMEOUT_MS=12000,
                  HORIZON_LOG_SUMMARY=1)
    fragile.add_user("bob")
    ann, bob = fragile.login("ann"), fragile.login("bob")
    fragile.await_log("the server grants the 8 connections asked for")
    fragile.pg.sql("ALTER ROLE app CONNECTION LIMIT 3", fetch=False)  # one is the sentinel's
    try:
        with concurrent.futures.ThreadPoolExecutor() as threads:
            with held(fragile, fragile.ann):
                first = [threads.submit(make_deposit, fragile, ann) for _ in range(4)]
                until(lambda: len(re.findall(r"pool size=8 .* ceiling=2 ", fragile.log())) > 1, 15,
                      "the pool has found out, and the service looked at it")
            assert {future.result().status for future in first} <= {201, 503}
            with held(fragile, fragile.ann):
                flood = [threads.submit(make_deposit, fragile, ann) for _ in range(4)]
                until(lambda: waiting_for_locks(fragile) == 1, 10, "one of two is the user's")
                assert make_deposit(fragile, bob).status == 201
            assert {future.result().status for future in flood} <= {201, 503}
    finally:
        fragile.pg.sql("ALTER ROLE app CONNECTION LIMIT -1", fetch=False)


def user_refusals(service):
    return Metrics(service.get("/metrics").body.decode()).value("horizon_user_limit_refusals_total")


def test_line_that_two_users_fill_makes_room_for_a_third(fragile):
    fragile.start(HORIZON_POOL_SIZE=4, HORIZON_MAX_OVERFLOW=0, HORIZON_POOL_TIMEOUT_MS=10000,
                  HORIZON_QUERY_TIMEOUT_MS=9000, HORIZON_WORKERS=4, HORIZON_LINE=12)
    users = [fragile.ann, fragile.add_user("bob")]
    fragile.add_user("cid")
    tokens = [fragile.login(name) for name in ("ann", "bob")]
    cid = fragile.login("cid")
    with concurrent.futures.ThreadPoolExecutor(20) as threads:
        with held(fragile, users[0]), held(fragile, users[1]):
            floods = [threads.submit(make_deposit, fragile, token) for token in tokens * 2]
            until(lambda: waiting_for_locks(fragile) == 4, 10, "all threads have their request")
            floods += [threads.submit(make_deposit, fragile, token) for token in tokens * 6]
            until(lambda: fragile.get("/api/operations", cid).json["http"]["queued"] == 12, 10,
                  "the line is full")
            third = threads.submit(make_deposit, fragile, cid)
            until(lambda: any(future.done() for future in floods), 5, "one makes room")
        assert third.result().status == 201
        answers = [future.result() for future in floods]
    told = [answer.json["error"] for answer in answers if answer.status == 503]
    assert [error["code"] for error in told] == ["user_limit"]
    assert "nobody has more requests in it than you" in told[0]["message"]
    assert [answer.status for answer in answers].count(201) == 15
    assert user_refusals(fragile) == 1


def test_user_who_floods_is_refused_while_another_is_served(fragile):
    """Half of the connections and of the places in line are for all others."""
    fragile.start(HORIZON_POOL_SIZE=4, HORIZON_MAX_OVERFLOW=0, HORIZON_POOL_TIMEOUT_MS=3000,
                  HORIZON_QUERY_TIMEOUT_MS=12000, HORIZON_WORKERS=4, HORIZON_LINE=12)
    fragile.add_user("bob")
    ann, bob = fragile.login("ann"), fragile.login("bob")
    with concurrent.futures.ThreadPoolExecutor(20) as threads, held(fragile, fragile.ann):
        flood = [threads.submit(make_deposit, fragile, ann) for _ in range(12)]
        until(lambda: waiting_for_locks(fragile) == 2, 10, "two of four connections are the user's")
        for _ in range(5):
            assert fragile.get(f"{MANAGER}/summary", bob).status == 200
            assert make_deposit(fragile, bob).status == 201
        assert waiting_for_locks(fragile) == 2
        until(lambda: sum(future.done() for future in flood) == 10, 10,
              "those that wait for the two are told")
    answers = [future.result() for future in flood]
    full = [answer for answer in answers if answer.status == 503]
    assert len(full) == 10 and all(answer.code == "user_limit" and
                                   int(answer.headers["retry-after"]) > 0 for answer in full)
    told = [answer.json["error"]["message"] for answer in full]
    assert sum("as many requests under way and in line" in text for text in told) == 4
    assert sum("your own requests used all" in text for text in told) == 6
    assert [answer.status for answer in answers if answer not in full] == [201, 201]
    assert user_refusals(fragile) == 10
    assert make_deposit(fragile, ann).status == 201


def test_logins_have_a_line_of_their_own_with_an_end(fragile):
    fragile.start(HORIZON_LOGINS=1, HORIZON_LOGINS_WAITING=0)
    body = {"login": "ann", "password": PASSWORD}
    with concurrent.futures.ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(lambda _: fragile.ask("POST", "/api/auth/login", body), range(24)))
    assert {answer.status for answer in answers} == {200, 429}
    refused = next(answer for answer in answers if answer.status == 429)
    assert refused.code == "too_many_logins" and refused.headers["retry-after"]


def open_page(service, token):
    """The page's five requests at once; their statuses."""
    with concurrent.futures.ThreadPoolExecutor(5) as threads:
        return [answer.status for answer in
                threads.map(lambda panel: service.get(f"{MANAGER}/{panel}", token), PANELS)]


@pytest.mark.parametrize("kept, is_noticed", [(100, False), (0, True)])
def test_service_works_behind_a_pooler_that_keeps_prepared_statements_or_does_not(
        service_factory, horizon_databases, weir_factory, pg, kept, is_noticed):
    service = service_factory(horizon_databases)
    service.demo()
    weir = weir_factory(pg, start=False)
    weir.start(databases={service.database: weir.conninfo(service.database)},
               max_prepared_statements=kept, default_pool_size=3)
    service.start(DATABASE_URL=service.url_at(weir.port))
    token = service.login("demo")
    with concurrent.futures.ThreadPoolExecutor(12) as threads:
        for _ in range(6):
            pages = [threads.submit(service.get, f"{MANAGER}/{panel}", token) for panel in PANELS * 4]
            assert {page.result().status for page in pages} == {200}
    assert ("going on without them" in service.log()) == is_noticed


@pytest.mark.parametrize("processes, using", [(1, 18), (2, 16)])
def test_incident_does_not_happen_where_the_role_has_20_connections(
        service_factory, horizon_databases, processes, using):
    service = service_factory(horizon_databases, "app20")
    user = service.add_user("ann")
    service.start(WEB_CONCURRENCY=processes, HORIZON_LOG_LEVEL="info",
                  HORIZON_POOL_TIMEOUT_MS=10000, HORIZON_QUERY_TIMEOUT_MS=9000)
    notice = f"asked for 30, the server grants 20: using {using} and queueing"
    until(lambda: service.log().count(notice) == processes, 10, "the limits were asked")
    token = sign(service.claims(user))
    operations = service.get("/api/operations", token).json
    assert operations["notice"] == notice and operations["using"] == using // processes
    assert operations["granted"] == 20 and operations["using_all"] == using
    assert operations["pool"]["role_limit"] == 20 and operations["pool"]["server_max"] == 100 - 3
    with concurrent.futures.ThreadPoolExecutor(PAGES_AT_ONCE) as threads:
        pages = list(threads.map(lambda _: open_page(service, token), range(PAGES)))
    assert pages == [[200] * 5] * PAGES
    assert 'too many connections for role "app20"' not in service.log()


def test_sessions_of_another_role_are_not_granted_to_the_pool(service_factory, horizon_databases):
    service = service_factory(horizon_databases)
    service.sql(f"ALTER DATABASE {service.database} CONNECTION LIMIT 20", fetch=False)
    with contextlib.ExitStack() as sessions:
        for _ in range(6):
            session = service.pg.connect(service.database)
            sessions.callback(session.close)
        service.start()
        service.await_log("asked for 30, the server grants 14: using 12 and queueing")


def test_connections_reserved_for_others_are_not_granted(service_factory, fragile_databases):
    service = service_factory(fragile_databases)
    granted = 30 - 3
    if VERSION >= 16:  # where the setting begins
        granted -= 10
        service.pg.sql("ALTER SYSTEM SET reserved_connections = 10", fetch=False)
        service.pg.restart()
    try:
        service.start()
        service.await_log(f"asked for 30, the server grants {granted}: using {granted - 2} and queueing")
    finally:
        service.pg.sql("ALTER SYSTEM RESET ALL", fetch=False)
        service.pg.restart()


def test_a_worker_of_autovacuum_takes_nothing_from_the_grant(service_factory, fragile_databases):
    service = service_factory(fragile_databases)
    with service.pg.vacuuming(service.database):
        service.start()
        service.await_log("asked for 30, the server grants 27: using 25 and queueing")


def test_limits_do_not_hold_for_a_superuser(service_factory, horizon_databases):
    service = service_factory(horizon_databases)
    service.sql(f"ALTER DATABASE {service.database} CONNECTION LIMIT 20", fetch=False)
    service.start(DATABASE_URL=f"postgres://postgres@/{service.database}?host={service.pg.folder}"
                               f"&port={service.pg.port}")
    service.await_log("the server grants the 30 connections asked for")


def test_an_error_is_not_tagged_as_the_answer_that_could_not_be_made(fragile):
    """Otherwise whoever keeps it would be told that it is still good."""
    fragile.start(HORIZON_QUERY_TIMEOUT_MS=300)
    token = fragile.login("ann")
    good = fragile.get(f"{MANAGER}/summary", token)
    with locked(fragile, "views"):
        failed = fragile.get(f"{MANAGER}/watch", token)
    assert good.headers["etag"] and failed.status in (503, 504)
    assert "etag" not in failed.headers and failed.headers["cache-control"] == "no-store"
