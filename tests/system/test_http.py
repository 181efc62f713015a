"""/metrics, /healthz and /readyz."""
import http.client
import threading

import pytest

from harness.openmetrics import CONTENT_TYPE, Metrics
from harness.wait import free_port, until
from harness.wire import RawClient

pytestmark = pytest.mark.weir_only


@pytest.fixture
def web(weir_factory, pg):
    for _ in range(5):
        port = free_port()
        try:
            weir = weir_factory(pg, http_listen=f"127.0.0.1:{port}")
        except AssertionError:
            continue
        weir.http_port = port
        until(lambda: get(weir, "/healthz"), 10, "HTTP is served too")
        return weir
    raise AssertionError("no port for http_listen")


def get(weir, path, method="GET"):
    connection = http.client.HTTPConnection("127.0.0.1", weir.http_port, timeout=10)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response, response.read().decode()
    finally:
        connection.close()


def metrics(weir):
    return Metrics(get(weir, "/metrics")[1])


def test_metrics_are_what_prometheus_reads(web):
    for n in range(5):
        assert web.sql(f"SELECT {n}") == [(n,)]
    response, text = get(web, "/metrics")
    assert response.status == 200
    assert response.getheader("Content-Type") == CONTENT_TYPE
    families = Metrics(text).families
    assert {"counter", "gauge", "histogram"} <= {family.type for family in families.values()}
    assert all(name.startswith("weir_") for name in families)


def test_metrics_count_what_happened(web):
    def total():
        return metrics(web).total("weir_pool_queries_total")
    web.sql("SELECT 1")
    before = total()
    for _ in range(10):
        web.sql("SELECT 1")
    until(lambda: total() == before + 10, 10, "ten queries more")


def test_health_and_readiness(web):
    assert get(web, "/healthz")[0].status == 200
    until(lambda: get(web, "/readyz")[0].status == 200, 10, "it is ready")
    with RawClient(web.host, web.port) as inside:
        inside.login()
        inside.ask("BEGIN")
        web.signal(15)
        until(lambda: get(web, "/readyz")[0].status == 503, 10, "it is not ready while it ends")
        assert get(web, "/healthz")[0].status == 200
        inside.ask("COMMIT")
    assert web.process.wait(10) == 0


def test_other_paths_and_methods(web):
    assert get(web, "/")[0].status == 404
    assert get(web, "/metrics", "POST")[0].status == 405
    assert get(web, "/metrics", "HEAD")[0].status == 200
    assert get(web, "/" + "x" * 5000)[0].status in (404, 414, 431, 400)


def test_a_scraper_that_never_reads_disturbs_nobody(web):
    sockets = []
    for _ in range(40):
        connection = http.client.HTTPConnection("127.0.0.1", web.http_port, timeout=10)
        try:
            connection.request("GET", "/metrics")
        except OSError:
            break
        sockets.append(connection)
    done = threading.Event()

    def query():
        assert web.sql("SELECT 1") == [(1,)]
        done.set()

    threading.Thread(target=query).start()
    assert done.wait(10)
    for connection in sockets:
        connection.close()
    until(lambda: get(web, "/healthz")[0].status == 200, 15, "it answers again")


def test_no_secrets_in_metrics(web):
    web.sql("SELECT 1")
    text = get(web, "/metrics")[1]
    assert "app-2Bm9" not in text and "admin-7Ws3" not in text
