"""Kernel, device tree and initrd in RAM when the boot loader starts the kernel, and where they lay before.

    => bootz 0x82000000 0x82500000:5180d3 0x88000000       the initrd, where it stays unless it is moved
    Kernel image @ 0x82000000 [ 0x000000 - 0x5f99a0 ]      the zImage
    ## Flattened Device Tree blob at 88000000              the tree, as it was loaded
       Loading Device Tree to 8ffe9000, end 8ffff6d9       and where it is handed over

Two that share a place are never both whole: what was loaded later lies over what was loaded first.  Not here: where the
decompressor writes.
"""

from __future__ import annotations

import re
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from bootmap.bootlog.banks import from_loader
from bootmap.bootlog.findings import LogChange, LogFinding, Reason
from bootmap.inputs.uimage import HEADER_BYTES
from bootmap.units import MIB, Span, align_up, hex_address, size_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bootmap.bootlog.case import LogCase

KERNEL, TREE, INITRD = "the kernel", "the device tree", "the initrd"
GRANULE = 128 * MIB
"""A zImage takes the 128 MiB in which it runs for the start of RAM (AUTO_ZRELADDR)."""
_TEXT_OFFSET = 0x8000
_HEAP = 0x10000
GROWS = (2, 4)
"""How much larger a kernel is than its zImage: at least, at most, as distributions compress them, bss included."""
_OF_ZIMAGE = re.compile(r"[Kk]ernel image @ 0x[0-9a-f]+ \[ 0x0+ - 0x([0-9a-f]+) \]")
_READ = re.compile(r"^\s*(\d{4,10}) bytes read")
_VARIABLES = {TREE: "fdt_addr_r", INITRD: "ramdisk_addr_r"}
_IDS = {TREE: "dtb-overwritten", INITRD: "initrd-overwritten"}


class Loaded(NamedTuple):
    """One thing in RAM: what, where, and the line that says so; a span of one byte where its size is not known."""

    what: str
    span: Span
    line: int


def started_with(case: LogCase) -> Iterator[Loaded]:
    """What is handed over, where it lies in the end."""
    kernel = _kernel(case, guess=True)
    if kernel is not None:
        yield kernel
    for what, moved, loaded in ((TREE, "dtb", list(_trees(case))), (INITRD, "ramdisk", list(_initrds(case)))):
        said = case.log.first(moved)
        if said is not None:
            last = said.number("last") + (what == TREE)
            yield Loaded(what, Span(said.number("start"), max(last, said.number("start") + 1)), said.line)
        else:
            yield from loaded[-1:]


def overlapping(case: LogCase) -> Iterator[LogFinding]:
    """Two of them in one place, when they were loaded or when the kernel is started; each pair once."""
    if case.progress.reached("started"):
        return
    kernel = _kernel(case)
    payloads = [*_trees(case), *_initrds(case), *(row for row in started_with(case) if row.what != KERNEL)]
    payloads.sort(key=lambda row: row.span.size, reverse=True)  # a place of which the size is known before one without
    rows = [*([kernel] if kernel else []), *payloads]
    told = set()
    for one, other in combinations(rows, 2):
        pair = frozenset((one.what, other.what))
        sized = one.span.size > 1 or other.span.size > 1
        if len(pair) == 2 and pair not in told and sized and one.span.overlaps(other.span):
            told.add(pair)
            yield _overlap(case, one, other, rows)


def _overlap(case: LogCase, one: Loaded, other: Loaded, rows: Iterable[Loaded]) -> LogFinding:
    what = "the zImage" if one.what == KERNEL else one.what
    common = min(one.span.end, other.span.end) - max(one.span.start, other.span.start)
    shared = f"they have {size_text(common)} in common" if common > 1 else "inside of it"
    text = (
        f"{other.what} is at {_range(other.span)}: {shared}; what was loaded later lies over what was loaded first, "
        "and neither U-Boot nor the kernel looks"
    )
    reasons = (Reason(one.line, f"{what} is at {_range(one.span)}"), Reason(other.line, text))
    clear = _clear(case, other, rows)
    variable = _VARIABLES[other.what]
    change = [LogChange(f"setenv {variable} {hex_address(clear)}, or higher, and load it there")] if clear else []
    change = change or [LogChange(f"load {other.what} elsewhere, clear of {what}")]
    id = _IDS[other.what] if one.what == KERNEL else "payloads-overlap"
    return LogFinding(id, True, f"{other.what} and {what} are loaded over each other", reasons, tuple(change))


