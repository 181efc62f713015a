"""What horizon is deployed with names only things that exist: files of the repository, what the first
stage builds, packages that packages.txt lists or Debian has."""
import glob
import os
import re
import subprocess

import pytest

from harness.horizon import HORIZON

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILT = {"/build/src/lib/libweir.so.0": "src/lib/meson.build",
         "/build/horizon/horizon": "horizon/meson.build"}


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


@pytest.fixture(scope="module", name="steps")
def instructions():
    """[(instruction, arguments)] with lines joined and comments left out."""
    text = "\n".join(line for line in read("horizon/deploy/Dockerfile").splitlines()
                     if not line.startswith("#"))
    lines = text.replace("\\\n", " ").splitlines()
    return [tuple(line.split(None, 1)) for line in lines if line.strip()]


def test_what_is_copied_exists_or_is_built(steps):
    copied = [arguments.split() for instruction, arguments in steps if instruction == "COPY"]
    assert [". /source".split(), *([source] for source in BUILT)] == [
        copied[0], *([words[1]] for words in copied[1:])]
    for words in copied[1:]:
        assert words[0] == "--from=build" and words[1] in BUILT
    assert "libweir" in read(BUILT["/build/src/lib/libweir.so.0"])
    assert "executable('horizon'" in read(BUILT["/build/horizon/horizon"])


def test_build_stage_installs_what_packages_txt_lists_for_the_build(steps):
    install = next(arguments for instruction, arguments in steps if "packages.txt" in arguments)
    command = re.search(r"\$\((sed .*?grep -v '\^#')\)", install)[1]
    listed = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True,
                            check=True).stdout.split()
    assert {"gcc", "meson", "libpq-dev", "libmicrohttpd-dev"} <= set(listed), listed


def test_packages_of_the_second_stage_are_the_libraries_that_horizon_needs(steps):
    second = [index for index, step in enumerate(steps) if step[0] == "FROM"][1]
    install = next(arguments for instruction, arguments in steps[second:]
                   if instruction == "RUN" and "apt-get install" in arguments)
    named = set(re.search(r"--no-install-recommends (.*?) &&", install)[1].split())
    for package in named:
        assert subprocess.run(["apt-cache", "show", package], capture_output=True,
                              check=False).returncode == 0, package
    needed = re.findall(r"NEEDED\s+(\S+)", subprocess.run(
        ["objdump", "-p", HORIZON], capture_output=True, text=True, check=True).stdout)
    for library in needed:
        if re.match(r"lib(c|m|weir|asan|ubsan|tsan|gcc_s)\.so|ld-linux", library):
            continue
        owners = subprocess.run(["dpkg", "-S", *glob.glob(f"/usr/lib/*/{library}")],
                                capture_output=True, text=True, check=True).stdout
        assert any(f"{package}:" in owners for package in named), (library, owners)
