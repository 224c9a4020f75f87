"""Comparing a boot log with a prediction, line by line: what each kind of line claims, and what we claim instead.

Not here: memblock's own lines (``log_memblock``), how the log is read, and what follows from equal and unequal claims.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from bootmap.boot.trace import Verdict
from bootmap.bootlog.judgement import Claim, Judged, Judgement, judge
from bootmap.bootlog.memblock import MemblockChecker
from bootmap.bootlog.pages import PageCounts
from bootmap.units import KIB, MIB, PAGE_SHIFT, PAGE_SIZE, align_up

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Set

    from bootmap.boot.sequence import Replay
    from bootmap.bootlog.log import Log, Said
    from bootmap.units import Span

_INPUTS = ("banner", "cpu", "machine", "model", "cmdline", "dtb", "ramdisk", "slub", "nosmp", "load", "blob", "idmap")
_COUNTED = ("total", "memmap", "zone_pages", "all_pages", "memory_mb")
_SECTIONS = (".text", ".init", ".data", ".bss")


class Checker:
    """Judges the lines of one log against one prediction.

    Attributes:
        prediction: the prediction.
        areas: the virtual areas by name, as ``analysis.overview.virtual_layout`` gives them.
        taken: values that the board took from the log.
        phys_known: whether physical addresses mean anything.
        from_log: whether the board was made from the log: then the machine's callbacks are not known.
        kernel_from_log: whether its configuration and symbols were.
    """

    def __init__(
        self,
        prediction: Replay,
        areas: Mapping[str, Span],
        *,
        taken: Set[str] = frozenset(),
        phys_known: bool = True,
        from_log: bool = False,
        kernel_from_log: bool | None = None,
    ) -> None:
        self.prediction = prediction
        self.areas = areas
        self.taken = taken
        self.phys_known = phys_known
        self.from_log = from_log
        self.kernel_from_log = from_log if kernel_from_log is None else kernel_from_log
        self.state = prediction.state
        self.kernel = prediction.state.kernel
        self.zones = {zone.name: zone for zone in self.state.zones}
        self.pages = PageCounts(self)
        self.own_areas: set[int] = set()
        self.cmdline_known = True
        self.unknown = ""
        """Why pages cannot be counted; "" where they can."""
        self._said_left = Counter(" ".join(line.split()) for line in self.state.dmesg)
        self._areas_left = list(self.state.cma_areas)
        self._banks_left = self._kept_banks()
        self._judges: dict[str, Callable[[Said], Judged]] = {
            "layout": self._layout, "layout_other": self._layout_other, "policy": self._policy, "zone": self._zone,
            "nodes": self._node, "initmem": self._initmem, "total": self.pages.total, "memmap": self.pages.memmap,
            "dma_reserve": self.pages.dma_reserve, "zone_pages": self.pages.zone_pages,
            "all_pages": self.pages.all_pages,
            "memory_mb": self._memory_mb, "memory_k": self._memory_k, "memory": self._memory, "cma": self._cma,
            "cma_failed": self._cma_failed, "pool": self._pool, "node": self._reserved_node, "said": self._verbatim,
            "ignoring": self._ignoring, "truncating": self._truncating, "dt_range": self._verbatim,
            "dt_block": self._dt_block, "rmem": self._rmem, "zone_pfn": self._zone_pfn,
        }  # fmt: skip

    def judge(self, said: Said) -> Judged:
        """The verdict on one line."""
        if said.kind in _INPUTS:
            return Judged(said.line, said.kind, said.text, Judgement.INPUT)
        if self.unknown and said.kind in _COUNTED:
            return self.unmodelled(said, self.unknown)
        if said.row.unmodelled or said.kind not in self._judges:
            return self.unmodelled(said, said.row.unmodelled or "no rule for this line")
        return self._judges[said.kind](said)

    def unmodelled(self, said: Said, why: str) -> Judged:
        """The verdict on a line of which nothing is predicted."""
        return Judged(said.line, said.kind, said.text, Judgement.UNMODELLED, why=why)

    def contradicted(self, said: Said, log: str, ours: str) -> Judged:
        """The verdict on a line that is wrong as a whole."""
        return Judged(said.line, said.kind, said.text, Judgement.CONTRADICTED, log, ours)

    def _claim(self, name: str, log: int, ours: int | None, *, physical: bool = False, decimal: bool = False) -> Claim:
        if physical and not self.phys_known:
            ours = None
        return Claim(name, log, ours, name in self.taken, decimal)

    def _where_ram(self, said: Said) -> str:
        return "" if self.phys_known else "the log does not say where RAM begins"

    # -- the virtual layout ------------------------------------------------------------------------------------

    def _layout(self, said: Said) -> Judged:
        name = said.word("name")
        start, end = said.number("start"), said.number("end")
        area = self.areas.get(name)
        if area is None:
            if name in _SECTIONS and not self.from_log:
                return self.unmodelled(said, "the symbols do not have its bounds")
            return self.contradicted(said, f"an area {name}", "no such area")
        if name == "vector":  # the message always counts one page (arch/arm/mm/init.c mem_init)
            return judge(said, [Claim("start", start, area.start)])
        return judge(said, [
            Claim("start", start, area.start, f"{name}.start" in self.taken),
            Claim("end", end, area.end, f"{name}.end" in self.taken),
        ])  # fmt: skip

    def _layout_other(self, said: Said) -> Judged:
        if said.word("name") == "DMA":
            return self.unmodelled(said, "the area of consistent memory has the size that the machine gives it")
        return self.unmodelled(said, "tightly coupled memory is what the CPU finds, other areas are a vendor's")

    # -- memory types ------------------------------------------------------------------------------------------

    def _policy(self, said: Said) -> Judged:
        table = self.state.mem_types
        if table is None:
            return self.contradicted(said, said.word("name"), "the boot ended before")
        ecc = bool(table.ecc_mask)
        if said.word("name") != table.policy or ("ecc" in said and (said.word("ecc") == "enabled") != ecc):
            return self.contradicted(said, said.word("name"), table.policy)
        return Judged(said.line, said.kind, said.text, Judgement.INPUT if "policy" in self.taken else Judgement.MATCHED)

    # -- zones -------------------------------------------------------------------------------------------------

    def _zone(self, said: Said) -> Judged:
        name, zone = said.word("name"), self.zones.get(said.word("name"))
        if zone is None:
            return self.contradicted(said, f"a zone {name}", "no such zone")
        start, end = zone.start_pfn << PAGE_SHIFT, zone.end_pfn << PAGE_SHIFT
        if self.dma_unknown() and name in ("DMA", "Normal"):
            return self._split_zone(said, name)
        if "empty" in said:
            log = "empty"
            if start == end:
                return Judged(said.line, said.kind, said.text, Judgement.MATCHED)
            return self.contradicted(said, log, f"[mem {start:#018x}-{end - 1:#018x}]")
        if start == end:
            return self.contradicted(said, said.text, "empty")
        return judge(said, [
            self._claim("start", said.number("start"), start, physical=True),
            self._claim("last", said.number("last"), end - 1, physical=True),
        ], self._where_ram(said))  # fmt: skip

    def _zone_pfn(self, said: Said) -> Judged:
        """A zone in the words of old kernels: page frame numbers, the end open."""
        values = dict(said.values)
        values["start"], values["last"] = said.number("base") << PAGE_SHIFT, (said.number("to") << PAGE_SHIFT) - 1
        return self._zone(replace(said, values=values))

    def dma_unknown(self) -> bool:
        """Whether the log was made by a machine whose dma_zone_size only the log would tell."""
        return self.from_log and "DMA" in self.zones and self.state.machine.machine is None

    def _split_zone(self, said: Said, name: str) -> Judged:
        """DMA and Normal together are lowmem; where the machine cuts it is not known."""
        low = [zone for key, zone in self.zones.items() if key in ("DMA", "Normal")]
        start, end = (min(z.start_pfn for z in low) << PAGE_SHIFT, max(z.end_pfn for z in low) << PAGE_SHIFT)
        if "empty" in said:
            return self.unmodelled(said, "the machine's dma_zone_size is not known")
        if name == "DMA":
            claims = [self._claim("start", said.number("start"), start, physical=True)]
            if said.number("last") >= end - 1:
                claims.append(self._claim("last", said.number("last"), end - 1, physical=True))
        else:
            claims = [self._claim("last", said.number("last"), end - 1, physical=True)]
        return judge(said, claims, "the machine's dma_zone_size is not known")

    def _node(self, said: Said) -> Judged:
        start, last = said.number("start"), said.number("last")
        if f"nodes:{said.line}" in self.taken and any(a <= start and last < b for a, b in self._kept_banks()):
            return Judged(said.line, said.kind, said.text, Judgement.INPUT)
        found = [bank for bank in self._banks_left if bank[0] <= start < bank[1]] or self._banks_left[:1]
        if not found:
            return self.contradicted(said, said.text, "no more banks")
        self._banks_left.remove(found[0])
        return judge(said, [
            Claim("start", start, found[0][0] if self.phys_known else None),
            Claim("last", last, found[0][1] - 1 if self.phys_known else None),
        ], self._where_ram(said))  # fmt: skip

    def _kept_banks(self) -> list[tuple[int, int]]:
        """Memory that stays, in whole pages, neighbours apart where their flags differ."""
        rows = self.state.memblock.memory.regions
        return [(align_up(b, PAGE_SIZE), (b + s) & -PAGE_SIZE) for b, s, _ in rows]

    def _initmem(self, said: Said) -> Judged:
        banks = self._kept_banks()
        if not banks:
            return self.contradicted(said, said.text, "no memory")
        return judge(said, [
            self._claim("start", said.number("start"), banks[0][0], physical=True),
            self._claim("last", said.number("last"), banks[-1][1] - 1, physical=True),
        ], self._where_ram(said))  # fmt: skip

    # -- mem_init ----------------------------------------------------------------------------------------------

    def _rows(self) -> list[int]:
        """Pages of each region of memory."""
        return [(end - start) >> PAGE_SHIFT for start, end in self._kept_banks()]

    def _memory_mb(self, said: Said) -> Judged:
        taken = "memory_mb.sum" in self.taken
        rows = self._rows()
        listed = [int(word.removesuffix("MB")) for word in said.word("banks").split()]
        claims = [Claim("total MB", said.number("sum"), sum(rows) >> 8, taken, True)]
        if len(listed) == len(rows) and not taken:
            banks = enumerate(zip(listed, rows, strict=True))
            claims += [Claim(f"bank {i} MB", log, ours >> 8, False, True) for i, (log, ours) in banks]
        return judge(said, claims)

    def _memory_k(self, said: Said) -> Judged:
        """What is free and what is reserved makes up all banks; what of it is free is decided later."""
        if "lowmem.end" in self.taken:
            return self.unmodelled(said, "the log does not say where the banks are")
        total = said.number("present") + said.number("reserved")
        claims = [Claim("kB of banks", total, sum(self._rows()) * 4, "memory_k.sum" in self.taken, True)]
        if "banks.unknown" not in self.taken:
            claims += self._highmem(said)
        return judge(said, claims)

    def _highmem(self, said: Said) -> list[Claim]:
        """Free highmem is at most all of it; 0 is 0."""
        if "highmem" not in said:
            return []
        zone = self.zones.get("HighMem")
        most = zone.present * 4 if zone else 0
        return [Claim("K highmem", said.number("highmem"), min(most, said.number("highmem")), False, True)]

    def _memory(self, said: Said) -> Judged:
        claims = [
            Claim("K in all", said.number("present"), self.pages.present * 4, "memory.present" in self.taken, True)
        ]
        claims += self._highmem(said)
        for name, area in (("init", ".init"), ("bss", ".bss")):
            if name in said and area in self.areas and not (self.kernel_from_log and f"{area}.start" not in self.taken):
                claims.append(Claim(f"K {name}", said.number(name), self.areas[area].size // KIB, False, True))
        if "cma" in said:
            size = sum(area.size for area in self.state.cma_areas) // KIB
            claims.append(Claim("K cma-reserved", said.number("cma"), size, False, True))
        return judge(said, claims)

    # -- reserved memory ---------------------------------------------------------------------------------------

    def _cma(self, said: Said) -> Judged:
        """An area that the kernel says it reserved: the default one, or one of the machine's."""
        if not self.kernel.has("cma"):
            return self.unmodelled(said, "contiguous memory areas came with 3.5: a back-port")
        if said.line in self.own_areas:
            return self.unmodelled(said, "an area of the machine's own: its reserve callback is not known")
        area = self.state.default_cma
        if area is None:
            return self.contradicted(said, said.text, "no default area")
        if self.dma_unknown() and said.number("base") != area.base:
            return self.unmodelled(said, "the machine's dma_zone_size, below which it lies, is not known")
        size = Claim("MiB", said.number("mib"), area.size // MIB, "cma.mib" in self.taken, True)
        return judge(said, [self._claim("base", said.number("base"), area.base, physical=True), size],
                     self._where_ram(said))  # fmt: skip

    def _cma_failed(self, said: Said) -> Judged:
        if self.state.default_cma is not None:
            return self.contradicted(said, said.text, f"an area at {self.state.default_cma.base:#010x}")
        return Judged(said.line, said.kind, said.text, Judgement.MATCHED)

    def _pool(self, said: Said) -> Judged:
        taken = f"pool:{said.line}" in self.taken
        areas = [area for area in self.state.reserved_areas if area.base == said.number("base")]
        sizes = [area.size // MIB for area in areas]
        size = said.number("mib")
        if not areas:
            return self.contradicted(said, said.text, "no area there")
        return judge(said, [Claim("MiB", size, size if size in sizes else sizes[0], taken, True)])

    def _reserved_node(self, said: Said) -> Judged:
        taken = f"node:{said.line}" in self.taken
        areas = [area for area in self.state.reserved_areas if area.base == said.number("start")]
        if not areas:
            return self.contradicted(said, said.text, "no area there")
        return judge(said, [
            Claim("last", said.number("last"), areas[-1].base + areas[-1].size - 1, taken),
            Claim("nomap", int(said.word("map") == "nomap"), int(areas[-1].nomap), taken, True),
        ])  # fmt: skip

    # -- what the kernel gives up ------------------------------------------------------------------------------

    def _verbatim(self, said: Said) -> Judged:
        """A line that is predicted word for word."""
        text = " ".join((said.word("text") or said.text).split())
        for line in self._said_left:
            if self._said_left[line] and line.endswith(text):
                self._said_left[line] -= 1
                return Judged(said.line, said.kind, said.text, Judgement.MATCHED)
        if not self.phys_known:
            return self.unmodelled(said, self._where_ram(said))
        if not self.cmdline_known or "banks.unknown" in self.taken:
            what = "the command line" if not self.cmdline_known else "where the banks are"
            return self.unmodelled(said, f"the log does not say {what}")
        head = text.split("0x")[0]
        ours = [line for line in self._said_left if self._said_left[line] and head in line]
        return self.contradicted(said, text, ours[0] if ours else "nothing of the kind")

    def _dt_block(self, said: Said) -> Judged:
        if self.from_log:
            return self.unmodelled(said, "a memory node of no size: the device tree is not known")
        return self._verbatim(said)

    def _rmem(self, said: Said) -> Judged:
        """Trouble with a node of /reserved-memory, of which a board made from a log has only those that were made."""
        if self.from_log:
            return self.unmodelled(said, "the device tree is not known")
        return self._verbatim(said)

    def _ours(self, head: str) -> list[list[int]]:
        """The numbers of the predicted lines that begin so, the digits after each ``-`` or ``0x``."""
        found = []
        for line in self.state.dmesg:
            if line.startswith(head):
                words = line.removeprefix(head).split("(")[0].replace(" to -", "-").strip().rstrip(".").split("-")
                found.append([int(word, 16) for word in words])
        return found

    def _ignoring(self, said: Said) -> Judged:
        ours = self._ours("Ignoring RAM at ")
        match = next((row for row in ours if row[1] == said.number("last")), ours[0] if ours else None)
        if match is None:
            return self.contradicted(said, said.text, "all RAM is used")
        return judge(said, [
            self._claim("start", said.number("start"), match[0], physical=True),
            self._claim("end", said.number("last"), match[1], physical=True),
        ], self._where_ram(said))  # fmt: skip

    def _truncating(self, said: Said) -> Judged:
        ours = self._ours("Truncating RAM at ")
        match = next((row for row in ours if row[0] == said.number("start")), ours[0] if ours else None)
        if match is None:
            return self.contradicted(said, said.text, "no bank is cut")
        return judge(said, [
            self._claim("start", said.number("start"), match[0], physical=True),
            self._claim("to", said.number("to"), match[2], physical=True),
        ], self._where_ram(said))  # fmt: skip


def check_log(log: Log, checker: Checker) -> list[Judged]:
    """Judge every line of ``log``, and what the prediction has besides."""
    if checker.from_log:
        checker.unknown = _uncountable(log, checker)
        checker.own_areas = {said.line for said in log.all("cma")[:-1]}
        checker.cmdline_known = log.first("cmdline") is not None
    memblock = MemblockChecker(checker, log)
    judged = [memblock.judge(said) if memblock.knows(said) else checker.judge(said) for said in log.said]
    return [*judged, *_missing(log, checker), *_initrd(log, checker), *_outcome(log, checker)]


def _uncountable(log: Log, checker: Checker) -> str:
    """Why the pages of a board made from a log cannot be counted; "" where they can."""
    lists = log.first("all_pages")
    if lists is not None and lists.number("cpus") > 1:
        return "memory is in several nodes (DISCONTIGMEM)"
    if "machine.took" in checker.taken:
        return "the machine's reserve callback took RAM away, the log does not say where"
    if "banks.unknown" in checker.taken:
        return "the log does not say where the banks are"
    return ""


def _missing(log: Log, checker: Checker) -> list[Judged]:
    """RAM that is given up by the prediction, while a log that goes on for long enough does not say so."""
    if not log.first("banner") or not log.all("memory", "memory_k", "zone") or log.all("ignoring", "truncating"):
        return []
    return [
        Judged(0, "ignoring", line, Judgement.CONTRADICTED, "nothing of the kind", line)
        for line in checker.state.dmesg
        if line.startswith(("Ignoring RAM at", "Truncating RAM at"))
    ]


def _initrd(log: Log, checker: Checker) -> list[Judged]:
    """Whether an initrd that the log gives back was one for the prediction, too."""
    freed = next((said for said in log.all("freed") if "initrd memory" in said.text), None)
    lost = next((hazard for hazard in checker.prediction.hazards if hazard.id == "initrd-disabled"), None)
    if freed is None or lost is None:
        return []
    return [Judged(freed.line, "initrd", freed.text, Judgement.CONTRADICTED, "it has an initrd", lost.message)]


def _outcome(log: Log, checker: Checker) -> list[Judged]:
    """Whether the boot comes as far as the log."""
    outcome = checker.prediction.outcome
    later = log.all("memory", "memory_k", "percpu", "all_pages")
    if outcome.verdict is not Verdict.DIES or not later:
        return []
    ours = f"the boot ends in {outcome.stage}: {outcome.reason}"
    return [Judged(later[-1].line, "outcome", later[-1].text, Judgement.CONTRADICTED, "it goes on", ours)]
