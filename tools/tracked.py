"""The files the checks look at: what git tracks and what still exists."""
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent


def tracked_files(*patterns):
    """Paths below the root, sorted. Outside a git clone (a release tarball) every file counts."""
    command = ["git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT), "ls-files", "-z", "--",
               *patterns]
    try:
        done = subprocess.run(command, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        found = (path for pattern in patterns or ("*",) for path in ROOT.rglob(pattern))
        return sorted(path for path in set(found) if path.is_file())
    names = {os.fsdecode(name) for name in done.stdout.split(b"\0") if name}
    return sorted(path for path in (ROOT / name for name in names) if path.is_file())
