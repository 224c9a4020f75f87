"""``--static-map``: mappings that a machine's map_io makes, as the user tells them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.errors import UsageError
from bootmap.units import MIB, memparse

if TYPE_CHECKING:
    from bootmap.facts.machines.machine import StaticMap


def parse_static_maps(texts: tuple[str, ...]) -> tuple[StaticMap, ...]:
    """Read ``--static-map VIRT,PHYS,LEN,TYPE``, or ``@FILE`` with one a line and comments behind ``#``.

    Raises:
        UsageError: one is not of that form, or of a type that there is not.
        InputError: the file cannot be read.
    """
    from bootmap.facts.linux.mem_types import MEM_TYPES
    from bootmap.facts.machines.machine import StaticMap
    from bootmap.inputs.fs import read_file

    rows = []
    for text in texts:
        if text.startswith("@"):
            lines = read_file(text[1:], MIB).decode("utf-8", "replace").splitlines()
            rows += [(f"{text[1:]}: line {n}", line.split("#")[0].strip()) for n, line in enumerate(lines, 1)]
        else:
            rows.append((f"--static-map {text}", text))
    known = {row.name for row in MEM_TYPES}
    maps = []
    for where, text in rows:
        if not text:
            continue
        parts = [part.strip() for part in text.split(",")]
        numbers = [memparse(part) for part in parts[:3]]
        kind = parts[-1].upper().removeprefix("MT_")
        if len(parts) != 4 or any(rest or not part for (_, rest), part in zip(numbers, parts, strict=False)):
            raise UsageError(f"{where}: expected VIRT,PHYS,LEN,TYPE such as 0xf8000000,0x10000000,1M,MT_DEVICE")
        if kind not in known:
            raise UsageError(f"{where}: {parts[3]} is no memory type; {', '.join(sorted(known))} are")
        maps.append(StaticMap(numbers[0][0] & 0xFFFFFFFF, numbers[1][0], numbers[2][0], kind, where))
    return tuple(maps)
