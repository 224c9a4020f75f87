"""What a running system says of its memory in files: /proc/iomem and debugfs' memblock lists and page tables.

They are told apart by what they hold:

    80000000-9fffffff : System RAM           /proc/iomem
       0: 0x80000000..0x9fffffff    0 NONE   debugfs memblock/memory or memblock/reserved (whichever it is like)
    0xc0000000-0xc0100000  1M  RW NX SHD     debugfs kernel_page_tables

The lists are read when the boot is over, so what was reserved later is in them too; only what was predicted can be
looked for there.

Source: arch/arm/kernel/setup.c ``request_standard_resources``, mm/memblock.c ``memblock_debug_show``,
arch/arm/mm/dump.c ``note_page``.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from bootmap.bootlog.judgement import Judged, Judgement
from bootmap.errors import InputError
from bootmap.facts.linux.memblock import Flags
from bootmap.units import PAGE_SIZE, Span, align_down

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bootmap.boot.sequence import Replay

_IOMEM = re.compile(r"^( *)([0-9a-f]{8,16})-([0-9a-f]{8,16}) : (.+)$", re.MULTILINE)
_ROW = re.compile(
    r"^ *(\d{1,9}): 0x([0-9a-f]{1,16})\.\.0x([0-9a-f]{1,16})(?: +(?:-?\d{1,9}|x) +(\w{1,40}))?", re.MULTILINE
)
_MAPPED = re.compile(r"^0x([0-9a-f]{8})-0x([0-9a-f]{8})\s{1,80}+(\d{1,9})([KMG])(.*)$", re.MULTILINE)
_IMAGE = ("Kernel code", "Kernel data")
_NOT_KNOWN = "the kernel's configuration and symbols are not known"
_HIDDEN = "every address is 0, as it is shown to others than root: read /proc/iomem as root"
_MOST_IOMEM = 1 << 20
_MOST_ROWS = 4096  # of memory; such files have some dozens
_MOST_RANGES = 1 << 16


def _flag_name(flags: int) -> str:
    """What the list calls a region's flags: the lowest that is set (mm/memblock.c ``flagname``)."""
    return next((flag.name or "" for flag in Flags if flag and flags & flag), "NONE")


def kind_of(text: str) -> str:
    """Which file it is: "iomem", "memblock", "page_tables", or "log" for anything else."""
    head = text[: 1 << 16]
    if _MAPPED.search(head) and "---[" in head:
        return "page_tables"
    if _IOMEM.search(head) and "System RAM" in text:
        return "iomem"
    if _ROW.search(head) and not re.search(r"Linux version|memblock_reserve", head):
        return "memblock"
    return "log"


