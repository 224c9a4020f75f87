"""Every hazard of the boot as a finding of its rule, with the changes that may cure it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.checks.edit import SetBoard, SetParameter, SetVersion
from bootmap.checks.finding import Change, Finding, Where
from bootmap.checks.places import initrd_changes, payload_changes
from bootmap.checks.rules.areas import area_changes, bank_changes
from bootmap.checks.rules.kernel import crash_changes
from bootmap.checks.rules.last_page import whole_pages
from bootmap.checks.rules.memory import of_bytes
from bootmap.checks.rules.memory_nodes import unread_changes, unread_places
from bootmap.checks.rules.near_kernel import areas_in_the_way, pool_changes
from bootmap.checks.rules.real_ram import real_ram_changes
from bootmap.facts.audit_rules import Severity
from bootmap.facts.check_rules import RULE_OF_HAZARD, RULES_BY_ID
from bootmap.units import MIB, Span, hex_address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.boot.trace import Hazard
    from bootmap.checks.case import CheckCase

_RECOMMENDED = 32 * MIB
"""Into RAM: where a zImage need not move (Documentation/arch/arm/booting.rst)."""
_FIXED_BASE = "Linux 5.11, or 5.10.38, 5.4.120: they map the device tree apart"
_FIRST_BANK = "Linux 5.4, or 5.3.5, 4.19.78, 4.14.148: they give up the sliver of RAM instead"
_OWN_RULES = {"reserved-area-outside-ram", "reserved-memory-ignored", "reserved-memory-overlap", "cma-failed"}
_MOST_POOLS = 4
_DECIDED_BY = {
    "ram-below-phys-offset": "load_addr",
    "zimage-overwrites-itself": "load_addr",
    "decompressor-outside-ram": "load_addr",
    "dtb-unmapped": "dtb_addr",
    "dtb-overwritten": "dtb_addr",
    "params-rejected": "dtb_addr",
    "payloads-overlap": "dtb_addr",
}
"""Rule -> the attribute of the board that it is about, for U-Boot's variables behind it."""
_OF_ALL_RAM = ("no-memory", "early-allocation", "memory-not-there")
"""Rules that are about no place of their own: what shapes RAM is looked at."""
_TITLES = {
    "dtb-unmapped": "the device tree is not mapped when the kernel reads it",
    "initrd-disabled": "the kernel gives up its initrd",
    "decompressor-overwrites-initrd": "the decompressor overwrites the initrd",
    "kernel-overwrites-initrd": "the unpacked kernel overwrites the initrd",
    "kernel-overwrites-dtb": "the unpacked kernel overwrites the device tree",
    "head-overwrites-initrd": "the kernel's own bss overwrites the initrd",
    "zimage-overlaps-initrd": "the zImage and the initrd are loaded into one place",
    "decompressor-overwrites-dtb": "the decompressor overwrites the device tree",
    "head-overwrites-dtb": "head.S overwrites the device tree",
    "zimage-overlaps-dtb": "the zImage and the device tree are loaded into one place",
    "kernel-overlaps-dtb": "the kernel and the device tree are loaded into one place",
    "first-bank-unaligned": "RAM begins between two 2 MiB boundaries",
    "lowmem-rounded": "RAM is lost to rounding",
    "ram-missing": "the kernel uses memory that the board does not have",
    "crashkernel-failed": "there is no room for the crash kernel",
}


def hazards(case: CheckCase) -> Iterator[Finding]:
    """One finding a hazard; a death that no rule knows is reported all the same."""
    for hazard in case.replay.hazards:
        if hazard.id in _OWN_RULES or _of_debug_uart(case, hazard):
            continue  # rules of their own say more
        rule = RULES_BY_ID["no-memory"] if _no_ram(case, hazard) else RULE_OF_HAZARD[hazard.id]
        serious = hazard.fatal or hazard.loses_initrd
        severity = Severity.ERROR if serious else rule.severity
        if hazard.id == "crashkernel-failed" or _below_any_phys_offset(hazard):
            severity = Severity.WARNING
        if hazard.luck and not serious:
            severity = max(severity, Severity.WARNING)
        yield Finding(
            rule=rule,
            severity=severity,
            title=_TITLES.get(hazard.id, rule.title),
            cause=_sentence(hazard.message),
            where=_where(case, hazard),
            changes=tuple(_changes(case, hazard)),
            advice=tuple(_advice(case, hazard)),
            hazard=hazard,
            address=hazard.address,
        )


