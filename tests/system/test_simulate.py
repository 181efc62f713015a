"""weir simulate, as a program: what it prints, what it refuses, and that a seed is a run."""
import json
import pathlib
import re
import subprocess
import urllib.request

import pytest

from harness.daemon import BIN
from harness.wait import free_port

pytestmark = pytest.mark.weir_only
SCENARIOS = pathlib.Path(__file__).resolve().parents[2] / "examples" / "scenarios"


def simulate(*arguments, code=0):
    done = subprocess.run([BIN, "simulate", *map(str, arguments)], capture_output=True, text=True,
                          check=False, timeout=60)
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def test_the_incident_fails_before_and_not_after():
    before = json.loads(simulate("--json", SCENARIOS / "incident-before.toml"))
    after = json.loads(simulate("--json", SCENARIOS / "incident-after.toml"))
    assert before["total"]["refused"] > 1000
    assert before["room"] == before["peak_connected"] == 20
    assert after["total"]["answered"] == after["total"]["requests"] > 15000
    assert after["peak_connected"] == 20


def test_the_table_says_what_failed_and_why():
    text = simulate(SCENARIOS / "incident-before.toml")
    assert "portfolio page" in text and "refused; " in text
    assert "the role's connection limit leaves 20 connections" in text


def test_a_seed_is_a_run_byte_by_byte():
    path = SCENARIOS / "incident-after.toml"
    first = simulate("--json", "--seed=7", path)
    assert first == simulate("--json", "--seed=7", path)
    assert first != simulate("--json", "--seed=8", path)


def test_every_example_runs():
    paths = sorted(SCENARIOS.glob("*.toml"))
    assert len(paths) >= 2
    for path in paths:
        assert json.loads(simulate("--json", path))["total"]["requests"] > 0, path


def test_the_course_over_time_as_csv_and_as_a_picture(tmp_path):
    path = SCENARIOS / "incident-before.toml"
    lines = simulate("--csv", path).splitlines()
    assert len(lines) == 241 and lines[0].startswith("seconds,arrived,answered,failed")
    assert sum(int(line.split(",")[3]) for line in lines[1:]) > 1000
    picture = tmp_path / "out.svg"
    text = simulate(f"--plot={picture}", path)
    assert "portfolio page" in text
    assert picture.read_text().startswith("<svg ") and picture.read_text().endswith("</svg>\n")
    assert "longest wait" in simulate("--plot", path)


@pytest.mark.parametrize("text,reason", [
    ("[application]\nproceses = 2\n", "line 2: there is no key \"proceses\" in [application]"),
    ("duration = 5\n", "line 1: duration has to be a span in quotes"),
    ("[[load]]\nrate = 1\nrate = 2\n", "line 3: rate comes twice"),
    ("[database]\nplan = \"oracle\"\n", "line 2: plan has to be a name from"),
    ("duration = \"1s\"\n", "there is no load"),
])
def test_a_wrong_scenario_is_refused_with_its_line(tmp_path, text, reason):
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    assert reason in simulate(path, code=1)


def test_everything_that_is_wrong_is_told_at_once(tmp_path):
    path = tmp_path / "wrong.toml"
    path.write_text("duration = 5\n[aplication]\n[[load]]\nrate = 1\nusers = 2\n")
    lines = simulate(path, code=1).splitlines()
    assert len(lines) == 3 and all(line.startswith(f"{path}: line ") for line in lines)


def test_a_scenario_that_is_not_there_says_so():
    assert "cannot read" in simulate("/nowhere/at/all.toml", code=1)
    assert "name one scenario" in simulate(code=2)


# ---- from the metrics of a running weir ---------------------------------------------------------


@pytest.fixture
def measured(weir_factory, pg):
    """A weir with /metrics, through which some statements went."""
    for _ in range(5):
        port = free_port()
        try:
            weir = weir_factory(pg, http_listen=f"127.0.0.1:{port}", default_pool_size=7)
        except AssertionError:
            continue
        for _ in range(30):
            weir.sql("SELECT 1")
        return f"http://127.0.0.1:{port}/metrics"
    raise AssertionError("no port for http_listen")


