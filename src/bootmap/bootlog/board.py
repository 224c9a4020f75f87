"""A board made from what a boot log tells of it, for logs whose device tree nobody kept.

What the kernel says of its banks, CPU, command line, sections and reserved areas goes in; what it makes of them (the
end of lowmem, the zones, where areas lie) is then predicted and compared.  A value that went in is never counted as
predicted: ``taken`` names them all.

Configuration, symbols and board are made as the texts and blobs that a user would have given, for the same readers.
Not here: the comparison.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bootmap.bootlog.banks import RamReader, page_directory
from bootmap.bootlog.description import Description
from bootmap.errors import InputError, MissingInputError
from bootmap.units import GIB, KIB, MIB, PAGE_SIZE, Span, align_down, align_up, memparse

if TYPE_CHECKING:
    from bootmap.bootlog.log import Log, Said

_SPLITS = (0xC0000000, 0xB0000000, 0x80000000, 0x40000000)
_OLDEST = (2, 6, 38)
_AFE = 1 << 29  # SCTLR.AFE: Linux sets it with long descriptors only (proc-v7-3level.S)
_RESERVED_BY_US = re.compile(r"arm_memblock_init|arm_mm_memblock_reserve|reserve_initrd|efi")
_VMALLOC_END = 0xFF800000
_PGD_BYTES = (0x4000, 0x5000)
_LARGEST_IMAGE = 256 * MIB
_DEFAULT_IMAGE = 12 * MIB
_BLOB = re.compile(r"setup_arch|early_init_fdt_reserve_self|early_init_dt_reserve_memory|arm_dt_memblock")


@dataclass
class LogBoard:
    """What a log tells of board and kernel.

    Attributes:
        version: of Linux, as ``--kernel-version`` takes it.
        config: options, as a .config holds them.
        symbols: symbols, as a System.map holds them.
        description: a device tree blob, or an ATAG list.
        midr: the CPU's Main ID Register.
        cpus: how many CPUs, None where the log does not say.
        cpus_from_policy: whether only the cache policy tells whether there are several.
        phys_offset: PHYS_OFFSET in bytes.
        phys_known: whether the log (or the user) says where RAM begins; else it is only a stand-in.
        params: physical address of the description, None where not known.
        initrd: (start, size) in bytes, or None.
        cmdline: the command line.
        vmalloc_end: VMALLOC_END as the log has it.
        taken: names of the values that came from lines of the log.
        assumptions: what the log does not tell and what was taken instead.
    """

    version: str
    config: str = ""
    symbols: str = ""
    description: bytes = b""
    midr: int = 0
    cpus: int | None = None
    cpus_from_policy: bool = False
    phys_offset: int = 0
    phys_known: bool = True
    params: int | None = None
    initrd: tuple[int, int] | None = None
    cmdline: str = ""
    vmalloc_end: int | None = None
    taken: set[str] = field(default_factory=set)
    assumptions: list[str] = field(default_factory=list)


def board_from_log(
    log: Log,
    *,
    version: str | None = None,
    midr: int | None = None,
    phys_offset: int | None = None,
    cmdline: str | None = None,
    described: bool = False,
) -> LogBoard:
    """Make a board of what ``log`` tells; the keywords stand for what it does not.

    With ``described`` the board is known, and only the kernel and what the boot loader did are made of the log.

    Raises:
        MissingInputError: the log says neither version nor CPU, or nothing of RAM, and the user does not either.
    """
    return _Maker(log, version, midr, phys_offset, cmdline, described).board


def _latin(text: str) -> str:
    """Text as a property can hold it."""
    return text.encode("latin-1", "replace").decode("latin-1")


class _Maker:
    """Collects the parts of one board."""

    def __init__(
        self,
        log: Log,
        version: str | None,
        midr: int | None,
        phys_offset: int | None,
        cmdline: str | None,
        described: bool,
    ) -> None:
        self.log = log
        self.layout = {said.word("name"): said for said in log.all("layout")}
        self.board = LogBoard(self._version(version))
        self.board.midr = self._midr(midr)
        self.board.cmdline = _latin(self._cmdline() if cmdline is None else cmdline)
        self.image: Span | None = None
        self.blob_size = 0
        self.memreserve: list[tuple[int, int]] = []
        self.lpae = self._lpae()
        self.page_offset = self._page_offset()
        self.sections = self._sections()
        self.options = self._options()
        self.described = described
        noted: set[str] = set() if described else self.board.taken
        ram = RamReader(log, self.page_offset, self.lpae, self.board.cmdline, noted).read(
            phys_offset, banks=not described
        )
        self.board.phys_offset, self.board.phys_known, self.banks = ram.phys_offset, ram.phys_known, ram.banks
        self.board.assumptions += ram.assumptions
        self._places()
        self._finish()

    # -- version, CPU, configuration ---------------------------------------------------------------------------

    def _version(self, given: str | None) -> str:
        banner = self.log.first("banner")
        release = given or (banner.word("release") if banner else None)
        if release is None:
            raise MissingInputError("the log does not say which version of Linux this is; give --kernel-version")
        self.release = release
        numbers = [int(part) for part in re.findall(r"\d+", release.split("-")[0])[:3]]
        if tuple(numbers) < _OLDEST:
            return ".".join(map(str, _OLDEST))
        return release

    def _midr(self, given: int | None) -> int:
        cpu = self.log.first("cpu")
        if given is None and cpu is None:
            raise MissingInputError("the log does not name the CPU; give --cpu")
        return given if given is not None else self.log.all("cpu")[0].number("midr")

    def _cmdline(self) -> str:
        said = self.log.first("cmdline")
        if said is None:
            self.board.assumptions.append("the command line is empty: the log does not show it (--cmdline)")
        return said.word("text") if said else ""

    def _lpae(self) -> bool:
        cpu = self.log.first("cpu")
        return cpu is not None and bool(cpu.number("cr") & _AFE)

    def _page_offset(self) -> int:
        if "lowmem" in self.layout:
            self.board.taken.add("lowmem.start")
            said = self.layout["lowmem"]
            if said.number("start") not in _SPLITS:
                raise InputError("lowmem does not begin where any VMSPLIT puts it", line=said.line)
            return said.number("start")
        for said in self.log.all("percpu", "mem_map"):
            if "base" in said and said.number("base") >= _SPLITS[-1]:
                return next(split for split in _SPLITS if split <= said.number("base"))
        split = self._split_by_zones()
        self.board.assumptions.append(
            f"PAGE_OFFSET is {split:#010x}: the log has no address of the kernel's (--config)"
        )
        return split

    def _split_by_zones(self) -> int:
        """The usual 3 GiB, or the next split in which lowmem is as large as the log says."""
        zones = [said for said in self.log.all("zone") if said.word("name") != "HighMem" and "last" in said]
        if not zones:
            return _SPLITS[0]
        low = max(said.number("last") for said in zones) + 1 - min(said.number("start") for said in zones)
        given = re.search(r"\bvmalloc=(\w+)", self.board.cmdline)
        room = _VMALLOC_END - (memparse(given[1])[0] if given else 248 * MIB)
        return next((split for split in _SPLITS if low <= room - split), _SPLITS[0])

    def _sections(self) -> dict[str, Span]:
        """The image's sections by their names in the layout."""
        names = (".text", ".init", ".data", ".bss")
        found = {
            name: Span(self.layout[name].number("start"), self.layout[name].number("end"))
            for name in names
            if name in self.layout
        }
        room = Span(self.page_offset + 0x5000, self.page_offset + _LARGEST_IMAGE)
        found = {name: span for name, span in found.items() if room.start <= span.start <= span.end <= room.end}
        self.board.taken |= {f"{name}.{end}" for name in found for end in ("start", "end")}
        return found

    def _highmem(self) -> bool:
        layout, zones = "pkmap" in self.layout, [said.word("name") for said in self.log.all("zone", "zone_pages")]
        memory = self.log.first("memory")
        old = self.log.first("memory_k")
        if any("!CONFIG_HIGHMEM" in said.word("rest") for said in self.log.all("ignoring")):
            return False
        if self.log.all("ignoring", "truncating"):
            return False
        if layout or "HighMem" in zones or (memory and "highmem" in memory) or (old and old.number("highmem")):
            return True
        if self.layout or self.log.all("zone") or (memory and "reserved" in memory):
            return False
        self.board.assumptions.append("HIGHMEM is set: the log does not say")
        return True

    def _options(self) -> dict[str, str]:
        banner = self.log.first("banner")
        options = {
            "MMU": "y",
            "PAGE_OFFSET": f"{self.page_offset:#x}",
            "BLK_DEV_INITRD": "y",
            "KUSER_HELPERS": "y",
            "ATAGS": "y",
        }
        if banner is not None and re.search(r"\bSMP\b", re.split(r"#\d+", banner.word("rest"))[-1]):
            options |= {"SMP": "y", "SMP_ON_UP": "y"}
        elif banner is None and (self.log.all("percpu") or self._writealloc()):
            options |= {"SMP": "y", "SMP_ON_UP": "y"}  # mm/percpu.c embeds its first chunk on SMP only
            if not self.log.all("percpu"):
                self.board.taken.add("policy")
        if self.lpae:
            options["ARM_LPAE"] = "y"
        if self._highmem():
            options["HIGHMEM"] = "y"
        if any(said.word("name") == "DMA" for said in self.log.all("zone", "zone_pages")):
            options["ZONE_DMA"] = "y"
        modules = self.layout.get("modules")
        if modules is not None and self.page_offset - modules.number("start") == 8 * MIB:
            options["THUMB2_KERNEL"] = "y"
            self.board.taken.add("modules.start")
        slub = self.log.first("slub")
        if slub is not None and slub.number("align") in (32, 64):
            options["ARM_L1_CACHE_SHIFT"] = str(slub.number("align").bit_length() - 1)
        if any(said.word("name") == "DMA" for said in self.log.all("pool")):
            options |= {"DMA_DECLARE_COHERENT": "y", "HAVE_GENERIC_DMA_COHERENT": "y"}
        policy = self.log.first("policy")
        if policy is not None and policy.word("name") == "writethrough" and "cachepolicy=" not in self.board.cmdline:
            options["CPU_DCACHE_WRITETHROUGH"] = "y"
            self.board.taken.add("policy")
        self._cma(options)
        self._counts(slub)
        return options

    def _writealloc(self) -> bool:
        """Whether RAM is cached write-allocate, as ARMv7 does it where the kernel runs SMP only."""
        policy = self.log.first("policy")
        return policy is not None and policy.word("name") == "writealloc"

    def _cma(self, options: dict[str, str]) -> None:
        areas = self.log.all("cma", "cma_failed")
        if areas or self.log.all("pool"):
            options |= {"CMA": "y", "DMA_CMA": "y", "CMA_SIZE_SEL_MBYTES": "y"}
            # The areas of a vendor's own come before: the machine's reserve callback makes them.
            size = areas[-1].number("mib") if areas else 0
            options["CMA_SIZE_MBYTES"] = str(size)
            if not re.search(r"\bcma=", self.board.cmdline):
                self.board.taken.add("cma.mib")

    def _counts(self, slub: Said | None) -> None:
        counts = [said.number("cpus") for said in self.log.all("nosmp") if "cpus" in said]
        if slub is not None:
            counts.append(slub.number("cpus"))
        if counts:
            self.board.cpus = min(max(counts), 4)
        elif self.log.first("policy") is not None:  # what a Cortex-A9 counts decides the policy
            self.board.cpus = 2 if self._writealloc() else 1
            self.board.cpus_from_policy = True

    # -- what is where -----------------------------------------------------------------------------------------

    def _places(self) -> None:
        """Where the boot loader put things, as far as it says."""
        board = self.board
        dtb, ramdisk = self.log.first("dtb"), self.log.first("ramdisk")
        if dtb is not None:
            board.params = dtb.number("start")
        if ramdisk is not None:
            board.initrd = (ramdisk.number("start"), ramdisk.number("last") + 1 - ramdisk.number("start"))
        reserved = [said for said in self.log.all("call") if said.word("name") == "reserve"]
        behind = 0 if self.log.open_ends else 1
        listed = self.log.first("dump_totals")
        areas = {said.number("base") for said in self.log.all("cma", "pool")}
        self._unlogged(behind)
        for said in reserved:
            caller, start = said.word("rest"), said.number("start")
            size = min(max(said.number("last") + behind - start, 0), 4 * GIB)
            by_boot_loader = _BLOB.search(caller)
            # Whoever else reserves memory before the lists are printed: the machine's callback, dynamic areas.
            before = listed is not None and said.line < listed.line and start not in areas
            if not by_boot_loader and not (before and not _RESERVED_BY_US.search(caller)):
                continue
            board.taken.add(f"call:{said.line}")
            if board.params is None and by_boot_loader:
                board.params = start
            if board.params == start and not self.blob_size:
                self.blob_size = size
            else:
                self.memreserve.append((start, size))
        own = [said for said in reserved if re.search(r"arm_memblock_init|reserve_initrd", said.word("rest"))]
        if own:
            self.image = Span(own[0].number("start"), own[0].number("last") + behind)
            board.taken.add(f"call:{own[0].line}")
            rest = [s for s in own[1:] if s.number("last") + behind - s.number("start") not in _PGD_BYTES]
            if rest and board.initrd is None:
                board.initrd = (rest[0].number("start"), rest[0].number("last") + behind - rest[0].number("start"))
                board.taken.add(f"call:{rest[0].line}")

    def _unlogged(self, behind: int) -> None:
        """What is in the list of reservations and was not announced: made before memblock=debug was read.

        That is the device tree's blob, which 5.11 and later reserve first of all.
        """
        calls = [said for said in self.log.all("call") if said.word("name") == "reserve"]
        if not calls or self.blob_size:
            return
        known = sorted((said.number("start"), said.number("last") + behind) for said in calls)
        for row in self.log.dump("reserved"):
            at, end = row.number("start"), row.number("last") + 1
            for start, last in [*known, (end, end)]:
                if at < min(start, end) and self.board.params is None:
                    self.board.params, self.blob_size = at, min(start, end) - at
                    self.board.taken.add(f"dump_row:{row.line}")
                at = max(at, last)

    # -- putting it together -----------------------------------------------------------------------------------

    def _finish(self) -> None:
        board = self.board
        if "vmalloc" in self.layout:
            end = self.layout["vmalloc"].number("end")
            board.vmalloc_end = end if self.page_offset + GIB // 4 <= end < 4 * GIB else None
        board.config = "".join(f"CONFIG_{name}={value}\n" for name, value in self.options.items())
        board.symbols = self._symbols()
        machine, model = self.log.first("machine"), self.log.first("model")
        described = Description(self.log, board, self.banks, self.page_offset, self.memreserve, self.blob_size)
        if self.described:
            pass
        elif machine is not None and model is None and not machine.word("model"):
            board.description = described.atags()
        else:
            named = model or machine
            board.description = described.tree(_latin(named.word("name")) if named else "a board")
        if self.release != board.version:
            board.assumptions.append(f"Linux {self.release} is taken as {board.version}, the oldest that is modelled")

    def _symbols(self) -> str:
        offset, phys = self.page_offset, self.board.phys_offset
        pgd = 0x5000 if self.lpae else 0x4000
        starts = [span.start for name, span in self.sections.items() if name in (".text", ".init")]
        start = min(starts) if starts else offset + 0x8000
        directory = page_directory(self.log)
        if directory is not None and phys <= directory < phys + _LARGEST_IMAGE:
            start = directory - phys + offset + pgd
        if (start - pgd) % (PAGE_SIZE if self.lpae else 4 * PAGE_SIZE):  # noise: the page directory is always aligned
            start = offset + 0x8000
        stext, end = start, max([span.end for span in self.sections.values()] + [0])
        if self.image is not None and phys <= self.image.start < self.image.end <= phys + _LARGEST_IMAGE:
            stext = self.image.start - phys + offset
            end = self.image.end - phys + offset
        if not end:
            end = start + self._image_size()
            self.board.assumptions.append(f"the kernel's image ends at {end:#010x}: the log does not say")
        swapper = start - pgd
        code = self.sections.get(".text", Span(stext, align_down((stext + end) // 2, PAGE_SIZE)))
        init = self.sections.get(".init", Span(code.end, align_up(code.end, MIB)))
        data = self.sections.get(".data", Span(init.end, end))
        bss = self.sections.get(".bss")
        rows = {
            "swapper_pg_dir": swapper, "_stext": stext, "_etext": code.end,
            "_text": self.sections.get(".text", Span(start, start)).start,
            "__turn_mmu_on": stext + 0x100, "__turn_mmu_on_end": stext + 0x120, "__enable_mmu": stext + 0x100,
            "__enable_mmu_end": stext + 0x120, "__init_begin": init.start, "__init_end": init.end,
            "_sdata": data.start, "_edata": data.end, "bm_pte": align_down(max(end - 0x3000, data.start), PAGE_SIZE),
            "_end": end, "__idmap_text_start": stext + 0x100, "__idmap_text_end": stext + 0x200,
        }  # fmt: skip
        if bss is not None:
            rows |= {"__bss_start": bss.start, "__bss_stop": bss.end}
        return "".join(f"{value:08x} T {name}\n" for name, value in sorted(rows.items(), key=lambda row: row[1]))

    def _image_size(self) -> int:
        memory = self.log.first("memory")
        if memory is None:
            return _DEFAULT_IMAGE
        parts = ("code", "rwdata", "rodata", "init", "bss")
        return align_up(sum(memory.number(name) for name in parts if name in memory) * KIB + MIB, MIB)
