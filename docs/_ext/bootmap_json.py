"""The keys of every JSON document, read from documents that the commands print while the site is built."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bootmap_facts import Written, cell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
_KERNEL = "--config boards/linux-6.1-armmp/config.gz --system-map boards/linux-6.1-armmp/System.map"
_BOARD = f"boards/imx6q-sabrelite.dtb {_KERNEL} --phys-offset 0x10000000"
_DEAD = f"boards/findings/ram-14m.dtb {_KERNEL}"

# A command for each document; one with something to say in as many keys as there are.
COMMANDS = (
    f"predict {_DEAD} --json --stage arm_memblock_init",
    "check boards/findings/ram-14m.dtb --format json",
    "diagnose tests/data/captures/wdmc-ex2-5.10-initrd.txt --json",
    f"tables {_BOARD} --format json",
    f"walk {_BOARD} 0xffff0000 --json",
    f"diff {_BOARD} boards/imx6q-sabrelite-moved.dtb --json",
    f"audit {_BOARD} --format json",
    f"mem-types {_BOARD} --json",
    "features --kernel-version 6.1 --json",
)
_NAMES = {str: "text", int: "number", float: "number", bool: "true or false", type(None): "null"}
_LONGEST = 48
_BY_ADDRESS = re.compile(r"0x[0-9a-f]+")


def document(command: str) -> Any:
    """What a command prints."""
    done = subprocess.run(
        [sys.executable, "-m", "bootmap", *command.split()], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if not done.stdout:
        raise RuntimeError(f"bootmap {command}: {done.stderr}")
    return json.loads(done.stdout)


def keys_of(value: Any, path: str = "") -> Iterator[tuple[str, str, str]]:
    """Path, kind of value and an example, for each value; members of lists are ``[]``."""
    if isinstance(value, dict):
        for key, inner in value.items():
            name = "ADDRESS" if _BY_ADDRESS.fullmatch(key) else key
            yield from keys_of(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value:
        for inner in value:
            yield from keys_of(inner, f"{path}[]")
    else:
        text = json.dumps(value, ensure_ascii=False)
        kind = "list" if isinstance(value, list) else "object" if value == {} else _NAMES[type(value)]
        yield path, kind, text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]} ..."


def outline(value: Any) -> dict[str, tuple[list[str], str]]:
    """Each path once, with all its kinds and the first example that is not null."""
    rows: dict[str, tuple[list[str], str]] = {}
    for path, kind, example in keys_of(value):
        kinds, first = rows.get(path, ([], "null"))
        rows[path] = (kinds if kind in kinds else [*kinds, kind], example if first == "null" else first)
    # What is empty in one place and not in another has its members' rows.
    empty = [path for path, (kinds, _) in rows.items() if kinds in (["list"], ["object"])]
    shown_by_members = {path for path in empty if any(other.startswith((f"{path}[", f"{path}.")) for other in rows)}
    return {path: row for path, row in rows.items() if path not in shown_by_members}


class JsonDocuments(Written):
    """A table of keys for each document."""

    def lines(self) -> Iterator[str]:
        """A section a document."""
        for command in COMMANDS:
            found = document(command)
            yield f"## {found['schema']}"
            yield ""
            yield "```text"
            yield f"bootmap {command}"
            yield "```"
            yield ""
            yield "| key | value | for example |"
            yield "| --- | --- | --- |"
            for path, (kinds, example) in outline(found).items():
                yield f"| `{path}` | {' or '.join(kinds)} | {cell(example)} |"
            yield ""


def setup(app: Sphinx) -> dict[str, bool]:
    """Name the directive."""
    app.add_directive("json-documents", JsonDocuments)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