def _no_ram(case: CheckCase, hazard: Hazard) -> bool:
    """An allocation that fails because the kernel has no RAM at all."""
    return hazard.id == "allocation-failed" and not len(case.state.memblock.memory)


def _below_any_phys_offset(hazard: Hazard) -> bool:
    """RAM below the lowest PHYS_OFFSET that its start allows: lost, but nothing is wrong."""
    return hazard.id == "ram-below-phys-offset" and not hazard.places


def _of_debug_uart(case: CheckCase, hazard: Hazard) -> bool:
    config = case.kernel.config
    if not hazard.id.startswith("mapping-") or not config.enabled("DEBUG_LL") or "DEBUG_UART_VIRT" not in config:
        return False
    return f"{config.integer('DEBUG_UART_VIRT'):#010x}" in hazard.message


def _sentence(text: str) -> str:
    """A hazard's message as a sentence; what it says to do stays, for people who read only this."""
    name = text.split(" ")[0]
    first = text[:1] if any(char in name for char in "_(=/") else text[:1].upper()
    return first + text[1:] + ("" if text.endswith(".") else ".")


def _where(case: CheckCase, hazard: Hazard) -> tuple[Where, ...]:
    rule = "no-memory" if _no_ram(case, hazard) else RULE_OF_HAZARD[hazard.id].id
    found = (*case.at_variables(_DECIDED_BY.get(rule, "")), *case.at_origin(hazard.origin))
    name = "initrd" if hazard.subject == "initrd" else "mem" if rule in _OF_ALL_RAM else ""
    param = case.parameter(name) if name else None
    if found or param is not None:
        return found or (case.at_param(param),) if param is not None else found
    if rule == "no-memory" and (unread := unread_places(case)):
        return unread
    refused = _refused(case) if rule in _OF_ALL_RAM else []
    return tuple(place for other in refused for place in case.at_origin(other.origin))


def _changes(case: CheckCase, hazard: Hazard) -> Iterator[Change]:
    match "no-memory" if _no_ram(case, hazard) else RULE_OF_HAZARD[hazard.id].id:
        case "ram-below-phys-offset":
            yield from _load_address(case, hazard)
        case "dtb-unmapped" | "dtb-overwritten" | "params-rejected":
            yield from payload_changes(case, "dtb", hazard.places)
            if hazard.id == "dtb-unmapped":
                yield from _where_the_kernel_runs(case)
                yield Change(_FIXED_BASE, edits=(SetVersion((5, 11)),))
        case "initrd-overwritten" | "initrd-disabled":
            yield from initrd_changes(case, hazard.places)
        case "payloads-overlap":
            yield from payload_changes(case, "dtb", hazard.places)
            yield from initrd_changes(case, ())
        case "first-bank-unaligned":
            yield from area_changes(case, hazard)
            yield from bank_changes(case, hazard)
            yield Change(_FIRST_BANK, edits=(SetVersion((5, 4)),))
        case "carveout-odd-mib":
            yield from area_changes(case, hazard)
        case "kernel-unmapped":
            if hazard.id == "section-behind-directory":
                yield from payload_changes(case, "dtb")
            yield from areas_in_the_way(case)
        case "no-memory" | "early-allocation":
            if _no_ram(case, hazard):
                yield from unread_changes(case)
            yield from _other_ram(case)
            for other in _refused(case):
                yield from pool_changes(case, other)
        case "reserved-area-refused":
            yield from pool_changes(case, hazard)
        case "static-mapping":
            yield from (change for other in _refused(case) for change in pool_changes(case, other))
        case "crashkernel-above-lowmem":
            yield from crash_changes(case)
        case "mem-map":
            yield from _start_of_ram(case)
            if case.parameter("mem") is not None:
                yield Change(
                    "leave mem= out", "it replaces the RAM that the kernel lies in", (SetParameter("mem", None),)
                )
            if case.parameter("vmalloc") is not None:
                yield Change("leave vmalloc= out", "it leaves too little lowmem", (SetParameter("vmalloc", None),))
        case "last-page":
            yield from whole_pages(case)
        case "mem-parameter":
            yield Change("leave mem= out", edits=(SetParameter("mem", None),))
        case "memory-not-there":
            if hazard.subject:
                moved = payload_changes(case, "dtb", hazard.places) if hazard.subject == "dtb" else initrd_changes(case)
                yield from moved
            yield from real_ram_changes(case)
        case "earlycon":
            yield Change("leave earlycon out of the command line", edits=(SetParameter("earlycon", None),))
        case "reserved-memory-full":
            yield Change("Linux 5.5 holds 64 areas, 6.12 as many as there are", edits=(SetVersion((5, 5)),))


