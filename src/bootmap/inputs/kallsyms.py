"""The symbols that a kernel image keeps of itself for its backtraces (CONFIG_KALLSYMS), by an external tool.

Distributions often ship a System.map that is a stub.  The image still has its kallsyms: all of them with
CONFIG_KALLSYMS_ALL, otherwise those of the text alone.  They are packed, and where they lie nothing says; the tool
that finds and unpacks them is ``kallsyms-finder`` of the Python package vmlinux-to-elf, which the user may have.

Source: scripts/kallsyms.c ``symbol_valid``, kernel/kallsyms.c.  Not here: what follows from the symbols of the text.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

from bootmap.errors import SymbolsError
from bootmap.inputs.symbols import Symbols, parse

TOOL = "kallsyms-finder"
PACKAGE = "vmlinux-to-elf"
_TIMEOUT = 300.0  # seconds; 2.3 for a kernel of Debian's
_LINE = re.compile(rb"[0-9a-f]{8} [A-Za-z] [!-~]+")


def tool_path() -> str | None:
    """Where the tool is: on the PATH, or in the Python environment that runs us; None where it is in neither."""
    return shutil.which(TOOL) or shutil.which(TOOL, path=os.path.dirname(sys.executable))


def read_kallsyms(path: str, tool: str) -> Symbols:
    """The symbols in the kernel file ``path`` (packed or not), as ``tool`` finds them.

    Raises:
        SymbolsError: the tool finds none.
    """
    environment = os.environ | {"PYTHONUNBUFFERED": "1", "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(
            [tool, os.path.abspath(path)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT,
            check=False,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        raise SymbolsError(f"{TOOL} found no symbols in {_TIMEOUT:.0f} seconds", file=path) from None
    except OSError as error:
        raise SymbolsError(f"{TOOL} cannot be run: {error.strerror}", file=path) from None
    lines = [line for line in done.stdout.split(b"\n") if _LINE.fullmatch(line)]
    if not lines:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        reason = f": {said[-1]}" if done.returncode and said else ""
        raise SymbolsError(f"{TOOL} finds no symbols of a 32-bit kernel in it{reason}", file=path)
    return parse(b"\n".join(lines) + b"\n", file=f"{path} (kallsyms)")
