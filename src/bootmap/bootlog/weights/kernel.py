"""Which kernel it is: version, CPU, cache, command line, PAGE_OFFSET, VMALLOC_END, by every line that bears on them.

Not here: its configuration (``options``), where its image ends (``symbols``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bootmap.bootlog.evidence import Confidence, Evidence, Weighed, choose, exact, weigh
from bootmap.errors import InputError
from bootmap.facts.arm.cpus import cpu_by_midr
from bootmap.facts.linux.vmsplit import PAGE_OFFSETS
from bootmap.units import GIB, MIB, hex_address, memparse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bootmap.bootlog.given import Given
    from bootmap.bootlog.log import Log, Said

CACHES = ("vipt-aliasing", "vipt-nonaliasing", "vivt")
_XP, _TRE, _AFE = 1 << 23, 1 << 28, 1 << 29
"""SCTLR's bits: the tables of ARMv6 and later, TEX remap, which Linux sets on ARMv7, and the access flag, with long
descriptors (proc-v6.S, proc-v7*.S).  Before ARMv6 the upper bits are a core's own: Feroceon has a005317f, b005317f.
"""
_ANY = 0x410FC070
"""Cortex-A7, which stands for the core of an ARM kernel's image where nothing names it."""
_LONG, _SHORT = 0x410FC0F0, 0x410FC090
"""Cortex-A15 and Cortex-A9, which stand for ARMv7 cores with and without long descriptors."""
_VMALLOC_END = 0xFF800000
_VMALLOC_SIZE = 248 * MIB


def release(log: Log, given: Given) -> Weighed[str]:
    """The kernel's version, as it names itself."""
    return choose("Linux", _releases(log, given), same_release)


def _releases(log: Log, given: Given) -> Iterator[Evidence[str]]:
    if given.release is not None:
        yield exact(given.release, Confidence.GIVEN, 0, "as given")
    for said in log.all("banner")[:1]:
        yield exact(said.word("release"), Confidence.CERTAIN, said.line, "the kernel's banner")
    for said in log.all("release")[:1]:
        yield exact(said.word("release"), Confidence.STRONG, said.line, "a fault or a warning names it")
    for said in log.all("image_name")[:1]:
        yield exact(said.word("release"), Confidence.LIKELY, said.line, "the image's name")


def same_release(one: str, other: str) -> bool:
    """Whether the numbers of two versions are the same, as far as both have them."""
    numbers = [re.findall(r"\d+", text.split("-")[0])[:3] for text in (one, other)]
    length = min(len(numbers[0]), len(numbers[1]))
    return bool(length) and numbers[0][:length] == numbers[1][:length]


def midr(log: Log, given: Given) -> Weighed[int]:
    """The boot CPU's Main ID Register."""
    found = choose("CPU", _midrs(log, given), same_core)
    if found.value is None and log.all("arm_image", "kernel_at"):
        return Weighed("CPU", _ANY, otherwise="nothing names it: an ARMv7 core stands for it")
    return found


def _midrs(log: Log, given: Given) -> Iterator[Evidence[int]]:
    if given.cpu is not None:
        yield exact(given.cpu.midr, Confidence.GIVEN, 0, "as given")
    for said in log.all("cpu")[:1]:
        yield exact(said.number("midr"), Confidence.CERTAIN, said.line, said.word("name"))
    for said in log.all("cpu_unknown")[:1]:
        yield exact(said.number("midr"), Confidence.CERTAIN, said.line, "head.S names it")
    for said in log.all("control")[:1]:
        if said.number("cr") & _XP and said.number("cr") & _TRE:  # only ARMv7 has it
            likely = _LONG if long_descriptors(said.number("cr")) else _SHORT
            text = "an ARMv7 core with " + ("long" if likely == _LONG else "short") + " descriptors, by its registers"
            yield exact(likely, Confidence.HINT, said.line, text)


def long_descriptors(control: int) -> bool:
    """Whether an SCTLR is that of a kernel with CONFIG_ARM_LPAE."""
    return bool(control & _XP and control & _AFE)


def same_core(one: int, other: int) -> bool:
    """Whether two MIDRs are revisions of one core."""
    core = cpu_by_midr(one)
    return one == other or (core is not None and core is cpu_by_midr(other))


def cache(log: Log, given: Given) -> Weighed[str]:
    """The kind of data cache, as ``--cache`` has it; no value where it is not named, or is a PIPT one."""
    rows = [exact(given.cache, Confidence.GIVEN, 0, "as given")] if given.cache else []
    said = log.first("cache")
    kind = said.word("name").lower().replace(" ", "-") if said else ""
    if said is not None and kind in CACHES:
        rows.append(exact(kind, Confidence.CERTAIN, said.line, "the kernel finds it so"))
    return choose("data cache", rows)


