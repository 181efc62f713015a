"""weir simulate, as a program: what it prints, what it refuses, and that a seed is a run."""
import json
import pathlib
import subprocess

import pytest

from harness.daemon import BIN

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


def test_a_scenario_that_is_not_there_says_so():
    assert "cannot read" in simulate("/nowhere/at/all.toml", code=1)
    assert "name one scenario" in simulate(code=2)
