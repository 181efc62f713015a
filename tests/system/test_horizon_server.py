"""horizon serve from outside: who may ask what, the form of answers, limits, hostile clients."""
import contextlib
import gzip
import json
import resource
import socket
import time

import pytest
from harness.horizon import PASSWORD
from harness.openmetrics import CONTENT_TYPE, Metrics
from harness.service import SECRET, Service, encode, sign
from harness.wait import cpu_ticks, fd_count, rss_bytes, until

MANAGER = "/api/portfolio-manager"
PANELS = ["watch", "summary", "report", "market", "charts/portfolio"]
IDLE_CLIENTS = 10_000
LOGINS = 12


def raw(shared, data, timeout=20):
    """Sends bytes, reads until the end of the stream."""
    with socket.create_connection(("127.0.0.1", shared.port), timeout) as sock:
        sock.sendall(data)
        with contextlib.suppress(OSError):  # a server that has seen enough closes first
            sock.shutdown(socket.SHUT_WR)
        return read_all(sock)


def read_all(sock):
    parts = []
    while True:
        try:
            part = sock.recv(65536)
        except ConnectionResetError:
            part = b""
        if not part:
            return b"".join(parts)
        parts.append(part)


# ---- who may ask what


def test_login_gives_tokens_that_open_every_panel(shared):
    token = shared.token
    for panel in PANELS:
        assert shared.get(f"{MANAGER}/{panel}", token).status == 200
    assert shared.get("/api/me", token).json["user_id"] == shared.ann


@pytest.mark.parametrize("login, password", [("ann", "wrong-password"), ("nobody", PASSWORD)])
def test_wrong_password_and_unknown_login_get_the_same_answer(shared, login, password):
    answer = shared.ask("POST", "/api/auth/login", {"login": login, "password": password})
    assert (answer.status, answer.code) == (401, "invalid_credentials")
    assert answer.json["error"]["message"] == "there is no such login, or the password is wrong"


def test_login_that_does_not_exist_is_as_much_work_as_a_wrong_password(shared):
    """Nobody learns from the time of an answer who has a login here. Work is CPU, not time; without
    the key derivation it would be a hundredth."""
    def work_of(login):
        before = cpu_ticks(shared.processes[-1].pid)
        for _ in range(LOGINS):
            refused = shared.ask("POST", "/api/auth/login", {"login": login, "password": "wrong-password"})
            assert refused.code == "invalid_credentials"
        return cpu_ticks(shared.processes[-1].pid) - before
    known, unknown = work_of("ann"), work_of("nobody")
    assert known >= LOGINS / 2 and unknown * 3 >= known, (known, unknown)


def test_refresh_token_gives_new_tokens_until_the_password_changes(service):
    tokens = service.ask("POST", "/api/auth/login", {"login": "ann", "password": PASSWORD}).json
    again = service.ask("POST", "/api/auth/refresh", {"refresh_token": tokens["refresh_token"]})
    assert again.status == 200 and service.get("/api/me", again.json["access_token"]).status == 200
    path = service.file("new", "another-password-8\n")
    service.run("user", "passwd", "ann", "--password-file", path)
    late = service.ask("POST", "/api/auth/refresh", {"refresh_token": tokens["refresh_token"]})
    assert (late.status, late.code) == (401, "invalid_claims")
    assert service.login("ann", "another-password-8")


def test_refresh_token_is_no_access_token_and_vice_versa(shared):
    tokens = shared.ask("POST", "/api/auth/login", {"login": "ann", "password": PASSWORD}).json
    assert shared.get("/api/me", tokens["refresh_token"]).code == "invalid_claims"
    swapped = shared.ask("POST", "/api/auth/refresh", {"refresh_token": tokens["access_token"]})
    assert (swapped.status, swapped.code) == (401, "invalid_claims")


