"""How horizon serve ends and is replaced: SIGTERM drains, a new process takes the port of an old one,
and no request is lost."""
import concurrent.futures
import contextlib
import http.client
import os
import signal
import socket
import subprocess
import threading
import time

import pytest
from harness.horizon import HORIZON
from harness.service import sign
from harness.wait import until

from test_horizon_faults import Load, locked, waiting_for_locks

MANAGER = "/api/portfolio-manager"
QUEUED = 400
LAST_MOMENTS = 3  # tries to meet one


@pytest.fixture
def plain(service_factory, horizon_databases):
    """A service with a user and a token for it; not started."""
    service = service_factory(horizon_databases)
    service.ann = service.add_user("ann")
    service.token = sign(service.claims(service.ann))
    return service


def is_refused(service):
    """Whether the kernel refuses a new client: nobody listens."""
    try:
        service.get("/healthz")
    except ConnectionRefusedError:
        return True
    return False


def test_sigterm_finishes_what_runs_and_says_that_connections_end(plain):
    process = plain.start()
    client = plain.client()
    assert plain.get("/api/me", plain.token, client=client).headers.get("connection") != "close"
    with concurrent.futures.ThreadPoolExecutor() as threads:
        with locked(plain, "snapshots"):
            running = threads.submit(plain.get, f"{MANAGER}/summary", plain.token)
            until(lambda: waiting_for_locks(plain) == 1, 10, "a request runs")
            process.send_signal(signal.SIGTERM)
            until(lambda: "draining" in plain.log(), 10, "the service drains")
            until(lambda: is_refused(plain), 10, "new clients are refused")
            last = plain.get("/readyz", client=client)
            assert (last.status, last.code) == (503, "shutting_down")
            assert last.headers["connection"] == "close"
        answer = running.result()
    assert answer.status == 200 and answer.headers["connection"] == "close"
    assert process.wait(20) == 0


def test_sigterm_does_not_wait_for_clients_that_say_nothing(plain):
    process = plain.start()
    with socket.create_connection(("127.0.0.1", plain.port)):
        client = plain.client()
        plain.get("/healthz", client=client)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGTERM)
        assert process.wait(25) == 0


def test_request_that_comes_as_time_to_drain_is_over_is_answered_or_not_taken(plain):
    """The end looks for requests once more after it has stopped to take them: one that came in between
    would be left in the middle of its work."""
    for _ in range(LAST_MOMENTS):
        process = plain.start(HORIZON_DRAIN_TIMEOUT=1, HORIZON_QUERY_TIMEOUT_MS=300)
        with contextlib.ExitStack() as stack:
            stack.enter_context(locked(plain, "snapshots"))
            clients = [stack.enter_context(contextlib.closing(plain.client())) for _ in range(40)]
            for client in clients:
                assert plain.get("/healthz", client=client).status == 200
            process.send_signal(signal.SIGTERM)
            until(lambda: "draining" in plain.log(), 10, "the service drains")
            process.send_signal(signal.SIGSTOP)
            asked = []
            for client in clients:
                with contextlib.suppress(ConnectionError):  # it has ended before it was stopped
                    client.request("GET", f"{MANAGER}/summary",
                                   headers={"Authorization": "Bearer " + plain.token})
                    asked.append(client)
            time.sleep(1.2)  # the time to drain is over
            process.send_signal(signal.SIGCONT)
            if process.wait(20) != 0:  # on a machine with much else to do there was no time left
                assert process.returncode == 1
                assert "requests were still running when time to drain was over" in plain.log()
            for client in asked:
                with contextlib.suppress(ConnectionError, http.client.BadStatusLine):
                    assert client.getresponse().status in (503, 504)
        plain.forget(keep_files=True)
        os.remove(plain.log_path)


def test_sigterm_leaves_nobody_behind_whom_the_kernel_has_let_in(plain):
    """Connections that are in the socket's queue when it is closed would be reset."""
    process = plain.start()
    process.send_signal(signal.SIGSTOP)
    with contextlib.ExitStack() as stack:
        clients = []
        for _ in range(QUEUED):
            client = stack.enter_context(contextlib.closing(plain.client()))
            client.request("GET", "/healthz")
            clients.append(client)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGCONT)
        assert [client.getresponse().status for client in clients] == [200] * QUEUED
    assert process.wait(20) == 0


@pytest.mark.parametrize("processes", [1, 2])
def test_new_process_takes_the_port_under_load_and_no_request_is_lost(plain, processes):
    settings = {"HORIZON_HANDOVER": os.path.join(plain.folder, "handover"),
                "WEB_CONCURRENCY": processes, "HORIZON_LOG_LEVEL": "info",
                "HORIZON_POOL_TIMEOUT_MS": 10000, "HORIZON_QUERY_TIMEOUT_MS": 9000}
    old = plain.start(**settings)
    new_clients = []
    stop = threading.Event()

    def connect_anew():
        while not stop.is_set():
            new_clients.append(plain.get("/healthz").status)

    thread = threading.Thread(target=connect_anew)
    with Load(plain, plain.token) as load:
        thread.start()
        try:
            until(lambda: load.count(200) > 20, 20, "the load runs")
            for _ in range(2):
                before = load.count(200)
                new = plain.start(**settings)
                assert old.wait(30) == 0
                plain.processes.remove(old)
                old = new
                until(lambda: load.count(200) > before + 20, 20, "answers go on")
        finally:
            stop.set()
            thread.join()
    assert set(load.answers) == {200}, load.answers
    assert set(new_clients) == {200} and len(new_clients) > 3


def test_successor_that_does_not_start_changes_nothing(plain):
    settings = {"HORIZON_HANDOVER": os.path.join(plain.folder, "handover")}
    old = plain.start(**settings)
    broken = plain.start(wait=False, HORIZON_CREDENTIALS=plain.file("broken", "nonsense\n"),
                         **settings)
    assert broken.wait(20) == 1
    plain.processes.remove(broken)
    until(lambda: "a successor came and went" in plain.log(), 10, "the old process has noticed")
    assert old.poll() is None and plain.get("/healthz").status == 200


def test_process_that_is_killed_is_replaced(plain):
    master = plain.start(WEB_CONCURRENCY=2, HORIZON_LOG_LEVEL="info")
    until(lambda: plain.log().count("horizon 0.1.0 serves") == 2, 20, "two processes serve")
    with open(f"/proc/{master.pid}/task/{master.pid}/children") as file:
        children = [int(pid) for pid in file.read().split()]
    assert len(children) == 2
    os.kill(children[0], signal.SIGKILL)
    until(lambda: plain.log().count("horizon 0.1.0 serves") == 3, 20, "a third process serves")
    assert plain.get("/api/me", plain.token).status == 200


def test_socket_of_the_service_manager_is_taken_over(plain):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(100)
        plain.port = listener.getsockname()[1]
        environment = {**plain.environment(), "PORT": "1", "LISTEN_FDS": "1",
                       "HORIZON_JWT_SECRET": "a secret of the tests, 32 bytes and more"}
        with open(plain.log_path, "ab") as log:
            process = subprocess.Popen(
                ["/bin/sh", "-c", f"LISTEN_PID=$$ exec {HORIZON} serve"], env=environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=plain.folder,
                close_fds=False, preexec_fn=lambda: os.dup2(listener.fileno(), 3))
        plain.processes.append(process)
        plain.await_start(process)
        assert plain.get("/api/me", plain.token).status == 200
        assert plain.stop() == 0
        with socket.create_connection(("127.0.0.1", plain.port), 5):
            pass  # the manager's socket lives on
