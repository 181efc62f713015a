"""-R: a new process takes the listening sockets over from the one that runs. Nobody is refused, no
session ends, and whoever may not have the sockets does not get them."""
import array
import contextlib
import os
import pwd
import signal
import socket
import struct
import subprocess
import threading
import time
import urllib.request

import psycopg2
import psycopg2.errors
import pytest

from harness import wire
from harness.daemon import BIN
from harness.manager import Manager
from harness.wait import free_port, until
from test_ops import run
from test_process import needs_root, pid_of, prepared

pytestmark = pytest.mark.weir_only


@pytest.fixture
def weir(weir_factory, pg):
    weir = weir_factory(pg, start=False)
    return weir.start(pidfile=os.path.join(weir.folder, "weir.pid"))


@pytest.fixture
def rebooted(weir):
    """rebooted() starts a successor and returns the process before; all of them have to have ended
    well, once their clients have left."""
    left = []

    def reboot(*options):
        before = weir.process
        left.append(before)
        weir.spawn(["-R", *options, weir.ini])
        weir.await_log(f"pid {weir.process.pid},")
        return before
    yield reboot
    for process in left:
        assert process.wait(20) == 0
    assert not [name for name in os.listdir(weir.folder) if name.startswith(".weir")]


def ends(process):
    assert process.wait(20) == 0


class Callers:
    """Connects again and again, by TCP and by the Unix socket, and counts; every failure is kept."""

    def __init__(self, weir):
        self.weir, self.failures, self.counts = weir, [], [0, 0]
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._call, args=(i, host))
                        for i, host in enumerate([weir.host, weir.folder])]

    def _call(self, number, host):
        while not self.stopping.is_set():
            try:
                connection = psycopg2.connect(**{**self.weir.dsn(), "host": host})
                with connection.cursor() as cursor:
                    cursor.execute("SELECT 1")
                connection.close()
                self.counts[number] += 1
            except Exception as error:  # all of them are what the test is about
                self.failures.append(error)

    def more(self):
        """Waits until both have called a few times more."""
        wanted = [count + 3 for count in self.counts]
        until(lambda: self.failures or all(a >= b for a, b in zip(self.counts, wanted)), 30,
              "new connections are served")
        assert not self.failures, self.failures

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


def test_two_reboots_refuse_nobody_and_lose_no_session(weir, rebooted):
    first_pid = weir.process.pid
    with Callers(weir) as callers, contextlib.closing(weir.connect(autocommit=False)) as old, \
            old.cursor() as cursor:
        callers.more()
        cursor.execute("SELECT set_config('weir.mark', 'before', true)")
        rebooted()
        callers.more()
        with contextlib.closing(weir.connect(autocommit=False)) as middle, \
                middle.cursor() as middle_cursor:
            middle_cursor.execute("SELECT 2")
            rebooted()
            callers.more()
            middle_cursor.execute("SELECT 3")
            middle.commit()
        cursor.execute("SELECT current_setting('weir.mark')")
        assert cursor.fetchone() == ("before",)
        old.commit()
        assert os.path.exists(f"/proc/{first_pid}")
    assert not callers.failures
    until(lambda: pid_of(os.path.join(weir.folder, "weir.pid")) == weir.process.pid, 10,
          "the pid file names the newest process")


def test_the_files_outlive_the_old_process(weir, rebooted):
    with contextlib.closing(weir.connect()):
        before = rebooted()
        assert before.poll() is None
    ends(before)
    assert pid_of(os.path.join(weir.folder, "weir.pid")) == weir.process.pid
    assert weir.sql("SELECT 1", host=weir.folder) == [(1,)] == weir.sql("SELECT 1")


def test_cancel_requests_follow_through_two_reboots(weir, rebooted):
    with contextlib.closing(weir.connect()) as old, old.cursor() as cursor:
        cursor.execute("SELECT 1")
        rebooted()
        rebooted()
        caught = []

        def sleep():
            try:
                cursor.execute("SELECT pg_sleep(60)")
            except psycopg2.errors.QueryCanceled as error:
                caught.append(error)
        thread = threading.Thread(target=sleep)
        thread.start()
        until(lambda: weir.pg.sql("SELECT 1 FROM pg_stat_activity WHERE query LIKE"
                                  " 'SELECT pg_sleep(60)%%' AND state = 'active'"), 10, "it runs")
        old.cancel()
        thread.join()
        assert caught


def own_folder(weir, process):
    """Where a process that has handed over can still be reached."""
    name, = [name for name in os.listdir(weir.folder) if name.startswith(f".weir.{process.pid}.")]
    return os.path.join(weir.folder, name)