@pytest.mark.parametrize("header, code, challenge", [
    (None, "missing_token", "Bearer"),
    ("Basic YTpi", "missing_token", "Bearer"),
    ("Bearer ", "missing_token", "Bearer"),
    ("Bearer abc", "malformed_token", 'Bearer error="invalid_token"'),
    ("Bearer a.b.c.d", "malformed_token", 'Bearer error="invalid_token"'),
    ("Bearer ..", "malformed_token", 'Bearer error="invalid_token"'),
    pytest.param("Bearer " + "a" * 9000, "malformed_token", 'Bearer error="invalid_token"', id="long"),
])
def test_requests_without_a_token_are_told_what_is_missing(shared, header, code, challenge):
    answer = shared.get("/api/me", headers={"Authorization": header} if header else {})
    assert (answer.status, answer.code) == (401, code)
    assert answer.headers["www-authenticate"] == challenge


def test_forged_and_outdated_tokens_are_refused(shared):
    now = int(time.time())
    claims = shared.claims(shared.ann)
    none = f"{encode(b'{}')}"
    unsigned = encode(json.dumps({"alg": "none"}).encode()) + "." + sign(claims).split(".")[1] + "."
    cases = [
        (sign(claims, "x" * 40), "invalid_signature"),
        (sign(claims, header={"alg": "HS512", "typ": "JWT"}), "invalid_signature"),
        (sign(claims, header={"alg": "HS256", "crit": ["exp"]}), "invalid_signature"),
        (unsigned, "invalid_signature"),
        (sign(claims)[:-2], "invalid_signature"),
        (f"{none}.{none}.{none}", "malformed_token"),
        (sign({**claims, "exp": now - 31}), "token_expired"),
        (sign({**claims, "nbf": now + 100}), "token_not_yet_valid"),
        (sign({**claims, "iat": now + 100}), "token_not_yet_valid"),
        (sign({**claims, "exp": "tomorrow"}), "invalid_claims"),
        (sign({**claims, "sub": "../../etc/passwd"}), "invalid_claims"),
        (sign({**claims, "use": "refresh"}), "invalid_claims"),
        (sign({name: claims[name] for name in claims if name != "exp"}), "invalid_claims"),
    ]
    for token, code in cases:
        answer = shared.get("/api/me", token)
        assert (answer.status, answer.code) == (401, code), token
    assert shared.get("/api/me", sign(claims)).status == 200
    assert shared.get("/api/me", sign({**claims, "exp": now - 5})).status == 200, "leeway"


def test_issuer_and_audience_are_looked_at_when_they_are_set(service_factory, horizon_databases):
    service = service_factory(horizon_databases)
    user = service.add_user("ann")
    service.start(HORIZON_EXTERNAL_SECRET=SECRET, HORIZON_JWT_ISSUER="https://id.example/auth/v1",
                  HORIZON_JWT_AUDIENCE="authenticated")
    good = {"sub": user, "exp": int(time.time()) + 60, "iss": "https://id.example/auth/v1",
            "aud": ["other", "authenticated"]}
    assert service.get("/api/me", sign(good)).status == 200
    assert service.get("/api/me", sign({**good, "aud": "other"})).code == "invalid_claims"
    assert service.get("/api/me", sign({**good, "iss": "https://evil"})).code == "invalid_claims"
    login = service.ask("POST", "/api/auth/login", {"login": "ann", "password": PASSWORD})
    assert (login.status, login.code) == (404, "external_issuer")


def test_user_who_is_locked_is_refused_at_once(service):
    token = service.login("ann")
    assert service.get("/api/me", token).status == 200
    service.sql("UPDATE users SET is_active = false", fetch=False)
    answer = until(lambda: (a := service.get("/api/me", token)).status == 401 and a, 10,
                   "the cache hears that the user is locked")
    assert answer.code == "unknown_user"
    service.sql("UPDATE users SET is_active = true", fetch=False)
    until(lambda: service.get("/api/me", token).status == 200, 10, "the user is let in again")


# ---- the form of answers


