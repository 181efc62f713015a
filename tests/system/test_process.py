"""The process as PgBouncer's users know it: its command line, the background, the pid file, the log
and syslog, the service manager's readiness and sockets, who may use the Unix socket."""
import grp
import os
import pwd
import signal
import socket
import stat
import subprocess
import time

import pytest

from harness.daemon import BIN
from harness.manager import Manager
from harness.wait import free_port, until
from test_ops import run

pytestmark = pytest.mark.weir_only

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root may do that")


def prepared(weir_factory, pg, **settings):
    """A daemon that is written down and not started."""
    weir = weir_factory(pg, start=False)
    weir.port = free_port()
    weir.write(**settings)
    return weir


def pid_of(path):
    with open(path) as stored:
        return int(stored.read())


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as found:
            return found.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


# ---- the command line

@pytest.mark.parametrize("form", ["-V", "--version"])
def test_version_wherever_it_stands(weir_factory, pg, form):
    weir = prepared(weir_factory, pg)
    code, said = run("-v", form, weir.ini)
    assert code == 0 and said.startswith("weir ")


@pytest.mark.parametrize("option", ["-d", "-q", "-R", "-u", "-v", "-V", "-h"])
def test_every_option_of_pgbouncer_is_in_the_help(option):
    code, said = run("-h")
    assert code == 0 and f"  {option}, --" in said


def test_an_option_that_does_not_exist():
    code, said = run("--no-such-option")
    assert code == 2 and "weir --help" in said


def test_quiet_says_nothing_on_standard_error(weir_factory, pg):
    weir = prepared(weir_factory, pg)
    log = os.path.join(weir.folder, "weir.log")
    weir.write(logfile=log)
    weir.spawn(["--quiet", "--verbose", weir.ini])
    until(weir.listens, 10, "it listens")
    assert weir.log() == ""
    assert weir.stop() == 0
    with open(log) as kept:
        assert "process up" in kept.read()


@needs_root
def test_the_user_of_the_command_line_goes_before_the_files(weir_factory, pg):
    weir = prepared(weir_factory, pg, user="nobody")
    weir.spawn(["-u", "postgres", weir.ini])
    weir.await_log("process up")
    with open(f"/proc/{weir.process.pid}/status") as status:
        uids = next(line for line in status if line.startswith("Uid:")).split()[1:]
    assert set(uids) == {str(pwd.getpwnam("postgres").pw_uid)}


@needs_root
def test_a_user_that_does_not_exist(weir_factory, pg):
    weir = prepared(weir_factory, pg)
    code, said = run("--user=no-such-user-at-all", weir.ini)
    assert code == 1 and "there is no system user" in said


# ---- the background

def test_daemon_mode_comes_back_when_it_serves(weir_factory, pg):
    """The caller's exit means that clients may come; the terminal is let go."""
    weir = prepared(weir_factory, pg)
    pidfile, log = (os.path.join(weir.folder, name) for name in ("weir.pid", "weir.log"))
    weir.write(pidfile=pidfile, logfile=log)
    code, said = run("-d", weir.ini)
    assert code == 0, said
    pid = pid_of(pidfile)
    try:
        assert weir.sql("SELECT 1") == [(1,)]
        assert os.getsid(pid) not in (os.getsid(0), pid)
        assert {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in (0, 1, 2)} == {"/dev/null"}
        assert weir.console("RELOAD") is None
    finally:
        os.kill(pid, signal.SIGTERM)
        until(lambda: not is_alive(pid), 10, "the daemon has ended")
    assert not os.path.exists(pidfile)
    with open(log) as kept:
        text = kept.read()
    assert "process up" in text and "process down" in text and "Sanitizer" not in text


def test_daemon_mode_tells_why_it_could_not_start(weir_factory, pg):
    taken = weir_factory(pg)
    weir = weir_factory(pg, start=False)
    weir.port = taken.port
    weir.write(pidfile=os.path.join(weir.folder, "pid"), logfile=os.path.join(weir.folder, "log2"),
               unix_socket_dir="")
    code, said = run("-d", weir.ini)
    assert code == 1 and "in use" in said
    assert not os.path.exists(os.path.join(weir.folder, "pid"))


