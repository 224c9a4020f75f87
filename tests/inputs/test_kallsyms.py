"""The external tool that finds a kernel's own symbols: what becomes of its output, whatever that is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from bootmap.errors import SymbolsError
from bootmap.inputs import kallsyms

if TYPE_CHECKING:
    from pathlib import Path


def tool(folder: Path, script: str) -> str:
    path = folder / kallsyms.TOOL
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_read_kallsyms_takes_the_lines_of_symbols(tmp_path: Path) -> None:
    said = tool(tmp_path, "echo '[+] Version string: Linux'; echo 'c0300000 T _stext'; echo; echo 'c0300020 t local'")
    symbols = kallsyms.read_kallsyms("zImage", said)
    assert dict(symbols) == {"_stext": 0xC0300000, "local": 0xC0300020}


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("exit 0", "zImage: kallsyms-finder finds no symbols of a 32-bit kernel in it"),
        ("echo ffffffc000080000 T _text", "finds no symbols of a 32-bit kernel"),
        ("echo 'a traceback' >&2; echo 'ValueError: no kallsyms' >&2; exit 1", "in it: ValueError: no kallsyms"),
        ("printf '\\377\\000\\n'; kill -KILL $$", "finds no symbols"),
    ],
)
def test_read_kallsyms_without_symbols(tmp_path: Path, script: str, message: str) -> None:
    with pytest.raises(SymbolsError, match=message.replace("(", r"\(")):
        kallsyms.read_kallsyms("zImage", tool(tmp_path, script))


def test_read_kallsyms_with_a_tool_that_cannot_run(tmp_path: Path) -> None:
    with pytest.raises(SymbolsError, match="cannot be run: No such file"):
        kallsyms.read_kallsyms("zImage", str(tmp_path / "none"))


def test_tool_path_is_looked_for_on_the_path_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    path = tool(tmp_path, "exit 0")
    assert kallsyms.tool_path() == path
