"""The address of a fault: which area it is in, and what the kernel printed of the tables there.

    6b6b6b6b   poison: memory that was freed               fffffff4   an error number that was taken for a pointer
    bf0a1234   the modules' area                           fa1d0000   the vmalloc area: a device
    c6800000   lowmem, yet *pgd=00000000: memory that was taken out of the map, by its name where a line has it

What ``bootmap oops`` works out of the printed words is said here too.  Not here: faults of whoever reads the device
tree or the initrd (``faults``).

Source: arch/arm/include/asm/memory.h, pgtable.h; arch/arm/mm/kasan_init.c; Documentation/arch/arm/memory.rst.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bootmap.analysis.oops.linear import places_at
from bootmap.analysis.oops.oops import judge
from bootmap.analysis.overview import virtual_layout
from bootmap.bootlog.findings import Reason
from bootmap.bootlog.given import Given
from bootmap.bootlog.weights import kernel
from bootmap.units import MIB, Span, hex_address, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.analysis.oops.oops import OopsJudgement
    from bootmap.bootlog.case import LogCase
    from bootmap.inputs.oops_log import Oops

_MODULES = 16 * MIB
_LOWMEM = 760 * MIB
_AREAS = {
    "modules": ("the modules' area", "memory of a module, which is mapped while that is loaded"),
    "pkmap": ("pkmap", "a page of highmem, which is mapped from kmap() to kunmap()"),
    "vmalloc": ("the vmalloc area", "devices (ioremap) and vmalloc(), mapped and taken away while the kernel runs"),
    "fixmap": ("the fixmap", "its slots are mapped when they are needed"),
    "vector": ("the page of the exception vectors", "mapped at all times"),
    "fdt": ("the device tree's own area", "the tree is mapped there, read-only, and nothing else"),
    "DTCM": ("tightly coupled memory", "for data"),
    "ITCM": ("tightly coupled memory", "for code"),
    "PCI I/O": ("PCI's I/O space", "nothing is mapped there before the driver of a bridge does so"),
}
_TOLD = ("dtb", "initrd", "no-map", "reserved")


class NamedArea(NamedTuple):
    """An area of memory that a line of the log names."""

    name: str
    span: Span
    line: int
    nomap: bool


class Address(NamedTuple):
    """What is known of the address of a fault.

    Attributes:
        reasons: what it is, and what the printed words say.
        area: the area that is not in the linear map, by its name; None where it is none.
        gone: whether it should be in lowmem by the prediction, and is not by the words that were printed.
    """

    reasons: tuple[Reason, ...]
    area: NamedArea | None = None
    gone: bool = False


def address_of(case: LogCase, oops: Oops) -> Address:
    """What the address of ``oops`` is, and what the kernel printed of it."""
    if oops.address is None:
        return Address(())
    judged = judge(oops)
    words = tuple(_words(oops, judged))
    if judged.hint is not None:
        return Address((Reason(0, f"{hex_address(oops.address)} is {judged.hint}"), *words))
    shadow = _in_shadow(case, oops.address)
    if shadow is not None:
        return Address((shadow, *words))
    if case.found is None:
        return Address((*_without_prediction(case, oops.address, judged), *words))
    return _predicted(case, oops.address, judged, words)


def _in_shadow(case: LogCase, address: int) -> Reason | None:
    """KASAN's shadow, where the log says where it is."""
    for said in case.log.all("kasan"):
        if said.number("base") <= address < said.number("to"):
            of = said.number("start") + ((address - said.number("base")) << 3)
            text = (
                f"{hex_address(address)} is in KASAN's shadow, {hex_address(said.number('base'))}-"
                f"{hex_address(said.number('to') - 1)}: that of {hex_address(of)}"
            )
            return Reason(said.line, text)
    return None