def _clear(case: LogCase, moved: Loaded, rows: Iterable[Loaded]) -> int:
    """The first whole MiB behind the kernel at which it is clear of the rest; 0 where RAM ends before."""
    others = [row.span for row in rows if row.what != moved.what]
    written = written_by_decompressor(case)
    ends = [row.span.end for row in rows if row.what == KERNEL]
    at = align_up(max([*ends, written.most if written else 0], default=moved.span.start), MIB)
    for span in sorted(others):
        if Span(at, at + moved.span.size).overlaps(span):
            at = align_up(span.end, MIB)
    banks = from_loader(case.log, case.kernel_start & -GRANULE)
    return at if not banks or any(at + moved.span.size <= bank.end for bank in banks) else 0


class Written(NamedTuple):
    """What the decompressor writes: from where, up to where at least and at most, and whether it moves itself first."""

    base: int
    least: int
    most: int
    moves: bool


def written_by_decompressor(case: LogCase) -> Written | None:
    """Where it unpacks the kernel to, 32 KiB into RAM, and where it moves itself before, where it runs in the way.

    Behind where the kernel will end, that is.  None where the boot loader does not say where it starts which zImage.

    Source: arch/arm/boot/compressed/head.S.
    """
    size, start = image_bytes(case), case.kernel_start
    if not size or not start:
        return None
    base = (start & -GRANULE) + _TEXT_OFFSET
    moves = start < base + GROWS[1] * size
    least, most = (base + (factor + moves) * size + _HEAP * moves for factor in GROWS)
    return Written(base, least, most, moves)


def image_bytes(case: LogCase, *, guess: bool = True) -> int:
    """Bytes of the zImage, by the boot loader's words; 0 where it does not say.

    bootz prints them, a kernel's header has them.

    Args:
        case: the boot.
        guess: whether the first file that is read is taken for the kernel where neither is there.
    """
    lines = [line for _, line in case.lines()]
    ends = [int(found[1], 16) for line in lines if (found := _OF_ZIMAGE.search(line))]
    if ends:
        return ends[-1]
    said = case.log.first("image_size")
    if said is not None:
        return said.number("count")
    if not guess:
        return 0
    return next((int(found[1]) for line in lines if (found := _READ.search(line))), 0)


def _range(span: Span) -> str:
    return hex_address(span.start) if span.size <= 1 else f"{hex_address(span.start)}-{hex_address(span.end - 1)}"


def _kernel(case: LogCase, *, guess: bool = False) -> Loaded | None:
    """The kernel as it is started; of a size that bootz or its header gives, or else the first file's that is read."""
    said = case.kernel_at()
    if said is None:
        return None
    size = image_bytes(case, guess=guess) or 1
    return Loaded(KERNEL, Span(said.number("start"), said.number("start") + size), said.line)


def _trees(case: LogCase) -> Iterator[Loaded]:
    """The tree as it was loaded."""
    for said in case.log.all("blob"):
        start = said.number("start")
        last = said.number("last") if "last" in said else start
        if start:
            yield Loaded(TREE, Span(start, max(last, start) + 1), said.line)


def _initrds(case: LogCase) -> Iterator[Loaded]:
    """The initrd as it was loaded: behind a header, or with the size that bootz is given."""
    for said in case.log.all("started")[-1:]:
        if "start" in said and "size" in said and said.number("size"):
            start = said.number("start")
            yield Loaded(INITRD, Span(start, start + said.number("size")), said.line)
    for said in case.log.all("ramdisk_at"):
        size = next((row for row in case.log.all("payload_size") if row.line > said.line), None)
        length = size.number("count") + HEADER_BYTES if size is not None else 1
        yield Loaded(INITRD, Span(said.number("start"), said.number("start") + length), said.line)
