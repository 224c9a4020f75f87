"""Pages of the documentation whose console blocks are real: run again, and written back.

A block begins with ```console; a line with "$ " is a command, what follows is its output.  Commands run in a folder of
their own in which ``boards``, ``captures`` and ``logs`` are the project's, one after another, with the variables that
the page sets.

    python tests/support/pages.py docs/tables.md      writes the outputs of today into the page
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"(?m)^```console\n(.*?)^```$", re.DOTALL)
_VARIABLE = re.compile(r"\w+=")


def rerun(page: str, folder: Path) -> str:
    """``page`` with the outputs that its commands give now, run in ``folder``."""
    for name, place in (("boards", "boards"), ("captures", "tests/data/captures"), ("logs", "tests/data/logs")):
        (folder / name).symlink_to(ROOT / place)
    variables: list[str] = []
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    def again(block: re.Match[str]) -> str:
        lines = ["```console\n"]
        for line in block[1].splitlines():
            if not line.startswith("$ "):
                continue
            lines.append(f"{line}\n")
            command = line.removeprefix("$ ")
            if _VARIABLE.match(command):
                variables.append(command)
                continue
            script = "\n".join([*variables, command])
            done = subprocess.run(
                ["bash", "-c", script], cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True
            )
            assert not done.stderr, f"{command}: {done.stderr}"
            lines.append(done.stdout if done.stdout.endswith("\n") or not done.stdout else f"{done.stdout}\n")
        return "".join([*lines, "```"])

    return _BLOCK.sub(again, page)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as place:
            text = rerun(Path(name).read_text(), Path(place))
        Path(name).write_text(text)