def fetch(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read()


def test_a_file_of_metrics_is_a_load(measured, tmp_path):
    path = tmp_path / "metrics.txt"
    path.write_bytes(fetch(measured))
    text = simulate(f"--from-metrics={path}", "--metrics-pool=app/app", "--metrics-span=10s")
    assert "libweir 7 + 0" in text and "as measured" in text
    assert re.search(r"measured     3\d claims in 10 s waited", text)  # logins may ask as well
    facts = json.loads(simulate(f"--from-metrics={path}", "--metrics-span=10s", "--json"))
    assert 100 < facts["total"]["requests"] < 280  # three a second for a minute
    # without a span: since the process started
    facts = json.loads(simulate(f"--from-metrics={path}", "--json"))
    assert facts["total"]["requests"] > 0


def test_a_scenario_takes_rate_and_holding_time_from_metrics(measured, tmp_path):
    path, scenario = tmp_path / "metrics.txt", tmp_path / "one.toml"
    path.write_bytes(fetch(measured))
    scenario.write_text('[application]\nprocesses = 3\n[[load]]\nrate = 999\nrequests = 5\n')
    facts = json.loads(simulate(f"--from-metrics={path}", "--metrics-span=1s", "--json", scenario))
    assert 1000 < facts["total"]["requests"] < 2800  # six pages of five a second for a minute


LIBWEIR = """weir_pool_limit{pool="shop"} 15
weir_pool_hold_seconds_bucket{pool="shop",le="0.016384"} 100
weir_pool_hold_seconds_bucket{pool="shop",le="0.032768"} 1000
weir_pool_hold_seconds_bucket{pool="shop",le="+Inf"} 1000
weir_pool_hold_seconds_sum{pool="shop"} 20
weir_pool_hold_seconds_count{pool="shop"} 1000
"""


def test_metrics_of_libweir_need_their_span(tmp_path):
    path, later = tmp_path / "libweir.txt", tmp_path / "later.txt"
    path.write_text(LIBWEIR)
    later.write_text(LIBWEIR.replace(" 1000", " 3000").replace(" 20\n", " 60\n"))
    assert "give metrics_span" in simulate(f"--from-metrics={path}", code=1)
    facts = json.loads(simulate(f"--from-metrics={path},{later}", "--metrics-span=20s", "--json"))
    assert 5000 < facts["total"]["requests"] < 7000  # 100 a second, not 150, for a minute
    assert 1.8 < facts["lent_mean"] < 2.2  # of 20 ms each


def test_a_plan_may_be_made_for_measured_load(tmp_path):
    path = tmp_path / "libweir.txt"
    path.write_text(LIBWEIR)
    done = subprocess.run([BIN, "plan", f"--from_metrics={path}", "--metrics_span=10s", "--limit=20",
                           "--requests=1", "--transactions=1", "--json"], capture_output=True,
                          text=True, check=False, timeout=60)
    facts = json.loads(done.stdout)
    assert 1.8 < facts["littles_law"]["connections"] < 2.2
    assert 2 <= facts["pool_in_each_process"]["size"] <= 6


def test_a_url_is_counted_between_two_looks(measured, pg):
    done = subprocess.run([BIN, "simulate", f"--from-metrics={measured}", "--metrics-span=100ms"],
                          capture_output=True, text=True, check=False, timeout=60)
    # nothing went through in between, and that is said
    assert done.returncode == 1 and "has lent nothing" in done.stderr


@pytest.mark.parametrize("arguments,reason", [
    (["--from-metrics=/nowhere/at/all"], "cannot read"),
    (["--from-metrics=http://127.0.0.1:1/metrics"], "connect"),
    (["--from-metrics=x", "--metrics-span=soon"], "has to be a span"),
])
def test_metrics_that_cannot_be_had_are_told(arguments, reason):
    done = subprocess.run([BIN, "simulate", *arguments], capture_output=True, text=True,
                          check=False, timeout=60)
    assert done.returncode in (1, 2) and reason in done.stderr.lower()
