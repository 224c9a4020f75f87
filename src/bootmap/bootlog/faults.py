"""Faults, joined with what lies where: an address of the linear map is the device tree, the initrd or a no-map area.

    bfff6000 is the device tree that the boot loader put at 0x0fff6000: below PHYS_OFFSET, so never mapped

Not here: what the page tables hold at the address (``analysis.oops``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bootmap.analysis.oops.linear import physical_of, places_at, reader_of
from bootmap.bootlog.addresses import address_of
from bootmap.bootlog.changes import initrd_changes, tree_changes
from bootmap.bootlog.findings import LogChange, LogFinding, Reason
from bootmap.bootlog.predict import repredict
from bootmap.errors import BootmapError
from bootmap.units import MIB, hex_address, size_text

if TYPE_CHECKING:
    from bootmap.bootlog.case import LogCase
    from bootmap.bootlog.log import Said
    from bootmap.inputs.oops_log import Oops

_SECTION = 2 * MIB
_BACKTRACE = 24
_CALLER = re.compile(r"\((\w{1,80})(?:\+0x[0-9a-f/x]+)?\)")


def fault_findings(case: LogCase) -> list[LogFinding]:
    """What each fault of the boot is, the first one only where others follow from it."""
    return [_finding(case, oops) for oops in [each for each in case.oopses if each.kind != "user"][:1]]


def function_of(oops: Oops) -> str:
    """The function in which it faulted, "" where that was not printed."""
    return (oops.pc_at or "").split("+")[0]


def _finding(case: LogCase, oops: Oops) -> LogFinding:
    where = function_of(oops)
    at = f" in {where}" if where else ""
    callers = _callers(case, oops)
    reads = reader_of(oops.pc_at, oops.lr_at, *callers)
    where = where or (callers[0] if callers else "")
    tree = _is_tree(case, oops)
    freed = case.log.first("freed_initrd")
    if reads == "dtb" and freed is not None and freed.line < oops.line:
        return _freed(oops, where, freed)
    if oops.address is not None and (reads == "dtb" or tree):
        return _tree(case, oops, where)
    if oops.address is not None and reads == "initrd":
        return _initrd(case, oops, where)
    found = address_of(case, oops)
    reasons = (Reason(oops.line, oops.message), *found.reasons)
    if found.area is not None:
        headline = f"the kernel reads memory that is no-map{at}"
        why = Reason(0, "the linear map leaves no-map areas out: use memremap, or phys_to_virt's result is not mapped")
        return LogFinding("no-map-accessed", True, headline, (*reasons, why))
    return LogFinding("oops", True, f"the kernel faults{at}: {oops.message}", reasons)


def _callers(case: LogCase, oops: Oops) -> list[str]:
    """The functions of the backtrace, innermost first."""
    lines = [text for number, text in case.lines() if oops.line < number <= oops.line + _BACKTRACE]
    return [name for text in lines for name in _CALLER.findall(text)]


def _freed(oops: Oops, where: str, freed: Said) -> LogFinding:
    """The device tree is read again late, after the memory that it lies in was given back."""
    headline = f"stopped in {where or 'the kernel'}: the device tree was given back with the initrd, and is overwritten"
    reasons = (
        Reason(freed.line, f'"{freed.text}": whoever allocates may now write there'),
        Reason(oops.line, f"{oops.message}: the tree is read once more, and what its header says is no longer so"),
        Reason(0, "so the tree lies within the initrd's range: appended to the zImage, or loaded into it"),
    )
    changes = (LogChange("put the device tree and the initrd clear of each other"),)
    return LogFinding("dtb-freed", True, headline, reasons, changes)


def _is_tree(case: LogCase, oops: Oops) -> bool:
    """Whether the address of the fault is that of the device tree by the boot loader's own words."""
    said = case.log.first("dtb") or case.log.first("blob")
    offset = case.page_offset
    if said is None or oops.address is None or offset is None or case.found is None:
        return False
    physical = physical_of(oops.address, offset, case.found.board.phys_offset)
    return said.number("start") <= physical < said.number("start") + _SECTION


def _tree(case: LogCase, oops: Oops, where: str) -> LogFinding:
    """The kernel reads the device tree through the linear map, and it is not there."""
    assert oops.address is not None
    headline = f"stopped in {where or 'the kernel'}: the device tree is not mapped"
    reasons = case.where_tree()
    if case.found is None:
        why = f"{where} reads the device tree; {hex_address(oops.address)} is its address in the linear map"
        return LogFinding("dtb-unmapped", True, headline, (*reasons, Reason(oops.line, why)))
    found = case.found
    physical = physical_of(oops.address, found.replay.state.kernel.page_offset, found.board.phys_offset)
    told = bool(reasons)
    if not told and found.given.params is None and found.given.board is None:
        try:  # the fault itself says where the tree lies: the board is predicted again with it there
            found = repredict(found, case.log, params=physical & -8)
        except BootmapError:
            found = case.found
    reasons += case.where_ram()
    what = "" if told else "the device tree's address, "
    places = [place for place in places_at(found.replay, oops.address) if place.kind not in ("dtb", "lowmem")]
    why = f"; it lies {_inside(case, places[0].what, places[0].kind, physical)}" if places else ""
    text = f"the fault address {hex_address(oops.address)} is {what}{hex_address(physical)} in the linear map{why}"
    reasons.append(Reason(oops.line, f"{text}: never mapped" if places else text))
    return LogFinding("dtb-unmapped", True, headline, tuple(reasons), tuple(tree_changes(found.replay, case.log)))


def _inside(case: LogCase, what: str, kind: str, physical: int) -> str:
    """Where it lies, with the line that names the area."""
    if kind not in ("no-map", "reserved"):
        return what
    for said in case.log.all("pool", "node"):
        start = said.number("base") if said.kind == "pool" else said.number("start")
        size = said.number("mib") * MIB if said.kind == "pool" else said.number("last") + 1 - start
        if start <= physical < start + size:
            kind_text = "no-map area" if kind == "no-map" else "reserved area"
            return f"in the {kind_text} at {hex_address(start)}, {size_text(size)} (line {said.line})"
    return f"in {what}"


def _initrd(case: LogCase, oops: Oops, where: str) -> LogFinding:
    assert oops.address is not None
    headline = f"stopped in {where}: the initrd is not mapped where it is read"
    reasons = []
    said = case.log.first("ramdisk")
    if said is not None:
        reasons.append(Reason(said.line, f"the boot loader put the initrd at {hex_address(said.number('start'))}"))
    reasons.append(Reason(oops.line, f"{where} reads the initrd, and faults at {hex_address(oops.address)}"))
    if case.found is None:
        return LogFinding("initrd-unmapped", True, headline, tuple(reasons))
    replay = case.found.replay
    places = [place for place in places_at(replay, oops.address) if place.kind not in ("initrd", "lowmem")]
    if places:
        text = f"{hex_address(oops.address)} is {hex_address(places[0].physical)} in the linear map: {places[0].what}"
        reasons.append(Reason(0, text))
    return LogFinding("initrd-unmapped", True, headline, tuple(reasons), tuple(initrd_changes(replay)))