@pytest.mark.parametrize("lacks", ["pidfile", "logfile"])
def test_daemon_mode_needs_a_pidfile_and_a_log(weir_factory, pg, lacks):
    settings = {"pidfile": "weir.pid", "logfile": "weir.log", lacks: None}
    weir = prepared(weir_factory, pg, **settings)
    code, said = run("-d", weir.ini)
    assert code == 1 and lacks in said


# ---- the pid file

def test_a_pidfile_of_a_living_process_stops_the_start(weir_factory, pg):
    first = weir_factory(pg, start=False)
    pidfile = os.path.join(first.folder, "shared.pid")
    first.start(pidfile=pidfile)
    second = prepared(weir_factory, pg, pidfile=pidfile)
    code, said = run(second.ini)
    assert code == 1
    assert f"pidfile exists ({pidfile}), another instance running?" in said
    assert pid_of(pidfile) == first.process.pid and first.sql("SELECT 1") == [(1,)]


def test_a_stale_pidfile_is_written_over(weir_factory, pg):
    gone = subprocess.Popen(["true"])
    gone.wait()
    weir = weir_factory(pg, start=False)
    pidfile = weir.put("weir.pid", f"{gone.pid}\n")
    weir.start(pidfile=pidfile)
    assert "stale pidfile" in weir.log() and pid_of(pidfile) == weir.process.pid


# ---- the log

def test_reload_follows_a_new_logfile_and_verbosity(weir_factory, pg):
    weir = weir_factory(pg)
    second = os.path.join(weir.folder, "second.log")
    weir.write(logfile=second, verbose=1)
    weir.console("RELOAD")
    weir.sql("SELECT 1")
    until(lambda: os.path.exists(second) and "DEBUG" in open(second).read(), 10,
          "the new file has the finer lines")


def test_reload_on_the_console_opens_a_rotated_log_again(weir_factory, pg):
    weir = weir_factory(pg, start=False)
    path = os.path.join(weir.folder, "weir.log")
    weir.start(logfile=path)
    os.rename(path, path + ".1")
    weir.console("RELOAD")
    assert os.path.exists(path)


def test_a_logfile_that_cannot_be_opened_refuses_the_reload(weir_factory, pg):
    weir = weir_factory(pg)
    weir.write(logfile="/nonexistent-folder/weir.log", default_pool_size=9)
    with pytest.raises(Exception, match="log file"):
        weir.console("RELOAD")
    assert weir.console("SHOW CONFIG") and weir.log()
    assert next(row["value"] for row in weir.console("SHOW CONFIG")
                if row["key"] == "default_pool_size") == "5"


@needs_root
def test_syslog_has_the_lines_under_name_and_facility(weir_factory, pg):
    """In a mount name space of its own, whose /dev/log is this test's socket."""
    weir = prepared(weir_factory, pg, syslog=1, syslog_ident="our-pooler",
                    syslog_facility="local3")
    path = os.path.join(weir.folder, "devlog")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as syslog:
        syslog.bind(path)
        syslog.settimeout(20)
        script = (f"mkdir {weir.folder}/dev && mount --bind /dev {weir.folder}/dev &&"
                  " mount -t tmpfs none /dev && for n in null zero random urandom;"
                  f" do cp -a {weir.folder}/dev/$n /dev/; done && ln -s {path} /dev/log &&"
                  f" exec {BIN} -q {weir.ini}")
        probe = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False)
        if probe.returncode != 0:
            pytest.skip("no mount name spaces here")
        with open(weir.log_path, "ab") as log:
            weir.process = subprocess.Popen(["unshare", "-m", "sh", "-c", script], stdout=log,
                                            stderr=log)
        lines = []
        while not any("process up" in line for line in lines):
            lines.append(syslog.recv(8192).decode())
        up = next(line for line in lines if "process up" in line)
        assert up.startswith(f"<{19 * 8 + 6}>") and f"our-pooler[{weir.process.pid}]: " in up
        assert " LOG " not in up
        assert weir.stop() == 0


