"""The symbols of a log's kernel: from its sections and the reservations of its image, else from its size.

Made as a System.map holds them, for the reader of those.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from bootmap.bootlog.evidence import Confidence, Evidence, Weighed, choose, exact
from bootmap.bootlog.identity import LARGEST_IMAGE
from bootmap.bootlog.phys_offset import page_directory
from bootmap.units import KIB, MIB, PAGE_SIZE, Span, align_down, align_up, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.bootlog.identity import LogIdentity
    from bootmap.bootlog.log import Log
    from bootmap.inputs.symbols import Symbols

_DEFAULT_IMAGE = 12 * MIB
_UNPACKED = 3
"""How much larger a kernel is than its zImage, as distributions compress them."""
KERNEL_END = "end of the kernel"
_TEXT_OFFSET = 0x8000


def make_symbols(
    log: Log, identity: LogIdentity, phys: int, image: Span | None, given: Symbols | None = None
) -> tuple[str, Weighed[int]]:
    """The System.map, and the end of the image, weighed.

    Args:
        log: the log.
        identity: its kernel.
        phys: PHYS_OFFSET.
        image: physical addresses of the image, None where not known.
        given: the symbols that the user gives.
    """
    offset, sections = identity.page_offset, identity.sections
    start = _text_start(log, identity, phys)
    stext, end = start, max([span.end for span in sections.values()] + [0])
    reserved = None
    if image is not None and phys <= image.start < image.end <= phys + LARGEST_IMAGE:
        stext, end = image.start - phys + offset, image.end - phys + offset
        reserved = end
    told = list(_ends(log, identity, start, reserved))
    if given is not None and "_end" in given:
        told.insert(0, exact(given["_end"], Confidence.GIVEN, 0, "as given"))
    weighed = choose(KERNEL_END, told, near)
    if not end:
        end = weighed.value or start + _DEFAULT_IMAGE
    weighed = replace(weighed, otherwise="as large as kernels usually are", option="--system-map").held_against(
        end, near
    )
    code = sections.get(".text", Span(stext, align_down((stext + end) // 2, PAGE_SIZE)))
    init = sections.get(".init", Span(code.end, align_up(code.end, MIB)))
    data = sections.get(".data", Span(init.end, end))
    rows = {
        "swapper_pg_dir": start - _pgd_bytes(identity),
        "_stext": stext,
        "_etext": code.end,
        "__start_rodata": code.end,  # a configuration with STRICT_KERNEL_RWX needs it
        "_text": sections.get(".text", Span(start, start)).start,
        "__turn_mmu_on": stext + 0x100,
        "__turn_mmu_on_end": stext + 0x120,
        "__enable_mmu": stext + 0x100,
        "__enable_mmu_end": stext + 0x120,
        "__init_begin": init.start,
        "__init_end": init.end,
        "_sdata": data.start,
        "_edata": data.end,
        "bm_pte": align_down(max(end - 0x3000, data.start), PAGE_SIZE),
        "_end": end,
        "__idmap_text_start": stext + 0x100,
        "__idmap_text_end": stext + 0x200,
    }
    bss = sections.get(".bss")
    if bss is not None:
        rows |= {"__bss_start": bss.start, "__bss_stop": bss.end}
    text = "".join(f"{value:08x} T {name}\n" for name, value in sorted(rows.items(), key=lambda row: row[1]))
    return text, weighed


def _ends(log: Log, identity: LogIdentity, start: int, reserved: int | None) -> Iterator[Evidence[int]]:
    """Where the image ends, in virtual space."""
    if reserved is not None:
        line = next((said.line for said in log.all("call") if "arm_memblock_init" in said.word("rest")), 0)
        yield exact(reserved, Confidence.CERTAIN, line, "arm_memblock_init reserves it")
    ends = {name: span.end for name, span in identity.sections.items()}
    if ends:
        name = max(ends, key=lambda each: ends[each])
        yield exact(ends[name], Confidence.CERTAIN, identity.layout[name].line, f"{name} ends there")
    size, memory = _image_size(log), log.first("memory")
    if size and memory is not None:
        text = "the sizes of its sections, summed"
        yield exact(start + size, Confidence.LIKELY, memory.line, text)
    for said in log.all("image_size")[:1]:
        text = f"the zImage has {size_text(said.number('count'))}, and such kernels are three times as large"
        yield exact(align_up(start + _UNPACKED * said.number("count"), MIB), Confidence.HINT, said.line, text)


def near(one: int, other: int) -> bool:
    """Whether two ends are the same, but for what lies between sections."""
    return abs(one - other) <= 4 * MIB


def _pgd_bytes(identity: LogIdentity) -> int:
    return 0x5000 if identity.lpae else 0x4000


def _text_start(log: Log, identity: LogIdentity, phys: int) -> int:
    """Virtual address of the image's first byte, right behind the page directory."""
    offset, pgd = identity.page_offset, _pgd_bytes(identity)
    starts = [span.start for name, span in identity.sections.items() if name in (".text", ".init")]
    start = min(starts) if starts else offset + _TEXT_OFFSET
    table = log.first("pgd")
    if not starts and table is not None and offset < table.number("base") < offset + 16 * MIB:
        start = table.number("base") + pgd
    directory = page_directory(log)
    if directory is not None and phys <= directory.number("start") < phys + LARGEST_IMAGE:
        start = directory.number("start") - phys + offset + pgd
    if (start - pgd) % (PAGE_SIZE if identity.lpae else 4 * PAGE_SIZE):  # noise: the page directory is always aligned
        return offset + _TEXT_OFFSET
    return start


def _image_size(log: Log) -> int:
    memory = log.first("memory")
    if memory is None:
        return 0
    parts = ("code", "rwdata", "rodata", "init", "bss")
    return align_up(sum(memory.number(name) for name in parts if name in memory) * KIB + MIB, MIB)