def test_every_error_is_json_with_the_id_of_its_request(shared):
    token = shared.token
    cases = [
        ("GET", "/nothing", None, 404, "not_found"),
        ("GET", "/api/portfolio-manager", None, 404, "not_found"),
        ("DELETE", "/api/me", None, 405, "method_not_allowed"),
        ("PUT", f"{MANAGER}/watch", b"{}", 405, "method_not_allowed"),
        ("POST", "/", b"", 405, "method_not_allowed"),
        ("GET", f"{MANAGER}/report?range=2y", None, 400, "invalid_range"),
        ("GET", f"{MANAGER}/charts/portfolio?range=%00", None, 400, "invalid_range"),
        ("GET", f"{MANAGER}/activities?limit=0", None, 422, "invalid_field"),
        ("GET", f"{MANAGER}/activities?before=x", None, 422, "invalid_field"),
        ("POST", f"{MANAGER}/watch", b"{", 400, "invalid_json"),
        ("POST", f"{MANAGER}/watch", b"[]", 400, "invalid_json"),
        ("POST", f"{MANAGER}/watch", b'{"symbol":"A","symbol":"B"}', 400, "invalid_json"),
        ("POST", f"{MANAGER}/watch", b"[" * 60000, 400, "invalid_json"),
        ("POST", f"{MANAGER}/activities", b'{"amount":1e309}', 400, "invalid_json"),
        ("POST", f"{MANAGER}/watch", b'{"symbol":"\xff"}', 400, "invalid_json"),
        ("POST", f"{MANAGER}/watch", b'{"symbol":1}', 422, "invalid_field"),
        ("POST", f"{MANAGER}/watch", b'{"symbol":"NOPE"}', 404, "unknown_symbol"),
        ("POST", "/api/auth/login", b"{}", 422, "invalid_field"),
    ]
    for method, path, body, status, code in cases:
        answer = shared.ask(method, path, body, token)
        assert (answer.status, answer.code) == (status, code), (method, path)
        assert answer.json["error"]["request_id"] == answer.headers["x-request-id"]
        assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert shared.ask("DELETE", f"{MANAGER}/watch", token=token).headers["allow"] == \
        "GET, HEAD, POST"
    wrong = shared.ask("POST", f"{MANAGER}/watch", b"symbol=A", token,
                        {"Content-Type": "application/x-www-form-urlencoded"})
    assert (wrong.status, wrong.code) == (415, "unsupported_media_type")


def test_answers_carry_security_headers_and_say_how_long_they_may_be_kept(shared):
    token = shared.token
    for path, cache in ((f"{MANAGER}/summary", "private, no-cache"), ("/", "no-cache"),
                        ("/nothing", "no-store")):
        headers = shared.get(path, token).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == cache


def test_page_is_served_plain_or_compressed_and_only_once(shared):
    plain = shared.get("/?range=1y&view=operations")
    packed = shared.get("/", headers={"Accept-Encoding": "br, gzip"})
    assert plain.status == 200 and plain.headers["content-type"].startswith("text/html")
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    again = shared.get("/", headers={"If-None-Match": packed.headers["etag"]})
    assert (again.status, again.body) == (304, b"")


def test_head_is_answered_as_get_without_a_body(shared):
    answer = shared.ask("HEAD", "/healthz")
    assert answer.status == 200 and answer.body == b"" and answer.headers["content-length"] == "15"


def metrics(service):
    answer = service.get("/metrics")
    assert answer.headers["content-type"] == CONTENT_TYPE
    return Metrics(answer.body.decode())


def test_metrics_are_what_prometheus_reads_and_count_requests(shared):
    families = metrics(shared).families
    assert all(name.startswith(("horizon_", "weir_")) for name in families)
    assert {"counter", "gauge", "histogram"} <= {family.type for family in families.values()}

    def lost():
        return metrics(shared).value("horizon_http_requests_total", status="404")
    before = lost()
    shared.get("/nothing-here")
    until(lambda: lost() == before + 1, 10, "the request is counted")


def test_metrics_and_operations_show_pool_and_requests(shared):
    token = shared.token
    shared.get(f"{MANAGER}/summary", token)
    operations = shared.get("/api/operations", token).json
    assert operations["pool"]["takes"] >= 1 and operations["http"]["by_status"]["200"] >= 1
    assert sum(operations["wait_histogram"]["count"]) == operations["pool"]["takes"]
    seen = metrics(shared)
    assert seen.total("weir_pool_takes_total") >= operations["pool"]["takes"]
    assert seen.total("weir_pool_size") == operations["pool"]["size"]
    assert shared.get("/api/operations").status == 401


# ---- hostile clients