def _refused(case: CheckCase) -> list[Hazard]:
    """The pools that CMA does not take: what it gives back of them is mapped no more, up to some versions."""
    return [other for other in case.replay.hazards if other.id == "reserved-area-refused"][:_MOST_POOLS]


def _other_ram(case: CheckCase) -> Iterator[Change]:
    """Without the parameters by which the kernel has other RAM, or less lowmem, than the board's description has."""
    mem = case.parameter("mem")
    if mem is not None and not of_bytes(mem):
        size, _, start = (mem.value or "").partition("@")
        yield Change(
            "leave mem= out", "the board's own description of its RAM holds then", (SetParameter("mem", None),)
        )
        if start and size:
            note = "without a start, it is where the kernel takes RAM to begin"
            yield Change(f"mem={size}", note, (SetParameter("mem", size),))
    if case.parameter("vmalloc") is not None:
        yield Change("leave vmalloc= out", "it leaves too little lowmem", (SetParameter("vmalloc", None),))


def _advice(case: CheckCase, hazard: Hazard) -> Iterator[str]:
    if hazard.id == "dtb-unmapped":
        yield (
            "U-Boot: fdt_high=0xffffffff leaves the tree where it was loaded; bootm_size, bootm_mapsize and bootm_low "
            "bound where it is moved to"
        )
    if hazard.id in ("cpu-without-lpae", "cpu-without-armv7", "cpu-not-supported"):
        yield "take a kernel that is built for this core"


def _load_address(case: CheckCase, hazard: Hazard) -> Iterator[Change]:
    """Run the kernel where PHYS_OFFSET becomes the start of RAM."""
    if hazard.address is None or _below_any_phys_offset(hazard):
        return
    base, board = hazard.address, case.board
    edits: list[SetBoard] = []
    if board.phys_offset is not None:
        edits.append(SetBoard("phys_offset", None))
    for offset in (_RECOMMENDED, case.state.kernel.text_offset):
        address = base + offset
        note = f"anywhere in {Span(base, base + 128 * MIB)}" if offset == _RECOMMENDED else "it need not be moved then"
        yield Change(
            f"run the zImage at {hex_address(address)}",
            f"{note}; U-Boot: setenv {case.variable('load_addr')} {hex_address(address)}",
            (*edits, SetBoard("load_addr", address)),
            recommended=offset == _RECOMMENDED,
        )


def _start_of_ram(case: CheckCase) -> Iterator[Change]:
    """mem_map stands for PHYS_OFFSET: let that be where RAM begins."""
    first = min((span.start for span in case.ram), default=None)
    if first is None or first == case.state.handover.phys_offset:
        return
    load = first + case.state.kernel.text_offset
    yield Change(
        f"start the kernel with PHYS_OFFSET {hex_address(first)}",
        f"an Image at {hex_address(load)}, or a zImage for that address without CONFIG_AUTO_ZRELADDR",
        (SetBoard("phys_offset", first),),
    )
    yield Change("Linux 5.12 and later look into the memory nodes for it", edits=(SetVersion((5, 12)),))


def _where_the_kernel_runs(case: CheckCase) -> Iterator[Change]:
    """A device tree below PHYS_OFFSET is cured by a kernel that takes another PHYS_OFFSET, too."""
    handover, first = case.state.handover, min((span.start for span in case.ram), default=None)
    if first is None or handover.params >= handover.phys_offset or case.board.phys_offset is not None:
        return
    address = first + _RECOMMENDED
    yield Change(
        f"run the zImage at {hex_address(address)}",
        f"in the first 128 MiB of RAM, below {hex_address(first + 128 * MIB)}; U-Boot: "
        f"setenv {case.variable('load_addr')} {hex_address(address)}",
        (SetBoard("load_addr", address),),
    )
