"""What lies where in RAM when the kernel starts: device tree, initrd, image and what the boot loader reserved.

From the boot loader's own lines, from memblock=debug, from the command line, and last from a fault: a kernel that dies
reading the device tree names the address at which it looked for it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct, field

from bootmap.units import GIB, Span

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bootmap.bootlog.log import Log, Said

_PGD_BYTES = (0x4000, 0x5000)
_BLOB = re.compile(r"setup_arch|early_init_fdt_reserve_self|early_init_dt_reserve_memory|arm_dt_memblock")
_RESERVED_BY_US = re.compile(r"arm_memblock_init|arm_mm_memblock_reserve|reserve_initrd|efi")


class Places(Struct, frozen=True):
    """Where things lie, in physical addresses; None where the log does not say.

    Attributes:
        params: the device tree or ATAG list.
        blob_size: bytes reserved for it, 0 where not known.
        initrd: (start, size).
        image: the kernel's image.
        memreserve: rows of (start, size) that the device tree reserves.
        lines: what was read from which line: "dtb", "initrd" -> its number.
        taken: names of the values that came from lines of the log.
    """

    params: int | None = None
    blob_size: int = 0
    initrd: tuple[int, int] | None = None
    image: Span | None = None
    memreserve: tuple[tuple[int, int], ...] = ()
    lines: dict[str, int] = field(default_factory=dict)
    taken: frozenset[str] = frozenset()


def read_places(log: Log) -> Places:
    """Where things lie, by everything that ``log`` says of it."""
    taken: set[str] = set()
    lines: dict[str, int] = {}
    behind = 0 if log.open_ends else 1
    reserved = [said for said in log.all("call") if said.word("name") == "reserve"]
    tree, loaded = _by_loader(log, lines)
    initrd = loaded
    params, blob_size = _unannounced(log, tree, reserved, behind, taken)
    params, blob_size, rows = _by_calls(log, params, blob_size, reserved, behind, taken)
    image, rest = _by_arm_memblock_init(reserved, behind, taken)
    if rest is not None:
        start = rest.number("start")
        size = rest.number("last") + behind - start
        if params is None and initrd is None and log.first("freed_initrd") is None:
            # Every board has a tree to be reserved, not every one an initrd.
            params, blob_size, lines["dtb"] = start, size, rest.line
            taken.add(f"call:{rest.line}")
        elif initrd is None:
            initrd, lines["initrd"] = (start, size), rest.line
            taken.add(f"call:{rest.line}")
    return Places(params, blob_size, initrd, image, tuple(rows), lines, frozenset(taken))


def _by_loader(log: Log, lines: dict[str, int]) -> tuple[int | None, tuple[int, int] | None]:
    """Device tree and initrd where the boot loader says that it puts them, or leaves them."""
    tree, initrd = None, None
    moved, left, ramdisk = log.first("dtb"), log.first("blob"), log.first("ramdisk")
    placed = moved or left
    if placed is not None and placed.number("start"):
        tree, lines["dtb"] = placed.number("start"), placed.line
    if ramdisk is not None:
        initrd = (ramdisk.number("start"), ramdisk.number("last") + 1 - ramdisk.number("start"))
        lines["initrd"] = ramdisk.line
    return tree, initrd


def _by_calls(
    log: Log, params: int | None, blob_size: int, reserved: Iterable[Said], behind: int, taken: set[str]
) -> tuple[int | None, int, list[tuple[int, int]]]:
    """The device tree by memblock's calls, and what else is reserved before the lists are printed."""
    listed = log.first("dump_totals")
    areas = {said.number("base") for said in log.all("cma", "pool")}
    rows = []
    for said in reserved:
        caller, start = said.word("rest"), said.number("start")
        size = min(max(said.number("last") + behind - start, 0), 4 * GIB)
        by_boot_loader = _BLOB.search(caller)
        # Whoever else reserves memory before the lists are printed: the machine's callback, dynamic areas.
        before = listed is not None and said.line < listed.line and start not in areas
        if not by_boot_loader and not (before and not _RESERVED_BY_US.search(caller)):
            continue
        taken.add(f"call:{said.line}")
        if params is None and by_boot_loader:
            params = start
        if params == start and not blob_size:
            blob_size = size
        else:
            rows.append((start, size))
    return params, blob_size, rows


def _unannounced(
    log: Log, params: int | None, reserved: Iterable[Said], behind: int, taken: set[str]
) -> tuple[int | None, int]:
    """What is in the list of reservations and was not announced: made before memblock=debug was read.

    That is the device tree's blob, which 5.11 and later reserve first of all.
    """
    known = sorted((said.number("start"), said.number("last") + behind) for said in reserved)
    if not known:
        return params, 0
    size = 0
    for row in log.dump("reserved"):
        at, end = row.number("start"), row.number("last") + 1
        for start, last in [*known, (end, end)]:
            if at < min(start, end) and params is None:
                params, size = at, min(start, end) - at
                taken.add(f"dump_row:{row.line}")
            at = max(at, last)
    return params, size


def _by_arm_memblock_init(reserved: Iterable[Said], behind: int, taken: set[str]) -> tuple[Span | None, Said | None]:
    """The image, which it reserves first, and the line of the initrd, which comes next."""
    own = [said for said in reserved if re.search(r"arm_memblock_init|reserve_initrd", said.word("rest"))]
    if not own:
        return None, None
    taken.add(f"call:{own[0].line}")
    image = Span(own[0].number("start"), own[0].number("last") + behind)
    rest = [said for said in own[1:] if said.number("last") + behind - said.number("start") not in _PGD_BYTES]
    return image, rest[0] if rest else None
