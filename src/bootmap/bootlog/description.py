"""The description of a board that is made of a log: a device tree blob, or an ATAG list where the kernel had one.

Not here: what the board is like (``log_board``, ``log_banks``).
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

from bootmap.inputs.fdt_writer import Node, cells, flatten, text
from bootmap.units import GIB, MIB, Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bootmap.bootlog.board import LogBoard
    from bootmap.bootlog.log import Log, Said

_CORE, _MEM, _CMDLINE = 0x54410001, 0x54410002, 0x54410009
_NOMAP = 0x4  # include/linux/memblock.h MEMBLOCK_NOMAP, as the lists print it
_MAX_BLOB = 2 * MIB


class Description:
    """Describes one board.

    Attributes:
        log: what it is made of.
        board: the rest of it.
        banks: its RAM.
        page_offset: PAGE_OFFSET, which says how much of RAM can be lowmem.
        memreserve: rows of (address, size) for the blob's memory reservation block.
        blob_size: bytes of the real blob, 0 where not known.
    """

    def __init__(
        self,
        log: Log,
        board: LogBoard,
        banks: Sequence[Span],
        page_offset: int,
        memreserve: Sequence[tuple[int, int]],
        blob_size: int,
    ) -> None:
        self.log = log
        self.board = board
        self.banks = banks
        self.page_offset = page_offset
        self.memreserve = memreserve
        self.blob_size = blob_size

    def tree(self, model: str) -> bytes:
        """A device tree blob; ``model`` as the kernel names it."""
        root = Node("", {"#address-cells": cells(2), "#size-cells": cells(2), "model": text(model)})
        if re.fullmatch(r"[a-z0-9-]+,[\w.-]+", model):
            root.properties["compatible"] = text(model)
        root.add("chosen", {"bootargs": text(self.board.cmdline)})
        for bank in self.banks:
            value = cells(bank.start, bank.size, width=2)
            root.add(f"memory@{bank.start:x}", {"device_type": text("memory"), "reg": value})
        areas = self._areas()
        if areas:
            parent = root.add("reserved-memory", {"#address-cells": cells(2), "#size-cells": cells(2), "ranges": b""})
            parent.children += areas
        blob = flatten(root, self.memreserve)
        if len(blob) < self.blob_size <= _MAX_BLOB:  # as large as the real one: only the header says so
            blob = blob[:4] + self.blob_size.to_bytes(4, "big") + blob[8:] + bytes(self.blob_size - len(blob))
        return blob

    def _areas(self) -> list[Node]:
        """Areas of /reserved-memory that the log names, by base."""
        areas = {}
        for said in self.log.all("node"):
            size = said.number("last") + 1 - said.number("start")
            kind = said.word("map"), said.word("reuse")
            areas[said.number("start")] = self._area(said.number("start"), size, kind)
            self.board.taken.add(f"node:{said.line}")
        for said in self.log.all("pool"):
            kind = ("map", "reusable") if said.word("name") == "CMA" else ("nomap", "non-reusable")
            node = self._area(said.number("base"), said.number("mib") * MIB, kind)
            node.properties["compatible"] = text("shared-dma-pool")
            areas[said.number("base")] = node
            self.board.taken.add(f"pool:{said.line}")
        for said in self.log.dump("memory"):
            if "flags" in said and said.number("flags") & _NOMAP:
                areas[said.number("start")] = self._area(said.number("start"), said.number("size"), ("nomap", ""))
        for said in self._nomap_at_end():
            start, end = said.number("start"), said.number("last")
            areas.setdefault(start, self._area(start, end - start, ("nomap", "")))
            self.board.taken.add("ignoring.start")
            self.board.assumptions.append(
                f"{start:#010x}-{end - 1:#010x} is a no-map area: RAM below the limit is ignored"
            )
        return [areas[base] for base in sorted(areas)]

    def _nomap_at_end(self) -> list[Said]:
        """RAM that is ignored though it is below the limit: a no-map area at its end (adjust_lowmem_bounds)."""
        room = 0xEF800000 - self.page_offset if self.page_offset < 0xEF800000 else 0
        return [
            said
            for said in self.log.all("ignoring")
            if "!CONFIG" not in said.word("rest") and said.number("last") - self.board.phys_offset <= room
        ]

    def _area(self, base: int, size: int, kind: tuple[str, str]) -> Node:
        size = min(max(size, 0), 1 << 40)
        node = Node(f"area@{base:x}", {"reg": cells(base, size, width=2)})
        if kind[0] == "nomap":
            node.properties["no-map"] = b""
        elif kind[1] == "reusable":
            node.properties["reusable"] = b""
        return node

    def atags(self) -> bytes:
        """An ATAG list."""
        low = [bank for bank in self.banks if bank.start < 4 * GIB]
        tags = [struct.pack("<5I", 5, _CORE, 0, 0, 0)]
        tags += [struct.pack("<4I", 4, _MEM, min(bank.size, 0xFFFFFFFF), bank.start) for bank in low]
        line = self.board.cmdline.encode("latin-1", "replace") + b"\0"
        line += bytes(-len(line) % 4)
        tags.append(struct.pack("<2I", 2 + len(line) // 4, _CMDLINE) + line)
        return b"".join(tags) + bytes(8)