def test_a_folder_that_somebody_has_made_before_is_left_alone(weir, rebooted):
    """By a link of the name that could be foreseen nothing elsewhere is removed."""
    elsewhere = os.path.join(weir.folder, "elsewhere")
    os.mkdir(elsewhere)
    theirs = weir.put(f"elsewhere/.s.PGSQL.{weir.port}", "")
    link = os.path.join(weir.folder, f".weir.{weir.process.pid}")
    os.symlink(elsewhere, link)
    with contextlib.closing(weir.connect()):
        before = rebooted()
        assert os.path.dirname(own_folder(weir, before)) == weir.folder
    ends(before)
    assert os.path.exists(theirs) and os.path.islink(link)
    os.unlink(link)


def ask_to_cancel(weir, pid, key):
    """A CancelRequest; comes back when the daemon has closed the connection."""
    with socket.create_connection((weir.host, weir.port)) as asker:
        asker.settimeout(20)
        asker.sendall(struct.pack("!iiii", 16, 80877102, pid, key))
        assert asker.recv(64) == b""


def test_a_cancel_request_comes_to_each_process_once(weir, rebooted):
    """The newest one asks all before it; were each of them to pass it on, the n-th would get it
    2^n times."""
    weir.write(verbose=1, pidfile=os.path.join(weir.folder, "weir.pid"))
    rebooted()
    with contextlib.ExitStack() as clients:
        processes = []
        for _ in range(3):
            clients.enter_context(contextlib.closing(weir.connect()))
            processes.append(rebooted())
        processes.append(weir.process)
        ask_to_cancel(weir, 4711, 0x5ec4e7)
        weir.await_log(f"[{weir.process.pid}] DEBUG C-0x1: ")  # its end: it asks no more

        def counts():
            lines = [line for line in weir.log().splitlines() if "because: cancel request" in line]
            return [sum(f"[{process.pid}]" in line for line in lines) for process in processes]
        until(lambda: all(counts()), 10, "all have said so")
        assert counts() == [1, 1, 1, 1]


@needs_root
def test_cancel_requests_go_to_no_other_system_user(weir, rebooted):
    """Who puts a socket where the predecessor had its own learns no keys."""
    with contextlib.closing(weir.connect()):
        before = rebooted()
        path = os.path.join(own_folder(weir, before), f".s.PGSQL.{weir.port}")
        os.rename(path, path + ".own")
        with socket.socket(socket.AF_UNIX) as foreign:
            foreign.bind(path)
            os.seteuid(pwd.getpwnam("nobody").pw_uid)
            try:
                foreign.listen()
            finally:
                os.seteuid(0)
            ask_to_cancel(weir, 4711, 0x5ec4e7)
            foreign.settimeout(10)
            caller, _ = foreign.accept()
            with caller:
                assert caller.recv(64) == b""
        weir.await_log("another system user's now")
        os.rename(path + ".own", path)


def test_a_console_of_its_own_until_its_clients_have_left(weir, rebooted):
    with contextlib.closing(weir.connect()):
        before = rebooted()
        folder = own_folder(weir, before)
        assert os.stat(folder).st_mode & 0o777 == 0o700
        with contextlib.closing(psycopg2.connect(host=folder, port=weir.port, user="pgbouncer",
                                                 dbname="pgbouncer")) as console:
            console.autocommit = True
            with console.cursor() as cursor:
                cursor.execute("SHOW CLIENTS")
                assert [row[2] for row in cursor.fetchall()].count("app") == 1
        with pytest.raises(psycopg2.OperationalError, match="pooler is shutting down"):
            psycopg2.connect(**{**weir.dsn(), "host": folder})


def test_who_is_only_just_connected_is_let_in(weir, rebooted):
    """Accepted by the old process, and says who it is when that has handed over."""
    with socket.socket(socket.AF_UNIX) as slow:
        slow.connect(os.path.join(weir.folder, f".s.PGSQL.{weir.port}"))
        until(lambda: any(row["task"] == "client" for row in weir.console("SHOW FDS")), 10,
              "it is accepted")
        before = rebooted()
        slow.sendall(wire.startup())
        answer = b""
        while not answer.endswith(b"Z\0\0\0\5I"):
            answer += slow.recv(65536)
        assert b"shutting down" not in answer and before.poll() is None


def test_without_a_predecessor_it_starts_normally(weir_factory, pg):
    weir = prepared(weir_factory, pg)
    weir.spawn(["-R", weir.ini])
    weir.await_log("process up")
    assert "old process not found" in weir.log() and weir.sql("SELECT 1") == [(1,)]


