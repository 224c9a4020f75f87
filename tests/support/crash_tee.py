#!/usr/bin/env python3
"""Between crash's extension and its script: what crash answers is kept, one JSON line each, in the file BOOTMAP_TEE."""

from __future__ import annotations

import json
import os
import subprocess
import sys


def main() -> None:
    """Pass on what the script asks and what crash answers."""
    script = subprocess.Popen(
        [sys.executable, os.environ["BOOTMAP_SCRIPT"], *sys.argv[1:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert script.stdin is not None
    assert script.stdout is not None
    with open(os.environ["BOOTMAP_TEE"], "a") as kept:
        while line := script.stdout.readline():
            what, *words = line.decode().split()
            body = script.stdout.read(int(words[-1])) if what in ("say", "keep", "refuse") else b""
            sys.stdout.buffer.write(line + body)
            sys.stdout.buffer.flush()
            if what in ("root", "value", "read"):
                answer = sys.stdin.buffer.readline()
                content = sys.stdin.buffer.read(int(answer)) if what == "read" else b""
                kept.write(json.dumps([what, *words, answer.decode().strip(), content.hex()]) + "\n")
                script.stdin.write(answer + content)
                script.stdin.flush()
    sys.exit(script.wait())


if __name__ == "__main__":
    main()
