"""weir plan, as a program: settings that meet a goal, what would help when none do, and --check."""
import json
import subprocess

import pytest

from harness.daemon import BIN

pytestmark = pytest.mark.weir_only


def plan(*arguments, code=0):
    done = subprocess.run([BIN, "plan", *arguments], capture_output=True, text=True, check=False,
                          timeout=60)
    assert done.returncode == code, done.stderr + done.stdout
    return done.stderr if code == 2 else done.stdout


def test_settings_are_shown_for_weir_libweir_and_sqlalchemy():
    arguments = ["--plan=heroku-essential-0", "--processes=2", "--rate=20"]
    text, facts = plan(*arguments), json.loads(plan(*arguments, "--json"))
    assert plan(*arguments) == text  # a seed is an answer
    own, weir = facts["pool_in_each_process"], facts["weir_in_front"]
    assert facts["room"] == 18 and own["found"] and weir["found"]
    assert own["wait"]["p99"] <= facts["goal"] == 0.1 and own["failed"] == 0
    assert own["total"] == 2 * own["size"] <= 18
    assert f"pool_size={own['size']}, max_overflow=0" in text
    assert f"WEIR_POOL_SIZE={own['size']} WEIR_MAX_OVERFLOW=0" in text
    assert f"default_pool_size = {weir['size']}" in text
    assert "Little's law" in text and not facts["littles_law"]["meets_goal"]


def test_one_less_would_not_do():
    """The size found is the smallest: with one connection less per process the goal is missed."""
    arguments = ["--processes=1", "--rate=20", "--json"]
    size = json.loads(plan("--limit=40", "--reserve=0", *arguments))["pool_in_each_process"]["size"]
    assert size > 2
    facts = json.loads(plan(f"--limit={size - 1}", "--reserve=0", *arguments, code=1))
    assert not facts["pool_in_each_process"]["found"]
    assert facts["pool_in_each_process"]["would_do"]["connections"] in (size - 1, size, size + 1)


def test_deploys_with_old_and_new_side_by_side_halve_the_pools():
    facts = json.loads(plan("--limit=20", "--processes=2", "--rate=5", "--overlap", "--json"))
    own = facts["pool_in_each_process"]
    assert own["found"] and own["total"] == 4 * own["size"] <= 18


def test_when_nothing_fits_what_would_help_is_said():
    text = plan("--plan=heroku-essential-0", "--processes=6", "--rate=50", code=1)
    assert "no size within 18 connections meets the goal" in text
    for remedy in ("a bigger plan: ", "such as heroku-", "faster statements: "):
        assert remedy in text


def test_many_processes_are_helped_by_transaction_mode_or_by_being_fewer():
    facts = json.loads(plan("--limit=20", "--processes=9", "--rate=20", "--json"))
    assert not facts["pool_in_each_process"]["found"] and facts["weir_in_front"]["found"]
    assert 1 <= facts["pool_in_each_process"]["would_do"]["processes"] < 9


def test_more_processes_than_connections_cannot_have_pools_of_their_own():
    text = plan("--limit=12", "--processes=30", "--rate=5")
    assert "not even one connection for each process" in text
    assert "transaction mode: weir in front with" in text
    assert "default_pool_size" in text


def test_the_plans_of_a_pooler_count_its_connections():
    pooler = plan("--plan=supabase-micro", "--through=pooler", "--json", "--check", "pool_size=5")
    assert json.loads(pooler)["limit"] == 15
    direct = plan("--plan=supabase-micro", "--json", "--check", "pool_size=5")
    assert json.loads(direct)["limit"] == 60
    assert "supabase-micro" in plan("--plans")


def test_the_remedy_of_the_incident_is_refused():
    words = "pool_size=20 max_overflow=10 processes=1 limit=20"
    text = plan("--check", words, code=1)
    assert text.startswith("30 > 20: ")
    assert "5 users who load a page of 5 requests" in text
    assert "pool_size=18, max_overflow=0" in text and "default_pool_size = 18" in text
    facts = json.loads(plan("--json", "--check", words, code=1))
    assert (facts["fits"], facts["connections"], facts["users_at_once"]) == (False, 30, 5)
    assert 5 <= facts["users_simulated"] < 200 and facts["outcome"] == "refused"


def test_settings_that_fit_fit():
    text = plan("--check", "pool_size=8 max_overflow=2 processes=1 limit=20")
    assert text.startswith("10 <= 20: it fits, 10 to spare.")
    text = plan("--check", "pool_size=8 max_overflow=2 processes=1 limit=12")
    assert "But 20 > 12 where deploys" in text
    plan("--check", "pool_size=8 max_overflow=2 processes=1 limit=12 overlap", code=1)


def test_a_scenario_gives_load_and_limit(tmp_path):
    path = tmp_path / "load.toml"
    path.write_text('[database]\nplan = "heroku-essential-0"\n[application]\nprocesses = 2\n'
                    '[[load]]\nrate = 20\nrequests = 5\nservice = "exponential 20ms"\n')
    facts = json.loads(plan(f"--scenario={path}", "--json"))
    assert (facts["limit"], facts["processes"]) == (20, 2)
    assert json.loads(plan(f"--scenario={path}", "--limit=30", "--json"))["limit"] == 30


@pytest.mark.parametrize("arguments,reason", [
    ([], "how many connections are there?"),
    (["--limit=20"], "how much load is there?"),
    (["--limit=x", "--rate=1"], "limit has to be a whole number"),
    (["--limit=20", "--rate=1", "--service=fast"], 'service has to be 8ms, "exponential 8ms"'),
    (["--plan=oracle", "--rate=1"], 'there is no plan "oracle"'),
    (["--plan=heroku-essential-0", "--through=pooler", "--rate=1"], "has no pooler"),
    (["--limit=20", "--rate=1", "--sise=3"], 'no option "sise"'),
    (["--limit=20", "--rate"], "--rate needs a value"),
    (["--check", "pool=20 limit=20"], 'no option "pool"'),
    (["twenty"], "takes options only"),
])
def test_a_wrong_command_line_says_what_is_wanted(arguments, reason):
    assert reason in plan(*arguments, code=2)