def test_in_the_background(weir, rebooted):
    weir.write(pidfile=os.path.join(weir.folder, "weir.pid"), logfile=weir.log_path)
    before = weir.process
    code, said = run("-R", "-d", weir.ini)
    assert code == 0, said
    ends(before)
    pid = pid_of(os.path.join(weir.folder, "weir.pid"))
    assert pid != before.pid and weir.sql("SELECT 1") == [(1,)]
    os.kill(pid, signal.SIGTERM)
    until(lambda: not os.path.exists(os.path.join(weir.folder, "weir.pid")), 15, "it has ended")
    weir.process = None


def test_metrics_move_too(weir_factory, pg):
    weir = weir_factory(pg, start=False)
    http = free_port()
    weir.start(http_listen=f"127.0.0.1:{http}")
    before = weir.process

    def ready():
        return urllib.request.urlopen(f"http://127.0.0.1:{http}/readyz", timeout=10).read()
    assert ready() == b"ready\n"
    with contextlib.closing(weir.connect()):
        weir.spawn(["-R", weir.ini])
        weir.await_log(f"pid {weir.process.pid},")
        assert before.poll() is None and ready() == b"ready\n"
    ends(before)
    assert ready() == b"ready\n"


def test_other_addresses_after_a_reboot(weir, rebooted):
    """What the new configuration does not name is let go, what it names in addition is opened."""
    weir.write(listen_addr="127.0.0.1,127.0.0.2", pidfile=os.path.join(weir.folder, "weir.pid"))
    ends(rebooted())
    assert weir.sql("SELECT 1") == weir.sql("SELECT 1", host="127.0.0.2") == [(1,)]
    weir.write(listen_addr="127.0.0.2", pidfile=os.path.join(weir.folder, "weir.pid"))
    ends(rebooted())
    assert weir.sql("SELECT 1", host="127.0.0.2") == [(1,)]
    with pytest.raises(psycopg2.OperationalError, match="refused"):
        weir.sql("SELECT 1")


# ---- what goes wrong leaves the old process as it was

def serves_on(weir):
    assert pid_of(os.path.join(weir.folder, "weir.pid")) == weir.process.pid
    assert weir.sql("SELECT 1") == weir.sql("SELECT 1", host=weir.folder) == [(1,)]


def test_a_successor_that_cannot_start_changes_nothing(weir):
    with socket.socket() as taken:
        taken.bind(("127.0.0.2", weir.port))
        taken.listen()
        weir.write(listen_addr="127.0.0.1,127.0.0.2",
                   pidfile=os.path.join(weir.folder, "weir.pid"))
        code, said = run("-R", weir.ini)
        assert code == 1 and "in use" in said
    serves_on(weir)


def test_a_successor_that_may_not_become_its_user_changes_nothing(weir):
    weir.write(user="no_such_user", pidfile=os.path.join(weir.folder, "weir.pid"))
    code, said = run("-R", weir.ini)
    assert code == 1 and "no_such_user" in said
    serves_on(weir)


def test_the_sockets_mode_is_the_predecessors_until_it_lets_go(weir, rebooted):
    path = os.path.join(weir.folder, f".s.PGSQL.{weir.port}")
    before = os.stat(path).st_mode
    pidfile = os.path.join(weir.folder, "weir.pid")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        weir.write(unix_socket_mode="0700", pidfile=pidfile,
                   http_listen=f"127.0.0.1:{taken.getsockname()[1]}")
        code, said = run("-R", weir.ini)
        assert code == 1 and "http_listen" in said
    assert os.stat(path).st_mode == before
    serves_on(weir)
    weir.write(unix_socket_mode="0700", pidfile=pidfile)
    ends(rebooted())
    assert os.stat(path).st_mode & 0o777 == 0o700


@pytest.mark.parametrize("command,said_why", [("PAUSE", "paused or suspended"),
                                              ("PAUSE app", "a database is paused")])
def test_a_paused_process_does_not_hand_over(weir, command, said_why):
    """Nobody could say RESUME to it any more."""
    weir.console(command)
    code, said = run("-R", weir.ini)
    assert code == 1 and said_why in said and "it serves on" in said
    weir.console(command.replace("PAUSE", "RESUME"))
    serves_on(weir)


@needs_root
def test_pgbouncer_is_no_predecessor(weir_factory, pg):
    weir = prepared(weir_factory, pg, user="postgres", ignore_startup_parameters=None,
                    default_pool_size=None, event_backend=None)
    pgbouncer = subprocess.Popen(["/usr/sbin/pgbouncer", "-q", "-u", "postgres", weir.ini])
    try:
        until(weir.listens, 10, "pgbouncer listens")
        code, said = run("-R", weir.ini)
        assert code == 1 and "it is not weir" in said and weir.sql("SELECT 1") == [(1,)]
    finally:
        pgbouncer.terminate()
        pgbouncer.wait(10)


