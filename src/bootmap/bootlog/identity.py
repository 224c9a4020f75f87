"""Which kernel a log is of: version, CPU, command line, PAGE_OFFSET, where its sections lie.

Not here: the rest of its configuration, and the board's RAM.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct, field

from bootmap.errors import InputError, MissingInputError
from bootmap.units import GIB, MIB, Span, memparse

if TYPE_CHECKING:
    from bootmap.bootlog.given import Given
    from bootmap.bootlog.log import Log, Said

_SPLITS = (0xC0000000, 0xB0000000, 0x80000000, 0x40000000)
_OLDEST = (2, 6, 38)
_CACHES = ("vipt-aliasing", "vipt-nonaliasing", "vivt")
_AFE = 1 << 29  # SCTLR.AFE: Linux sets it with long descriptors only (proc-v7-3level.S)
_VMALLOC_END = 0xFF800000
_VMALLOC_SIZE = 248 * MIB
LARGEST_IMAGE = 256 * MIB


class LogIdentity(Struct, frozen=True):
    """The kernel of a log.

    Attributes:
        release: as the banner has it.
        version: the one that is modelled for it.
        midr: the CPU's Main ID Register.
        cmdline: the command line, "" where not known.
        lpae: whether the descriptors are long.
        page_offset: PAGE_OFFSET.
        vmalloc_end: VMALLOC_END where the log has it.
        layout: the lines of the virtual layout by the areas' names.
        sections: the image's sections by their names in the layout.
        taken: names of the values that came from lines of the log.
        assumptions: what the log does not tell and what was taken instead.
    """

    release: str
    version: str
    midr: int
    cmdline: str
    lpae: bool
    page_offset: int
    vmalloc_end: int | None
    layout: dict[str, Said]
    sections: dict[str, Span]
    taken: frozenset[str] = frozenset()
    assumptions: tuple[str, ...] = field(default=())


def identify(log: Log, given: Given) -> LogIdentity:
    """The kernel that ``log`` is of; what the user gives goes before.

    Raises:
        MissingInputError: neither the log nor the user says version or CPU.
        InputError: lowmem begins where none can.
    """
    release = given.release or _release(log)
    cpu = log.first("cpu")
    midr = given.cpu.midr if given.cpu else None
    if midr is None and cpu is None:
        raise MissingInputError("the log does not name the CPU; give --cpu")
    cmdline, cmdline_known = given.cmdline, given.board is not None
    assumptions = []
    said = log.first("cmdline")
    if cmdline is None and said is None and not cmdline_known:
        assumptions.append("the command line is empty: the log does not show it (--cmdline)")
    text = _latin(cmdline if cmdline is not None else said.word("text") if said else "")
    layout = {row.word("name"): row for row in log.all("layout", "layout_other")}
    offset, told, assumed = _page_offset(log, layout, text)
    if given.page_offset is not None:
        offset, told, assumed = given.page_offset, set(), []
    sections = _sections(layout, offset)
    modelled = _modelled(release)
    if modelled != release:
        assumptions.append(f"Linux {release} is taken as {modelled}, the oldest that is modelled")
    vmalloc = layout.get("vmalloc")
    end = vmalloc.number("end") if vmalloc else 0
    return LogIdentity(
        release=release,
        version=modelled,
        midr=midr if midr is not None else cpu.number("midr") if cpu else 0,
        cmdline=text,
        lpae=cpu is not None and bool(cpu.number("cr") & _AFE),
        page_offset=offset,
        vmalloc_end=end if offset + GIB // 4 <= end < 4 * GIB else None,
        layout=layout,
        sections=sections,
        taken=frozenset({f"{name}.{edge}" for name in sections for edge in ("start", "end")} | told),
        assumptions=(*assumptions, *assumed),
    )


def cache_kind(log: Log) -> str | None:
    """The kind of data cache as ``--cache`` has it; None where the log does not name it, or it is a PIPT one."""
    said = log.first("cache")
    kind = said.word("name").lower().replace(" ", "-") if said else ""
    return kind if kind in _CACHES else None


def _release(log: Log) -> str:
    banner = log.first("banner")
    if banner is not None:
        return banner.word("release")
    for said in log.all("image_name", "release"):  # the boot loader and an oops name it too
        return said.word("release")
    raise MissingInputError("the log does not say which version of Linux this is; give --kernel-version")


def _modelled(release: str) -> str:
    numbers = [int(part) for part in re.findall(r"\d+", release.split("-")[0])[:3]]
    return ".".join(map(str, _OLDEST)) if tuple(numbers) < _OLDEST else release


def _latin(text: str) -> str:
    """Text as a property can hold it."""
    return text.encode("latin-1", "replace").decode("latin-1")


def _page_offset(log: Log, layout: dict[str, Said], cmdline: str) -> tuple[int, set[str], list[str]]:
    """PAGE_OFFSET, what was taken for it from the log, and what was assumed."""
    if "lowmem" in layout:
        said = layout["lowmem"]
        if said.number("start") not in _SPLITS:
            raise InputError("lowmem does not begin where any VMSPLIT puts it", line=said.line)
        return said.number("start"), {"lowmem.start"}, []
    for said in log.all("percpu", "mem_map"):
        if "base" in said and said.number("base") >= _SPLITS[-1]:
            return next(split for split in _SPLITS if split <= said.number("base")), set(), []
    for said in log.all("pgd"):  # an oops of the kernel's own table: it lies 16 KiB below the image
        below = [split for split in _SPLITS if split <= said.number("base") < split + 16 * MIB]
        if below:
            return below[0], set(), []
    split = _split_by_zones(log, cmdline)
    return split, set(), [f"PAGE_OFFSET is {split:#010x}: the log has no address of the kernel's (--config)"]


def _split_by_zones(log: Log, cmdline: str) -> int:
    """The usual 3 GiB, or the next split in which lowmem is as large as the log says."""
    zones = [said for said in log.all("zone") if said.word("name") != "HighMem" and "last" in said]
    if not zones:
        return _SPLITS[0]
    low = max(said.number("last") for said in zones) + 1 - min(said.number("start") for said in zones)
    given = re.search(r"\bvmalloc=(\w+)", cmdline)
    room = _VMALLOC_END - (memparse(given[1])[0] if given else _VMALLOC_SIZE)
    return next((split for split in _SPLITS if low <= room - split), _SPLITS[0])


def _sections(layout: dict[str, Said], page_offset: int) -> dict[str, Span]:
    """The image's sections by their names in the layout; what noise put elsewhere is left out."""
    room = Span(page_offset + 0x5000, page_offset + LARGEST_IMAGE)
    found: dict[str, Span] = {}
    for name in (".text", ".init", ".data", ".bss"):
        if name in layout:
            start, end = layout[name].number("start"), layout[name].number("end")
            if room.start <= start <= end <= room.end:
                found[name] = Span(start, end)
    return found
