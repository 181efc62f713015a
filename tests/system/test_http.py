"""/metrics, /healthz and /readyz."""
import http.client
import re
import threading

import pytest

from harness.wait import free_port, until
from harness.wire import RawClient

pytestmark = pytest.mark.weir_only

SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(.*)\})? (\S+)( \S+)?$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\.)*)"(?:,|$)')
SUFFIXES = {"counter": ("_total", "_created"), "gauge": ("",), "info": ("_info",),
            "histogram": ("_bucket", "_count", "_sum", "_created"), "stateset": ("",),
            "unknown": ("",), "summary": ("", "_count", "_sum", "_created")}


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


def parse(text):
    """OpenMetrics: {(name, labels): value}; asserts the grammar on the way."""
    assert text.endswith("# EOF\n") and text.count("# EOF") == 1
    types, samples, finished, family = {}, {}, set(), None
    for line in text.splitlines()[:-1]:
        assert line, "an empty line"
        if line.startswith("# "):
            _, kind, name, *rest = line.split(" ", 3)
            assert kind in ("TYPE", "HELP", "UNIT")
            if name != family:
                assert name not in finished, f"{name} is not in one piece"
                finished.add(family)
                family = name
            if kind == "TYPE":
                assert name not in types
                types[name] = rest[0]
            if kind == "UNIT" and rest and rest[0]:
                assert name.endswith("_" + rest[0])
            continue
        match = SAMPLE.match(line)
        assert match, f"not a sample: {line!r}"
        name, labels, value = match[1], match[3] or "", match[4]
        assert family and any(name == family + s for s in SUFFIXES[types[family]]), line
        pairs = tuple(LABEL.findall(labels))
        assert sum(len(k) + len(v) + 4 for k, v in pairs) - (1 if pairs else 0) == len(labels)
        assert (name, pairs) not in samples, f"twice: {line}"
        samples[name, pairs] = float(value)
    return types, samples


def test_metrics_are_openmetrics(web):
    for n in range(5):
        assert web.sql(f"SELECT {n}") == [(n,)]
    response, text = get(web, "/metrics")
    assert response.status == 200
    assert response.getheader("Content-Type").startswith("application/openmetrics-text")
    types, samples = parse(text)
    assert "histogram" in types.values() and "counter" in types.values()
    for name in types:
        assert name.startswith("weir_")


def test_histograms_add_up(web):
    for n in range(5):
        web.sql(f"SELECT {n}")
    types, samples = parse(get(web, "/metrics")[1])
    for family in (name for name, kind in types.items() if kind == "histogram"):
        series = {}
        for (name, pairs), value in samples.items():
            if name == family + "_bucket":
                rest = tuple(p for p in pairs if p[0] != "le")
                series.setdefault(rest, []).append((float(dict(pairs)["le"]), value))
        assert series, family
        for rest, buckets in series.items():
            counts = [value for _, value in sorted(buckets)]
            assert sorted(counts) == counts, "buckets must grow"
            assert sorted(buckets)[-1][0] == float("inf")
            assert counts[-1] == samples[family + "_count", rest]


def test_metrics_count_what_happened(web):
    def total():
        _, samples = parse(get(web, "/metrics")[1])
        return sum(value for (name, _), value in samples.items()
                   if name == "weir_pool_queries_total")
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