@needs_root
def test_a_socket_of_somebody_else_is_not_spoken_to(weir_factory, pg):
    weir = prepared(weir_factory, pg, user="postgres")
    path = os.path.join(weir.folder, f".s.PGSQL.{weir.port}")
    nobody = pwd.getpwnam("nobody").pw_uid
    with socket.socket(socket.AF_UNIX) as foreign:
        foreign.bind(path)
        os.chmod(path, 0o777)
        os.seteuid(nobody)
        try:
            foreign.listen()
        finally:
            os.seteuid(0)
        code, said = run("-R", weir.ini)
        assert code == 1 and "another system user" in said
    os.unlink(path)


# ---- who gets the sockets

def sockets_for(weir, user, uid=None):
    """Logs in on the Unix socket and asks for descriptors; returns how many came and the answer."""
    with socket.socket(socket.AF_UNIX) as door:
        door.settimeout(15)
        os.seteuid(uid or os.geteuid())
        try:
            door.connect(os.path.join(weir.folder, f".s.PGSQL.{weir.port}"))
        finally:
            os.seteuid(os.getuid())
        door.sendall(wire.startup(user, "pgbouncer"))
        answer = b""
        while not answer.endswith(b"Z\0\0\0\5I") and b"SFATAL" not in answer:
            answer += door.recv(65536)
        if b"SFATAL" in answer:
            return 0, answer
        door.sendall(wire.query("SHOW FDS; SHUTDOWN HANDED_OVER" if user != "pgbouncer"
                                else "SHOW FDS"))
        count, answer = 0, b""
        while not answer.endswith(b"Z\0\0\0\5I"):
            data, attached, _, _ = door.recvmsg(65536, socket.CMSG_SPACE(256))
            answer += data
            for level, kind, payload in attached:
                assert (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
                fds = array.array("i", payload[:len(payload) - len(payload) % 4])
                count += len(fds)
                for fd in fds:
                    os.close(fd)
        return count, answer


def test_the_own_system_user_gets_the_listening_sockets_only(weir):
    with contextlib.closing(weir.connect()):
        assert sockets_for(weir, "pgbouncer")[0] == 2  # TCP and Unix, not the client's


@pytest.mark.parametrize("user,said", [("admin", b"was not handed the listening sockets"),
                                       ("stats", b"admin access needed"),
                                       ("app", b"not allowed")])
def test_nobody_else_gets_a_socket(weir, user, said):
    count, answer = sockets_for(weir, user)
    assert count == 0 and said in answer
    serves_on(weir)


@needs_root
def test_another_system_user_of_that_name_gets_none(weir_factory, pg):
    """An administrator called pgbouncer, by password, as another system user."""
    weir = weir_factory(pg, admin_users="admin, pgbouncer")
    assert sockets_for(weir, "pgbouncer", pwd.getpwnam("postgres").pw_uid)[0] == 0
    assert weir.sql("SELECT 1") == [(1,)]


@needs_root
def test_root_starts_the_successor_of_a_process_that_gave_root_up(weir_factory, pg):
    weir = weir_factory(pg, start=False)
    weir.start(user="postgres", pidfile=os.path.join(weir.folder, "weir.pid"))
    before = weir.process
    weir.spawn(["-R", weir.ini])
    weir.await_log(f"pid {weir.process.pid},")
    ends(before)
    serves_on(weir)


# ---- the service manager

def test_the_service_manager_learns_of_the_new_process(weir_factory, pg):
    weir = prepared(weir_factory, pg)
    with Manager(weir.folder) as manager:
        weir.spawn([weir.ini], env=manager.environment)
        manager.wait_for("READY=1")
        before = weir.process
        weir.spawn(["-R", weir.ini], env=manager.environment)
        manager.wait_for(f"MAINPID={weir.process.pid}", "READY=1")
        ends(before)
        weir.signal(signal.SIGTERM)
        ends(weir.process)
        assert manager.all_lines().count("STOPPING=1") == 1  # the predecessor's is not the service's


@pytest.mark.parametrize("environment", [
    {},
    {"WATCHDOG_USEC": "3600000000", "WATCHDOG_PID": "1"}  # of what has started it
])
def test_the_new_process_is_heard_whoever_starts_it(weir_factory, pg, environment):
    """It takes over where the service manager listens, and how often it wants to hear."""
    weir = prepared(weir_factory, pg)
    with Manager(weir.folder) as manager:
        weir.spawn([weir.ini], env={**manager.environment, "WATCHDOG_USEC": "200000"})
        manager.wait_for("READY=1")
        before = weir.process
        weir.spawn(["-R", weir.ini], env=environment)
        manager.wait_for(f"MAINPID={weir.process.pid}", "READY=1")
        for _ in range(3):
            manager.wait_for("WATCHDOG=1")
        ends(before)
