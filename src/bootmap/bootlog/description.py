"""The description of a board that is made of a log: a device tree blob, or an ATAG list where the kernel had one.

Not here: what the board is like (``banks``, ``places``).
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from bootmap.bootlog.vendor import taken_areas
from bootmap.inputs.fdt_writer import MadeNode, cells, flatten, text
from bootmap.units import GIB, MIB, PAGE_SIZE, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bootmap.bootlog.identity import LogIdentity
    from bootmap.bootlog.log import Log, Said
    from bootmap.bootlog.places import Places

_CORE, _MEM, _CMDLINE = 0x54410001, 0x54410002, 0x54410009
_NOMAP = 0x4  # include/linux/memblock.h MEMBLOCK_NOMAP, as the lists print it
_MAX_BLOB = 2 * MIB
_LOWEST_LIMIT = 0xEF800000


class Description(Struct):
    """One board, described.

    Attributes:
        blob: the device tree blob or ATAG list.
        taken: names of the values that came from lines of the log.
        assumptions: what the log does not tell and what was taken instead.
    """

    blob: bytes = b""
    taken: set[str] = field(default_factory=set)
    assumptions: list[str] = field(default_factory=list)


def describe(
    log: Log, identity: LogIdentity, places: Places, banks: Sequence[Span], cmdline: str, phys_offset: int
) -> Description:
    """Describe the board whose RAM is ``banks``."""
    found = Description()
    machine, model = log.first("machine"), log.first("model")
    reserved = [span for span in taken_areas(log).reserved if any(span.start in bank for bank in banks)]
    if machine is not None and model is None and not _has_tree(log, machine) and not reserved:
        found.blob = _atags(banks, cmdline)
        return found
    named = model or machine
    name = named.word("name").encode("latin-1", "replace").decode("latin-1") if named else "a board"
    areas = _areas(log, identity, phys_offset, found)
    rows = tuple((span.start, span.size) for span in reserved)
    if reserved:
        found.assumptions.append("what the vendor's code reserves is reserved as the device tree's /memreserve/ would")
    found.blob = _tree(name, banks, cmdline, areas, replace(places, memreserve=(*places.memreserve, *rows)))
    return found


def _has_tree(log: Log, machine: Said) -> bool:
    """Whether an old kernel's board has a device tree: it names its model, or what only a tree can hold."""
    if machine.word("model") or "Device Tree" in machine.word("name"):
        return True
    return bool(log.all("node", "pool", "region", "removed", "dtb", "blob"))


def _tree(model: str, banks: Iterable[Span], cmdline: str, areas: Sequence[MadeNode], places: Places) -> bytes:
    root = MadeNode("", {"#address-cells": cells(2), "#size-cells": cells(2), "model": text(model)})
    if re.fullmatch(r"[a-z0-9-]+,[\w.-]+", model):
        root.properties["compatible"] = text(model)
    root.add("chosen", {"bootargs": text(cmdline)})
    for bank in banks:
        value = cells(bank.start, bank.size, width=2)
        root.add(f"memory@{bank.start:x}", {"device_type": text("memory"), "reg": value})
    if areas:
        parent = root.add("reserved-memory", {"#address-cells": cells(2), "#size-cells": cells(2), "ranges": b""})
        parent.children += areas
    blob = flatten(root, places.memreserve)
    if len(blob) < places.blob_size <= _MAX_BLOB:  # as large as the real one: only the header says so
        blob = blob[:4] + places.blob_size.to_bytes(4, "big") + blob[8:] + bytes(places.blob_size - len(blob))
    return blob


def _areas(log: Log, identity: LogIdentity, phys_offset: int, found: Description) -> list[MadeNode]:
    """Areas of /reserved-memory that the log names, by base."""
    areas = {}
    for said in log.all("node"):
        size = said.number("last") + 1 - said.number("start")
        areas[said.number("start")] = _area(said.number("start"), size, said.word("map"), said.word("reuse"))
        found.taken.add(f"node:{said.line}")
    pools = log.all("pool")
    for said in pools:
        base = said.number("base")
        kind = ("map", "reusable") if said.word("name") == "CMA" else ("nomap", "non-reusable")
        node = _area(base, _pool_size(said, pools), *kind)
        node.properties["compatible"] = text("shared-dma-pool")
        areas[base] = node
        found.taken.add(f"pool:{said.line}")
    for said in log.all("region", "removed"):
        base, size = said.number("base"), said.number("mib") * MIB
        if size and base not in areas:
            areas[base] = _area(base, size, "nomap" if said.kind == "removed" else "map", "")
        found.taken.add(f"{said.kind}:{said.line}")
    for said in log.dump("memory"):
        if "flags" in said and said.number("flags") & _NOMAP:
            areas[said.number("start")] = _area(said.number("start"), said.number("size"), "nomap", "")
    for said in _nomap_at_end(log, identity, phys_offset):
        start, end = said.number("start"), said.number("last")
        areas.setdefault(start, _area(start, end - start, "nomap", ""))
        found.taken.add("ignoring.start")
        found.assumptions.append(f"{start:#010x}-{end - 1:#010x} is a no-map area: RAM below the limit is ignored")
    return [areas[base] for base in sorted(areas)]


def _pool_size(said: Said, pools: Iterable[Said]) -> int:
    """Bytes of a pool; the line counts whole MiB, so that one of less is a page at least and ends before the next."""
    if said.number("mib"):
        return said.number("mib") * MIB
    base = said.number("base")
    room = min((other.number("base") - base for other in pools if other.number("base") > base), default=MIB)
    return min(room, 16 * PAGE_SIZE)


def _nomap_at_end(log: Log, identity: LogIdentity, phys_offset: int) -> list[Said]:
    """RAM that is ignored though it is below the limit: a no-map area at its end (adjust_lowmem_bounds)."""
    room = max(_LOWEST_LIMIT - identity.page_offset, 0)
    return [
        said
        for said in log.all("ignoring")
        if "!CONFIG" not in said.word("rest") and said.number("last") - phys_offset <= room
    ]


def _area(base: int, size: int, map_kind: str, reuse: str) -> MadeNode:
    size = min(max(size, 0), 1 << 40)
    node = MadeNode(f"area@{base:x}", {"reg": cells(base, size, width=2)})
    if map_kind == "nomap":
        node.properties["no-map"] = b""
    elif reuse == "reusable":
        node.properties["reusable"] = b""
    return node


def _atags(banks: Iterable[Span], cmdline: str) -> bytes:
    low = [bank for bank in banks if bank.start < 4 * GIB]
    tags = [struct.pack("<5I", 5, _CORE, 0, 0, 0)]
    tags += [struct.pack("<4I", 4, _MEM, min(bank.size, 0xFFFFFFFF), bank.start) for bank in low]
    line = cmdline.encode("latin-1", "replace") + b"\0"
    line += bytes(-len(line) % 4)
    tags.append(struct.pack("<2I", 2 + len(line) // 4, _CMDLINE) + line)
    return b"".join(tags) + bytes(8)
