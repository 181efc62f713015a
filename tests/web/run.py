#!/usr/bin/python3
"""The page in a real browser, on the real service with the demonstration's data.

    tests/web/run.py [FILE...]     all of tests/web/*.test.mjs, or these; the last line is the sum
    tests/web/run.py --pictures [NAME...]     makes docs/images/page-*.png instead, or these

Makes a PostgreSQL and a horizon of its own on ports that are free, both gone at the end.
HORIZON_BIN is the program, default build/horizon/horizon. Needs Debian's chromium, Node.js and what
script/setup installs into node_modules.
"""
import contextlib
import os
import pathlib
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "demo"))
from postgres import PrivatePostgres  # noqa: E402  pylint: disable=wrong-import-position

DATABASE = "horizon_web"
LOGIN = "demo"
NOVICE = "novice"  # has nothing yet
LISTENING = re.compile(r"listening on \S+ port (\d+)")
COUNT = re.compile(r"^# (pass|fail|skipped) (\d+)$", re.MULTILINE)
FAILED = re.compile(r"^\s*not ok \d+ - (.*)$", re.MULTILINE)
BAD_SIGNS = re.compile("Sanitizer|runtime error|invariant")
START_SECONDS_MAX = 60
FILE_SECONDS_MAX = 600


def prepare(folder, server):
    """The environment of a horizon whose database has the demonstration's data."""
    password = secrets.token_urlsafe(12)
    server.psql(f"CREATE ROLE {DATABASE} LOGIN PASSWORD '{password}'")
    server.psql(f"CREATE DATABASE {DATABASE} OWNER {DATABASE}")
    password_file = folder / "password"
    password_file.write_text(password + "\n")
    environment = {
        **os.environ,
        "HORIZON_BIN": os.environ.get("HORIZON_BIN", str(ROOT / "build" / "horizon" / "horizon")),
        "DATABASE_URL": f"postgres://{DATABASE}:{password}@127.0.0.1:{server.port}/{DATABASE}",
        "HORIZON_CREDENTIALS": str(folder / "credentials"),
        "HORIZON_HOST": "127.0.0.1", "HORIZON_LOGIN": LOGIN, "HORIZON_NOVICE": NOVICE,
        "HORIZON_PASSWORD": password,
    }
    for verb in (["migrate"], ["import", "--demo", "--password-file", str(password_file)],
                 ["user", "add", NOVICE, "--password-file", str(password_file)]):
        subprocess.run([environment["HORIZON_BIN"], *verb], env=environment, check=True,
                       stdout=subprocess.DEVNULL, cwd=folder)
    return environment


@contextlib.contextmanager
def service(environment, folder):
    """A running horizon; its address. What it logs is shown when it fails to start."""
    log = folder / "horizon.log"
    with open(log, "w", encoding="utf-8") as output:
        process = subprocess.Popen([environment["HORIZON_BIN"], "serve"], cwd=folder,
                                   env={**environment, "PORT": "0"}, stdout=output, stderr=output)
    try:
        for _ in range(START_SECONDS_MAX * 10):
            found = LISTENING.search(log.read_text(encoding="utf-8"))
            if found:
                yield f"http://127.0.0.1:{found[1]}/"
                return
            if process.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError(f"horizon does not listen: {log.read_text(encoding='utf-8')}")
    finally:
        process.terminate()
        code = process.wait()
    text = log.read_text(encoding="utf-8")
    if code or BAD_SIGNS.search(text):
        raise RuntimeError(f"horizon ended with {code}: {text}")


def run_file(path, environment):
    """(passed, failed, skipped) of one file of tests; what failed is shown."""
    done = subprocess.run(["node", "--test", "--test-reporter=tap", path], env=environment, text=True,
                          capture_output=True, timeout=FILE_SECONDS_MAX, check=False, cwd=HERE)
    count = {name: int(value) for name, value in COUNT.findall(done.stdout)}
    passed, failed, skipped = (count.get(name, 0) for name in ("pass", "fail", "skipped"))
    failed = failed or int(done.returncode != 0 or not passed)
    if failed:
        print(done.stdout, done.stderr)
        for name in FAILED.findall(done.stdout):
            print(f"[  FAILED  ] {re.sub(r'[^a-zA-Z0-9]+', '_', name)}")
    print(f"{path.name}: {passed} passed, {failed} failed", flush=True)
    return passed, failed, skipped


def main():
    wants_pictures = sys.argv[1:2] == ["--pictures"]
    files = sorted(HERE.glob("*.test.mjs"))
    if sys.argv[1:] and not wants_pictures:
        files = [pathlib.Path(name).resolve() for name in sys.argv[1:]]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
    with tempfile.TemporaryDirectory(prefix="horizon-web-") as folder, PrivatePostgres() as server:
        environment = prepare(pathlib.Path(folder), server)
        with service(environment, pathlib.Path(folder)) as url:
            if wants_pictures:
                return subprocess.run(["node", HERE / "pictures.mjs", *sys.argv[2:]], check=False,
                                      env={**environment, "HORIZON_URL": url}).returncode
            results = [run_file(path, {**environment, "HORIZON_URL": url}) for path in files]
    passed, failed, skipped = (sum(numbers) for numbers in zip(*results))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
