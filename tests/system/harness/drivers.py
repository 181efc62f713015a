"""The drivers of drivers/: how each is built and started, and which cases it has to report.

A program is compiled once and kept in .cache/drivers/NAME-HASH (of its sources and its compiler);
several test runs, or workers of one run, that need the same one wait for the first of them.
`python3 -m harness.drivers` compiles all of them.
"""
import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile

from .daemon import ROOT

SOURCES = os.path.join(ROOT, "tests", "system", "drivers")
CACHE = os.path.join(ROOT, ".cache", "drivers")
BUILD_SECONDS_MAX = 600
RUN_SECONDS_MAX = 80
REPORT = re.compile(r"^(ok|failed) (\w+)(?:: (.*))?$", re.MULTILINE)
JDBC_JAR = "/usr/share/java/postgresql.jar"
DEBIAN_CRATES = "/usr/share/cargo/registry"


class Driver:
    """`build`: commands that compile `folder` (a copy of the sources, where they run). `run`: the
    command, with {folder} for that place. `compiler`: what says the compiler's version."""

    def __init__(self, folder, run, cases, build=(), compiler=(), env=None):
        self.folder = folder
        self.run = run
        self.cases = cases.split()
        self.build = build
        self.compiler = compiler
        self.env = env or {}


GO = {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOFLAGS": "", "CGO_ENABLED": "0",
      "GOCACHE": "{folder}/cache"}
CARGO = ["cargo", "build", "--offline", "--quiet",
         "--config", "source.crates-io.replace-with='debian'",
         "--config", f"source.debian.directory='{DEBIAN_CRATES}'"]

DRIVERS = {
    "jdbc": Driver(
        "java", ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto",
                 "-Dfile.encoding=UTF-8", "-cp", f"{JDBC_JAR}:{{folder}}", "Driver"],
        "simple prepared types rollback error copy batch cursor cancel timeout large settings"
        " parallel",
        build=[["javac", "-encoding", "UTF-8", "-Xlint:all", "-Werror", "-cp", JDBC_JAR,
                "Driver.java"]],
        compiler=["javac", "-version"]),
    "pgx": Driver(
        "go", ["{folder}/driver"],
        "simple prepared types rollback error copy batch cancel timeout large settings parallel"
        " pool",
        build=[["go", "build", "-o", "driver", "main.go"]], compiler=["go", "version"], env=GO),
    "lib-pq": Driver(
        "go-pq", ["{folder}/driver"], "",
        build=[["go", "build", "-o", "driver", "main.go"]], compiler=["go", "version"], env=GO),
    "tokio-postgres": Driver(
        "rust", ["{folder}/target/debug/driver"],
        "simple prepared types rollback error copy pipeline cursor cancel timeout large settings"
        " parallel",
        build=[CARGO], compiler=["cargo", "--version"]),
    "libpq-pipeline": Driver(
        "c", ["{folder}/pipeline"],
        "simple prepared rollback error flush single_rows deep copy cancel parallel",
        build=[["gcc", "-std=c17", "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-Werror", "-pthread",
                "-I/usr/include/postgresql", "pipeline.c", "-o", "pipeline", "-lpq"]],
        compiler=["gcc", "--version"]),
    "ruby-pg": Driver(
        "ruby", ["/usr/bin/ruby", "{folder}/driver.rb"],
        "simple prepared types rollback error copy pipeline cancel timeout large settings"
        " parallel"),
    "php-pgsql": Driver(
        "php", ["/usr/bin/php", "{folder}/pgsql.php"],
        "simple prepared types rollback error copy cursor cancel timeout large settings parallel"),
    "php-pdo": Driver(
        "php", ["/usr/bin/php", "{folder}/pdo.php"],
        "simple prepared types rollback error copy cursor large_object timeout large settings"
        " parallel"),
    "dbd-pg": Driver(
        "perl", ["/usr/bin/perl", "{folder}/driver.pl"],
        "simple prepared types rollback error copy batch cancel timeout large settings parallel"),
}


def _filled(words, folder):
    return [word.replace("{folder}", folder) for word in words]


def _hash(driver, source):
    seen = hashlib.sha256(repr((driver.build, driver.env)).encode())
    seen.update(subprocess.run(driver.compiler, capture_output=True, check=True).stdout)
    for folder, folders, names in os.walk(source):
        folders.sort()
        for name in sorted(names):
            with open(os.path.join(folder, name), "rb") as file:
                seen.update(name.encode() + b"\0" + file.read())
    return seen.hexdigest()[:16]


@contextlib.contextmanager
def _alone(name):
    os.makedirs(CACHE, exist_ok=True)
    with open(os.path.join(CACHE, name + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def built(name):
    """The folder with the program of a driver, compiled when it is not there yet."""
    driver = DRIVERS[name]
    source = os.path.join(SOURCES, driver.folder)
    if not driver.build:
        return source
    target = os.path.join(CACHE, f"{name}-{_hash(driver, source)}")
    with _alone(name):
        if os.path.isdir(target):
            return target
        work = target + ".new"
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(source, work)
        env = {**os.environ, **dict(zip(driver.env, _filled(driver.env.values(), work)))}
        for command in driver.build:
            done = subprocess.run(command, cwd=work, env=env, text=True, capture_output=True,
                                  timeout=BUILD_SECONDS_MAX, check=False)
            assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        shutil.rmtree(os.path.join(work, "cache"), ignore_errors=True)
        os.rename(work, target)
    return target


def outcome(name, environment):
    """Runs a driver's program: {case: "" or why it failed}, and what it said besides."""
    driver = DRIVERS[name]
    command = _filled(driver.run, built(name))
    with tempfile.TemporaryFile("w+") as out:
        done = subprocess.run(command, env={**os.environ, **environment}, stdout=out, text=True,
                              stderr=subprocess.STDOUT, timeout=RUN_SECONDS_MAX, check=False)
        out.seek(0)
        said = out.read()
    results = {case: why if state == "failed" else "" for state, case, why in REPORT.findall(said)}
    return results, f"exit code {done.returncode}\n{said}"


if __name__ == "__main__":
    for each in DRIVERS:
        print(each, built(each), flush=True)