def _predicted(case: LogCase, address: int, judged: OopsJudgement, words: tuple[Reason, ...]) -> Address:
    assert case.found is not None
    replay = case.found.replay
    areas = {area.name: Span(area.start, area.end) for area in virtual_layout(replay, replay.usual_stage)}
    text = hex_address(address)
    places = places_at(replay, address)
    lowmem = areas.get("lowmem")
    if lowmem is not None and address in lowmem and places:
        physical = places[0].physical
        named = next(_named_areas(case, physical), None)
        gone = judged.unmapped
        where = next((place for place in places if place.kind in _TOLD), places[0])
        what = f"the {'no-map ' if gone or named.nomap else ''}area {_area_text(named)}" if named else where.what
        if gone and named is None and where.kind == "lowmem":
            what = (
                "in lowmem by what the log tells, and yet nothing is mapped there: memory that was taken out of the map"
            )
        reason = Reason(named.line if named else 0, f"{text} is {hex_address(physical)} in the linear map: {what}")
        nomap = named if named is not None and (gone or named.nomap) else None
        if nomap is None and where.kind == "no-map":
            nomap = NamedArea(where.what, Span(physical, physical + 1), 0, nomap=True)
        return Address((reason, *words), nomap, gone)
    for name, (area, meaning) in _AREAS.items():
        if name in areas and address in areas[name]:
            span = areas[name]
            where_text = f"{text} is in {area}, {hex_address(span.start)}-{hex_address(span.end - 1)}: {meaning}"
            return Address((Reason(0, where_text), *_read_as_linear(case, address), *words))
    task_size = replay.state.kernel.task_size
    if address < task_size:
        reason = Reason(
            0, f"{text} is in user space, which ends at {hex_address(task_size)}: no pointer of the kernel's"
        )
        return Address((reason, *words))
    gap = f"{text} is between the kernel's areas: nothing is ever mapped there"
    return Address((Reason(0, gap), *_read_as_linear(case, address), *words))


def _read_as_linear(case: LogCase, address: int) -> Iterator[Reason]:
    """What phys_to_virt() would have put there, where the board has something at that place."""
    assert case.found is not None
    for place in places_at(case.found.replay, address):
        if place.kind in _TOLD:
            text = f"taken for an address of the linear map it would be {hex_address(place.physical)}: {place.what}"
            yield Reason(0, text)
            return


def _without_prediction(case: LogCase, address: int, judged: OopsJudgement) -> Iterator[Reason]:
    """By the split alone, as far as the log tells it."""
    layout = {row.word("name"): row for row in case.log.all("layout", "layout_other")}
    offset = kernel.page_offset(case.log, Given(), layout, "").value
    assert offset is not None  # there is always the usual one
    text, split = hex_address(address), f"PAGE_OFFSET {hex_address(offset)}"
    if address < offset - _MODULES:
        yield Reason(0, f"{text} is in user space with {split}: no pointer of the kernel's")
    elif address < offset:
        area, meaning = _AREAS["modules"]
        yield Reason(0, f"{text} is in {area} with {split}: {meaning}")
    elif address < offset + _LOWMEM and judged.unmapped:
        yield Reason(
            0,
            f"{text} is {hex_address(address - offset)} behind PHYS_OFFSET in the linear map with {split}, if RAM "
            "is so large, and yet nothing is mapped there: memory that was taken out of the map (no-map in "
            "/reserved-memory), or none at all",
        )
        yield Reason(0, "given BOARD, --kernel-version and --cpu, the area of the board that lies there is named")


def _words(oops: Oops, judged: OopsJudgement) -> Iterator[Reason]:
    """What status and words say; nothing where neither was printed."""
    if not oops.entries and oops.fsr is None:
        return
    words = ", ".join(f"*{entry.name}={entry.value:08x}" for entry in oops.entries)
    kind = judged.status.kind.value if judged.status is not None and judged.status.kind is not None else ""
    begins = ": ".join(filter(None, (words, kind)))
    said = [reason for reason in judged.reasons if "domain" not in reason]
    if judged.agreement in ("agrees", "not of the tables"):
        yield Reason(0, f"{begins}: {'; '.join(said)}" if said else begins)
    elif judged.empty:
        yield Reason(0, f"{begins}: by the printed words nothing is mapped there")


def _named_areas(case: LogCase, physical: int) -> Iterator[NamedArea]:
    """The areas of memory at ``physical`` that lines name, the smallest first."""
    found = []
    for said in case.log.all("node", "region", "removed", "pool", "vendor_area"):
        if said.kind == "node":
            span = Span(said.number("start"), said.number("last") + 1)
        else:
            span = Span(said.number("base"), said.number("base") + said.number("mib") * MIB)
        if physical in span:
            nomap = said.word("map") == "nomap" or said.kind == "removed" or said.word("name") == "DMA"
            found.append(NamedArea(said.word("name"), span, said.line, nomap))
    yield from sorted(found, key=lambda area: area.span.size)


def _area_text(area: NamedArea) -> str:
    span = f"{hex_address(area.span.start)}-{hex_address(area.span.end - 1)}, {size_text(area.span.size)}"
    return f"{area.name}, {span}" if area.name not in ("CMA", "DMA", "") else span