@pytest.mark.parametrize("path", [
    "/../etc/passwd", "/%2e%2e/etc/passwd", "/assets/..%2f..%2fetc/passwd", "//healthz",
    "/healthz/", "/./healthz", "/healthz%00", "/healthz%00.html", "/%", "/%2", "/%zz",
    "/api\\me", pytest.param("/" + "a" * 600, id="long"), "/%0d%0aX-Evil:1",
])
def test_odd_paths_reach_nothing(shared, path):
    answer = shared.get(path)
    assert (answer.status, answer.code) == (400, "invalid_path")
    assert "x-evil" not in answer.headers


def test_large_headers_and_bodies_are_refused(shared):
    token = shared.token
    answer = shared.get("/api/me", token, headers={"X-Large": "x" * 17000})
    assert (answer.status, answer.code) == (431, "headers_too_large")
    assert raw(shared, b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 200_000 + b"\r\n\r\n") \
        .startswith(b"HTTP/1.1 431")
    answer = shared.ask("POST", f"{MANAGER}/watch", b" " * 65537, token)
    assert (answer.status, answer.code) == (413, "body_too_large")
    chunked = b"".join(b"1000\r\n" + b" " * 4096 + b"\r\n" for _ in range(20)) + b"0\r\n\r\n"
    answer = raw(shared, f"POST {MANAGER}/watch HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                 f"Authorization: Bearer {token}\r\nTransfer-Encoding: chunked\r\n\r\n".encode() +
                 chunked)
    assert answer.startswith(b"HTTP/1.1 413") and b"body_too_large" in answer
    huge = f"POST {MANAGER}/watch HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n"
    assert raw(shared, huge.encode() + b"\r\n").split(b" ")[1] in (b"400", b"413")


@pytest.fixture(scope="module")
def impatient(horizon_databases):
    """A service that gives clients a second for a request."""
    made = Service(horizon_databases.pg, horizon_databases.migrated())
    made.start(HORIZON_REQUEST_TIMEOUT=1)
    yield made
    try:
        assert made.stop() == 0 and not made.bad_signs(), made.bad_signs()
    finally:
        made.forget()


@pytest.mark.parametrize("data", [
    b"\x16\x03\x01\x00\xa5" + bytes(range(200)), b"GET\r\n\r\n", b"\r\n" * 50,
    b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    b"POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
    b"Content-Length: 3\r\n\r\n{}x",
], ids=["tls", "short", "empty-lines", "no-host", "negative", "two-lengths"])
def test_garbage_is_refused_or_cut_off(impatient, data):
    answer = raw(impatient, data)
    assert answer == b"" or answer.split(b" ")[1] in (b"400", b"422", b"404"), answer
    assert impatient.get("/healthz").status == 200


def test_client_that_drips_its_request_is_cut_off(impatient):
    with socket.create_connection(("127.0.0.1", impatient.port), 20) as sock:
        sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n")
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            while True:
                sock.sendall(b"X-A: b\r\n")
                time.sleep(0.05)


def test_client_that_drips_its_body_is_cut_off(impatient):
    with socket.create_connection(("127.0.0.1", impatient.port), 20) as sock:
        sock.sendall(b"POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{")
        assert read_all(sock) == b""


def test_many_idle_clients_cost_little_and_others_are_served(service_factory, horizon_databases):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, IDLE_CLIENTS + 2000), hard))
    service = service_factory(horizon_databases)
    user = service.add_user("ann")
    process = service.start(HORIZON_REQUEST_TIMEOUT=60)
    before = rss_bytes(process.pid)
    clients = []
    try:
        for i in range(IDLE_CLIENTS):
            sock = socket.socket()
            sock.bind((f"127.0.0.{2 + i % 4}", 0))
            sock.connect(("127.0.0.1", service.port))
            clients.append(sock)
        until(lambda: fd_count(process.pid) > IDLE_CLIENTS, 20, "all clients are accepted")
        token = sign(service.claims(user))
        for panel in PANELS:
            assert service.get(f"{MANAGER}/{panel}", token).status == 200
        assert service.get("/api/operations", token).json["http"]["connections"] > IDLE_CLIENTS
        assert rss_bytes(process.pid) - before < IDLE_CLIENTS * 65536
    finally:
        for sock in clients:
            sock.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    until(lambda: fd_count(process.pid) < 1000, 20, "the clients are gone")