class FileChecker:
    """Judges such files against one prediction.

    Attributes:
        prediction: the prediction.
        page_tables: kernel_page_tables as predicted, line by line; None where only what is mapped can be said.
        kernel_known: whether configuration and symbols are the kernel's own, not made of a log.
    """

    def __init__(
        self, prediction: Replay, page_tables: Sequence[str] | None = None, *, kernel_known: bool = True
    ) -> None:
        self.prediction = prediction
        self.kernel_known = kernel_known
        self.page_tables = page_tables
        self.state = prediction.state

    def judge(self, kind: str, text: str) -> list[Judged]:
        """Every line of the file that bears on memory, judged; ``kind`` as :func:`kind_of` says.

        Raises:
            InputError: it has more rows than such a file can have.
        """
        judges = {"iomem": self._iomem, "memblock": self._memblock, "page_tables": self._page_tables}
        return list(judges[kind](text))

    # -- /proc/iomem -------------------------------------------------------------------------------------------

    def _iomem(self, text: str) -> Iterator[Judged]:
        rows = self.state.memblock.memory.regions
        ram = [Span(b, b + s) for b, s, f in rows if not f & Flags.NOMAP]
        image = self._image()
        rows_of_ram = [
            Span(int(match[2], 16), int(match[3], 16) + 1)
            for match in _IOMEM.finditer(text[:_MOST_IOMEM])
            if match[4].rstrip() == "System RAM"
        ]
        hidden = bool(rows_of_ram) and all(row.end == 1 for row in rows_of_ram)
        for line, match in _numbered(_IOMEM, text, _MOST_ROWS):
            if hidden:
                yield Judged(line, "iomem", match[0].strip(), Judgement.UNMODELLED, why=_HIDDEN)
                continue
            start, end, name = int(match[2], 16), int(match[3], 16) + 1, match[4].rstrip()
            found = f"{start:#010x}-{end - 1:#010x}"
            if name == "System RAM":
                # Neighbours that differ in their flags are rows of their own.
                known = Span(start, end) in ram
                near = next((_text(span) for span in ram if span.start < end and start < span.end), "no RAM there")
                left = "" if known else self._left(Span(start, end), ram, rows_of_ram)
                if left:
                    yield Judged(line, "iomem", match[0].strip(), Judgement.UNMODELLED, why=left)
                    continue
                yield self._judged(line, "iomem", match[0], known, found, near)
            elif name in image:
                ours = image[name]
                known = (start, end) == ours
                yield self._judged(line, "iomem", match[0], known, found, f"{ours.start:#010x}-{ours.end - 1:#010x}")
            elif name.startswith("System RAM") or name in (*_IMAGE, "reserved", "Crash kernel"):
                why = "reserved after paging_init, or its bounds are not among the symbols"
                yield Judged(line, "iomem", match[0].strip(), Judgement.UNMODELLED, why=why)

    def _left(self, row: Span, ram: Sequence[Span], rows: Sequence[Span]) -> str:
        """Why a row is a part of a bank only: what is missing of it was RAM at boot, reserved, and has left since.

        "" where that is not so: then the kernel never had it as RAM, or the description is another.
        """
        bank = next((span for span in ram if span.start <= row.start and row.end <= span.end), None)
        if bank is None:
            return ""
        inside = sorted(each for each in rows if bank.start <= each.start and each.end <= bank.end)
        edges = [bank.start, *(edge for each in inside for edge in (each.start, each.end)), bank.end]
        gaps = [Span(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b]
        names = [self._reserved_at(gap) for gap in gaps]
        if not gaps or not all(names):
            return ""
        return f"left System RAM after boot, at which it was reserved: {', '.join(names)}"

    def _reserved_at(self, gap: Span) -> str:
        """What a gap is by the prediction, "" where nothing was reserved there."""
        for area in self.state.reserved_areas:
            if area.base == gap.start and area.base + area.size == gap.end:
                return f"{area.name}, {_text(gap)}"
        for base, size, _ in self.state.memblock.reserved.regions:
            if gap == Span(base, base + size):
                return _text(gap)
        return ""

    def _image(self) -> dict[str, Span]:
        """Where the image lies, by the names of its resources."""
        symbols, kernel = self.state.kernel.symbols, self.state.kernel
        if not self.kernel_known:
            return {}
        code_end = "__init_begin" if kernel.has("iomem_code_to_init") else "_etext"
        found = {}
        for name, first, last in (("Kernel code", "_text", code_end), ("Kernel data", "_sdata", "_end")):
            if first in symbols and last in symbols:
                found[name] = Span(self.state.pa(symbols[first]), self.state.pa(symbols[last]))
        return found

    def _judged(self, line: int, kind: str, text: str, equal: bool, log: str, ours: str) -> Judged:
        if equal:
            return Judged(line, kind, text.strip(), Judgement.MATCHED)
        return Judged(line, kind, text.strip(), Judgement.CONTRADICTED, log, ours)

    # -- debugfs memblock --------------------------------------------------------------------------------------

    def _memblock(self, text: str) -> Iterator[Judged]:
        """Whichever of the two lists it is like; both have the same form."""
        rows = [
            _Row(Span(int(match[2], 16), int(match[3], 16) + 1), line, match)
            for line, match in _numbered(_ROW, text, _MOST_ROWS)
        ]
        memblock = self.state.memblock
        memory = {Span(base, base + size): _flag_name(flags) for base, size, flags in memblock.memory.regions}
        reserved = [Span(base, base + size) for base, size, _ in memblock.reserved.regions]
        if _is_memory([row.span for row in rows], list(memory), reserved):
            return (self._memory_row(row, memory) for row in rows)
        return chain((self._reserved_row(row, reserved) for row in rows), self._not_listed(rows, reserved))

    def _memory_row(self, row: _Row, memory: Mapping[Span, str]) -> Judged:
        near = next((_text(known) for known in memory if known.overlaps(row.span)), "no memory there")
        flag = row.match[4]  # from 6.4 on with node and flag
        if row.span in memory and flag is not None:
            ours = memory[row.span]
            return self._judged(
                row.line, "memblock_memory", row.match[0], flag == ours, f"{_text(row.span)} {flag}", f"{near} {ours}"
            )
        return self._judged(row.line, "memblock_memory", row.match[0], row.span in memory, _text(row.span), near)

    def _reserved_row(self, row: _Row, reserved: Sequence[Span]) -> Judged:
        """A row holds what was predicted; more may have been reserved beside it since."""
        kind, text = "memblock_reserved", row.match[0]
        within = [known for known in reserved if known.overlaps(row.span)]
        if not within:
            return Judged(row.line, kind, text.strip(), Judgement.UNMODELLED, why="reserved after paging_init")
        inside = all(row.span.start <= known.start and known.end <= row.span.end for known in within)
        if not inside and not self.kernel_known:
            return Judged(row.line, kind, text.strip(), Judgement.UNMODELLED, why=_NOT_KNOWN)
        return self._judged(row.line, kind, text, inside, _text(row.span), _text(within[0]))

    def _not_listed(self, rows: Sequence[_Row], reserved: Sequence[Span]) -> Iterator[Judged]:
        """What is predicted to be reserved and is in no row."""
        if not self.kernel_known:
            return
        for known in reserved:
            if known.size and not any(row.span.overlaps(known) for row in rows):
                ours = _text(known)
                yield Judged(0, "memblock_reserved", ours, Judgement.CONTRADICTED, "not reserved", ours)

    # -- debugfs kernel_page_tables ----------------------------------------------------------------------------

    def _page_tables(self, text: str) -> Iterator[Judged]:
        """Each line against the predicted one; what drivers map in the vmalloc area is theirs."""
        state = self.state
        low = Span(state.kernel.page_offset, state.vars.high_memory)
        later = [Span(state.vmalloc_start, state.kernel.vmalloc_end), *self._filled_later]
        ours = None if self.page_tables is None else {" ".join(line.split()): None for line in self.page_tables}
        begins = {row[:10]: row for row in reversed(ours or {})}
        for line, match in _numbered(_MAPPED, text, _MOST_RANGES):
            start, end, row = int(match[1], 16), int(match[2], 16), match[0].strip()
            if ours is not None and " ".join(row.split()) in ours:
                yield Judged(line, "page_tables", row, Judgement.MATCHED)
            elif ours is not None and not any(start in span for span in later):
                near = begins.get(match[0][:10], "no range begins there")
                yield self._judged(line, "page_tables", row, False, row, near)
            elif ours is None and low.start <= start < end <= low.end:
                at = bisect_left(self._holes, align_down(start, PAGE_SIZE))
                hole = self._holes[at] if at < len(self._holes) and self._holes[at] < end else None
                there = "mapped" if hole is None else f"nothing at {hole:#010x}"
                yield self._judged(line, "page_tables", row, hole is None, f"{start:#010x}-{end - 1:#010x}", there)
            else:
                yield Judged(
                    line, "page_tables", row, Judgement.UNMODELLED, why="drivers, modules or KASAN map there too"
                )

    @property
    def _filled_later(self) -> list[Span]:
        """What is mapped while the kernel runs: modules, pkmap, and KASAN's shadow."""
        kernel = self.state.kernel
        spans = [Span(kernel.modules_vaddr, kernel.page_offset)]
        return [*spans, kernel.kasan_shadow] if kernel.has("kasan") else spans

    @cached_property
    def _holes(self) -> list[int]:
        """Pages of lowmem that nothing maps, by virtual address; as many as there can be, looked at once."""
        low = range(self.state.kernel.page_offset, self.state.vars.high_memory, PAGE_SIZE)
        return [va for va in low if self.state.mapped(va) is None]


class _Row(NamedTuple):
    """One row of a list of memblock's: its range, the number of its line, and its fields."""

    span: Span
    line: int
    match: re.Match[str]


def _text(span: Span) -> str:
    return f"{span.start:#010x}-{span.end - 1:#010x}"


def _is_memory(rows: Sequence[Span], memory: Sequence[Span], reserved: Sequence[Span]) -> bool:
    """Whether rows are memblock.memory: more of them are in it, or, where none is in either, they hold most of RAM."""
    in_memory, in_reserved = (sum(row in known for row in rows) for known in (memory, reserved))
    if in_memory:
        return in_memory >= in_reserved
    return not in_reserved and sum(row.size for row in rows) * 2 > sum(span.size for span in memory)


def _numbered(pattern: re.Pattern[str], text: str, most: int) -> Iterator[tuple[int, re.Match[str]]]:
    """Every match with the number of its line.

    Raises:
        InputError: there are more than ``most``.
    """
    line, counted = 1, 0
    for number, match in enumerate(pattern.finditer(text), 1):
        line += text.count("\n", counted, match.start())
        counted = match.start()
        if number > most:
            raise InputError(f"has more than {most} rows", line=line)
        yield line, match
