"""RAM for the search: the tables of real kernels at their places, and processes' tables made from them."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bootmap.image.pieces import Piece, PieceMemory

CASES = Path(__file__).parents[1] / "data" / "cases"
_FEWEST_SECTIONS = 2
NAMES = sorted(path.name.removesuffix(".json.gz") for path in CASES.glob("*.json.gz"))


class Truth(NamedTuple):
    """What the debugger saw at the kernel."""

    root: int
    page_offset: int
    phys_offset: int
    long: bool


@cache
def document(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(gzip.decompress((CASES / f"{name}.json.gz").read_bytes()))
    return found


def sections_of_image(name: str) -> int:
    """How many MiB the kernel's image touches: what is mapped of lowmem before paging_init."""
    doc = document(name)
    return int(doc["symbols"]["_end"] - 1 >> 20) - int(doc["page_offset"] >> 20) + 1


def moments(name: str) -> list[str]:
    """When the tables can be found: two sections make no straight line."""
    early = sections_of_image(name) > _FEWEST_SECTIONS
    return [
        moment for moment in ("before", "after", "late") if moment in document(name) and (early or moment != "before")
    ]


NAMES = [name for name in NAMES if moments(name)]


def truth(name: str, moment: str) -> Truth:
    doc = document(name)
    return Truth(doc[moment]["tables"]["pgd"]["pa"], doc["page_offset"], doc["phys_offset"], doc["lpae"])


def pages(name: str, moment: str) -> dict[int, bytes]:
    """The tables by physical address; of the long format's pgd the 32 bytes that were recorded."""
    tables = document(name)[moment]["tables"]
    found = {tables["pgd"]["pa"]: bytes.fromhex(tables["pgd"]["hex"])}
    for level in ("pmd", "pte"):
        found |= {int(pa, 16): bytes.fromhex(digits) for pa, digits in tables.get(level, {}).items()}
    return found


def memory(content: dict[int, bytes], start: int = 0) -> PieceMemory:
    """An image whose byte 0 lies at ``start``."""
    return PieceMemory([Piece(pa - start, memoryview(data), "") for pa, data in sorted(content.items())])


def with_process(content: dict[int, bytes], found: Truth, at: int, page: int, user_page: int) -> dict[int, bytes]:
    """A process of short descriptors added: its 16 KiB at ``at``, one page of tables at ``page``, one user page."""
    words = np.frombuffer(content[found.root], "<u4").copy()
    words[: (found.page_offset >> 20) - 16] = 0
    words[0], words[1] = page | 0x831, page | 0xC31
    leaf = np.zeros(1024, "<u4")
    leaf[16], leaf[512 + 16] = user_page | 0x1DF, user_page | 0x83E
    return content | {at: words.tobytes(), page: leaf.tobytes()}


def at_split(content: dict[int, bytes], found: Truth, page_offset: int) -> dict[int, bytes]:
    """The kernel of short descriptors moved to another PAGE_OFFSET, with as much lowmem as fits below its vectors."""
    words = np.frombuffer(content[found.root], "<u4")
    here, there = found.page_offset >> 20, page_offset >> 20
    count = min(0x2F0, 0xFF0 - there)
    moved = words.copy()
    moved[:0xFF0] = 0
    moved[there : there + count] = words[here : here + count]
    return content | {found.root: moved.tobytes()}
