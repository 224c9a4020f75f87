"""tools/fresh-machine says what it cannot begin with, in one line."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "fresh-machine"


def refused(folder: str) -> str:
    """What it says where ``folder`` is TMPDIR: one line."""
    done = subprocess.run([TOOL, "true"], capture_output=True, text=True, env={**os.environ, "TMPDIR": folder})
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    assert refused(f"{tmp_path}/none") == f"fresh-machine: TMPDIR={tmp_path}/none is no folder\n"


@pytest.mark.skipif(shutil.which("findmnt") is None, reason="findmnt is not installed")
def test_folder_where_nothing_can_run() -> None:
    """Any that is mounted so: /proc on most machines."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    folders = [row[1] for row in mounts if {"noexec", "nodev"} & {*row[3].split(",")} and Path(row[1]).is_dir()]
    if not folders:
        pytest.skip("nothing is mounted noexec or nodev here")
    assert f"TMPDIR={folders[0]} is mounted nodev or noexec" in refused(folders[0])