def command_line(log: Log, given: Given) -> Weighed[str]:
    """The command line; the boot loader's is what the kernel gets, unless the kernel brings its own."""
    return choose("command line", _command_lines(log, given), same_line)


def _command_lines(log: Log, given: Given) -> Iterator[Evidence[str]]:
    if given.cmdline is not None:
        yield exact(given.cmdline, Confidence.GIVEN, 0, "as given")
    for said in log.all("cmdline")[:1]:
        yield exact(latin(said.word("text")), Confidence.CERTAIN, said.line, "the kernel prints it")
    for said in [said for said in log.all("bootargs") if "=" in said.word("text")][-1:]:
        yield exact(latin(said.word("text")), Confidence.LIKELY, said.line, "the boot loader's bootargs")


def same_line(one: str, other: str) -> bool:
    """Whether two command lines are the same but for spaces, or one is a part of the other."""
    short, long = sorted((" ".join(text.split()) for text in (one, other)), key=len)
    return short == long or (bool(short) and short in long)


def latin(text: str) -> str:
    """Text as a property can hold it."""
    return text.encode("latin-1", "replace").decode("latin-1")


def page_offset(log: Log, given: Given, layout: Mapping[str, Said], cmdline: str) -> Weighed[int]:
    """PAGE_OFFSET.

    Raises:
        InputError: lowmem begins where none can.
    """
    found = weigh("PAGE_OFFSET", _page_offsets(log, given, layout, cmdline))
    if found.value is not None:
        return found
    return Weighed(
        "PAGE_OFFSET", PAGE_OFFSETS[0], otherwise="the log has no address of the kernel's", option="--config"
    )


def _page_offsets(log: Log, given: Given, layout: Mapping[str, Said], cmdline: str) -> Iterator[Evidence[int]]:
    if given.page_offset is not None:
        yield exact(given.page_offset, Confidence.GIVEN, 0, "the configuration has it")
    lowmem = layout.get("lowmem")
    if lowmem is not None:
        if lowmem.number("start") not in PAGE_OFFSETS:
            raise InputError("lowmem does not begin where any VMSPLIT puts it", line=lowmem.line)
        yield exact(lowmem.number("start"), Confidence.CERTAIN, lowmem.line, "lowmem begins there")
    modules = layout.get("modules")
    if modules is not None and (end := modules.number("end")) in (
        *PAGE_OFFSETS,
        *(split - 2 * MIB for split in PAGE_OFFSETS),
    ):
        split = next(split for split in PAGE_OFFSETS if split in (end, end + 2 * MIB))
        yield exact(split, Confidence.STRONG, modules.line, "the modules' area ends below it")
    for said in log.all("kasan")[:1]:
        if said.number("start") in PAGE_OFFSETS:
            yield exact(said.number("start"), Confidence.LIKELY, said.line, "KASAN's first block begins there")
    for said in log.all("percpu", "mem_map"):
        if "base" in said and said.number("base") >= PAGE_OFFSETS[-1]:
            at = said.number("base")
            split = next(split for split in PAGE_OFFSETS if split <= at)
            yield exact(split, Confidence.STRONG, said.line, f"{hex_address(at)} is in lowmem")
    for said in log.all("pgd"):  # an oops of the kernel's own table: it lies 16 KiB below the image
        at = said.number("base")
        for split in PAGE_OFFSETS:
            if split <= at < split + 16 * MIB:
                text = f"the kernel's page directory is at {hex_address(at)}"
                yield exact(split, Confidence.LIKELY, said.line, text)
    yield from _by_zones(log, cmdline)


def _by_zones(log: Log, cmdline: str) -> Iterator[Evidence[int]]:
    """The usual 3 GiB, or the next split in which lowmem is as large as the log says."""
    zones = [said for said in log.all("zone") if said.word("name") != "HighMem" and "last" in said]
    if not zones:
        return
    low = max(said.number("last") for said in zones) + 1 - min(said.number("start") for said in zones)
    given = re.search(r"\bvmalloc=(\w+)", cmdline)
    room = _VMALLOC_END - (memparse(given[1])[0] if given else _VMALLOC_SIZE)
    split = next((split for split in PAGE_OFFSETS if low <= room - split), None)
    if split is not None:
        yield exact(split, Confidence.HINT, zones[0].line, "lowmem is as large as fits above it")


def vmalloc_end(layout: Mapping[str, Said], offset: int) -> Weighed[int]:
    """VMALLOC_END where the log has it; no value where the version decides it."""
    said = layout.get("vmalloc")
    end = said.number("end") if said else 0
    if said is None or not offset + GIB // 4 <= end < 4 * GIB:
        return Weighed("VMALLOC_END", None)
    return choose("VMALLOC_END", [exact(end, Confidence.CERTAIN, said.line, "the vmalloc area ends there")])
