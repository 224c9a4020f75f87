"""Which kernel a log is of: version, CPU, command line, PAGE_OFFSET, where its sections lie.

Not here: the rest of its configuration, and the board's RAM.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from bootmap.bootlog.weights import kernel
from bootmap.facts.features.releases import OLDEST
from bootmap.units import MIB, Span

if TYPE_CHECKING:
    from bootmap.bootlog.evidence import Weighed
    from bootmap.bootlog.given import Given
    from bootmap.bootlog.log import Log, Said

LARGEST_IMAGE = 256 * MIB


class LogIdentity(Struct, frozen=True):
    """The kernel of a log.

    Attributes:
        release: as the banner has it; "" where nothing says it.
        version: the one that is modelled for it.
        midr: the CPU's Main ID Register, None where nothing says it.
        cmdline: the command line, "" where not known.
        cmdline_known: whether it is known.
        cache: the kind of data cache as ``--cache`` has it; None where the log does not name it, or it is a PIPT one.
        lpae: whether the descriptors are long.
        page_offset: PAGE_OFFSET.
        vmalloc_end: VMALLOC_END where the log has it.
        layout: the lines of the virtual layout by the areas' names.
        sections: the image's sections by their names in the layout.
        taken: names of the values that came from lines of the log.
        assumptions: what the log does not tell and what was taken instead.
        weights: version, CPU, cache, command line, PAGE_OFFSET and VMALLOC_END with their witnesses.
    """

    release: str
    version: str
    midr: int | None
    cmdline: str
    cmdline_known: bool
    cache: str | None
    lpae: bool
    page_offset: int
    vmalloc_end: int | None
    layout: dict[str, Said]
    sections: dict[str, Span]
    taken: frozenset[str] = frozenset()
    assumptions: tuple[str, ...] = field(default=())
    weights: tuple[Weighed[Any], ...] = ()


def identify(log: Log, given: Given) -> LogIdentity:
    """The kernel that ``log`` is of; what the user gives goes before.

    Raises:
        InputError: lowmem begins where none can.
    """
    layout = {row.word("name"): row for row in log.all("layout", "layout_other")}
    release, cpu = kernel.release(log, given), kernel.midr(log, given)
    line, cache = kernel.command_line(log, given), kernel.cache(log, given)
    text = line.value or ""
    offset = kernel.page_offset(log, given, layout, text)
    assert offset.value is not None  # there is always the usual one
    end = kernel.vmalloc_end(layout, offset.value)
    sections = _sections(layout, offset.value)
    named = release.value or ""
    modelled = _modelled(named)
    assumptions = [f"Linux {named} is taken as {modelled}, the oldest that is modelled"] if modelled != named else []
    told = {"lowmem.start"} if "lowmem" in layout and given.page_offset is None else set()
    registers = next((said for said in log.all("cpu", "control") if "cr" in said), None)
    return LogIdentity(
        release=named,
        version=modelled,
        midr=cpu.value,
        cmdline=text,
        cmdline_known=line.value is not None,
        cache=cache.value,
        lpae=registers is not None and kernel.long_descriptors(registers.number("cr")),
        page_offset=offset.value,
        vmalloc_end=end.value,
        layout=layout,
        sections=sections,
        taken=frozenset({f"{name}.{edge}" for name in sections for edge in ("start", "end")} | told),
        assumptions=tuple(assumptions),
        weights=(
            replace(release, option="--kernel-version"),
            replace(cpu, option="--cpu"),
            replace(cache, option="--cache"),
            replace(line, option="--cmdline", otherwise="" if given.board else "the log does not show it"),
            replace(offset, option="--config"),
            end,
        ),
    )


def _modelled(release: str) -> str:
    numbers = [int(part) for part in re.findall(r"\d+", release.split("-")[0])[:3]]
    if not numbers:
        return release
    return ".".join(map(str, OLDEST)) if tuple(numbers) < OLDEST else release


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