def test_a_facility_that_does_not_exist(weir_factory, pg):
    weir = prepared(weir_factory, pg, syslog=1, syslog_facility="kitchen")
    code, said = run("serve", "--check", weir.ini)
    assert code == 1 and "local0 to local7" in said


# ---- the service manager

@pytest.fixture
def managed(weir_factory, pg):
    """A daemon started as systemd does with Type=notify, and who listens to it."""
    weir = prepared(weir_factory, pg)
    with Manager(weir.folder) as manager:
        weir.spawn([weir.ini], env={**manager.environment, "WATCHDOG_USEC": "200000"})
        yield weir, manager


def test_the_service_manager_hears_of_ready_reload_and_end(managed):
    weir, manager = managed
    manager.wait_for("READY=1")
    assert weir.sql("SELECT 1") == [(1,)]
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    weir.signal(signal.SIGHUP)
    said = dict(line.split("=", 1) for line in manager.wait_for("RELOADING=1"))
    after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    assert before <= int(said["MONOTONIC_USEC"]) <= after
    manager.wait_for("READY=1")
    weir.signal(signal.SIGTERM)
    manager.wait_for("STOPPING=1")
    assert weir.process.wait(10) == 0


def test_the_watchdog_is_fed(managed):
    for _ in range(3):
        managed[1].wait_for("WATCHDOG=1")


def spawn_with_sockets(weir, sockets):
    """As systemd hands sockets over: descriptors from 3 on, and the process's own id."""
    def hand_over():
        for place, listener in enumerate(sockets, 3):
            os.dup2(listener.fileno(), place, inheritable=True)
        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(sockets)))
        os.execv(BIN, [BIN, weir.ini])
    pid = os.fork()
    if pid == 0:
        log = os.open(weir.log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        spare = [os.dup(listener.fileno()) for listener in sockets]
        os.set_inheritable(log, True)
        os.dup2(log, 2)
        try:
            moved = [socket.socket(fileno=os.dup(fd)) for fd in spare]
            sockets[:] = moved
            hand_over()
        finally:
            os._exit(99)
    return pid


def test_sockets_of_the_service_manager_take_the_place_of_listen_addr(weir_factory, pg):
    weir = prepared(weir_factory, pg)
    path = os.path.join(weir.folder, f".s.PGSQL.{weir.port}.handed")
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as un:
        un.bind(path)
        un.listen(5)
        given = tcp.getsockname()[1]
        pid = spawn_with_sockets(weir, [tcp, un])
        try:
            weir.await_log("socket activation")
            weir.await_log("process up")
            written, weir.port = weir.port, given
            assert weir.sql("SELECT 1") == [(1,)]
            with pytest.raises(OSError):
                socket.create_connection(("127.0.0.1", written), 2)
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(path)
                client.sendall(b"\0\0\0\x08\x04\xd2\x16\x2f")  # SSLRequest
                client.settimeout(20)
                assert client.recv(1) == b"N"
        finally:
            os.kill(pid, signal.SIGTERM)
            assert os.waitpid(pid, 0)[1] == 0
        assert os.path.exists(path)


def test_a_socket_of_no_use_is_one_clear_line(weir_factory, pg):
    weir = prepared(weir_factory, pg)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        pid = spawn_with_sockets(weir, [udp])
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
    assert "ListenStream" in weir.log()


# ---- the Unix socket

@needs_root
def test_unix_socket_mode_and_group(weir_factory, pg):
    weir = weir_factory(pg, unix_socket_mode="0770", unix_socket_group="daemon")
    found = os.stat(os.path.join(weir.folder, f".s.PGSQL.{weir.port}"))
    assert stat.S_IMODE(found.st_mode) == 0o770
    assert found.st_gid == grp.getgrnam("daemon").gr_gid


def test_a_unix_socket_group_that_does_not_exist(weir_factory, pg):
    weir = prepared(weir_factory, pg, unix_socket_group="no-such-group-at-all")
    code, said = run(weir.ini)
    assert code == 1 and "there is no system group" in said
