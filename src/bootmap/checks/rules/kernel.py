"""The kernel's own options: the early console's registers, contiguous memory, the crash kernel, messages explained."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bootmap.boot.reserve.cma import cma_alignment
from bootmap.checks.case import NO_LOWMEM
from bootmap.checks.edit import SetOption, SetParameter, SetProperty
from bootmap.checks.finding import Change, Finding
from bootmap.checks.later import crashkernel
from bootmap.facts.audit_rules import Severity
from bootmap.facts.check_rules import RULES_BY_ID
from bootmap.facts.linux.memblock import Flags
from bootmap.inputs.cells import pairs
from bootmap.inputs.fdt_writer import cells
from bootmap.units import MIB, Span, align_down, align_up, hex_address, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.checks.case import CheckCase

_ADDRESS = re.compile(r"0x([0-9a-f]{6,16})")
_SECTION = MIB
_CRASH_ALIGN = 128 * MIB
_USUAL_ORDER = 11
_SIZES = [size * MIB for size in (512, 384, 256, 192, 128, 96, 64, 48, 32, 24, 16, 12, 8, 4)]


def debug_uart(case: CheckCase) -> Iterator[Finding]:
    """CONFIG_DEBUG_UART_VIRT against _PHYS: one section, in the vmalloc area."""
    config = case.kernel.config
    if not config.enabled("DEBUG_LL") or "DEBUG_UART_PHYS" not in config or "DEBUG_UART_VIRT" not in config:
        return
    phys, virt = config.integer("DEBUG_UART_PHYS"), config.integer("DEBUG_UART_VIRT")
    kernel, state = case.state.kernel, case.state
    if not phys and not virt:
        return
    offset = phys % _SECTION
    start = state.vmalloc_start if state.vars.high_memory else kernel.page_offset
    window = Span(start, kernel.vmalloc_end)
    good = align_down(min(kernel.vmalloc_end, 0xFF000000) - 1, _SECTION) - _SECTION + offset
    near = align_down(virt, _SECTION) + offset
    if virt % _SECTION == offset and virt in window:
        return
    if virt not in window:
        why = (
            f"{hex_address(virt)} is not in the vmalloc area, {window}: the mapping of {hex_address(phys)} at "
            f"{hex_address(virt)} is refused"
        )
        best = good
    else:
        real = align_down(phys, _SECTION) + virt % _SECTION
        why = (
            f"head.S maps the whole section, so {hex_address(virt)} is {hex_address(real)}, not the UART at "
            f"{hex_address(phys)}: the early console writes to other registers"
        )
        best = near
    yield Finding(
        RULES_BY_ID["debug-uart-virt"],
        Severity.ERROR,
        "CONFIG_DEBUG_UART_VIRT does not fit CONFIG_DEBUG_UART_PHYS",
        f"{why}. It must end in {offset:#07x} like the physical address, as sections of 1 MiB are mapped: "
        f"{best:#010x} for example.",
        (case.at_option("DEBUG_UART_VIRT"),),
        (
            Change(
                f"CONFIG_DEBUG_UART_VIRT={best:#010x}",
                f"any address in {window} that ends in {offset:#07x}",
                (SetOption("DEBUG_UART_VIRT", f"{best:#010x}"),),
                recommended=True,
            ),
        ),
        address=virt,
    )


def cma_failed(case: CheckCase) -> Iterator[Finding]:
    """The default area is not made: its unit, or its size."""
    hazard = next((h for h in case.replay.hazards if h.id == "cma-failed"), None)
    if hazard is None or not len(case.state.memblock.memory):  # without RAM nothing is made, which another rule says
        return
    kernel = case.state.kernel
    unit = cma_alignment(kernel)
    changes = []
    for name in ("ARCH_FORCE_MAX_ORDER", "FORCE_MAX_ZONEORDER"):
        inclusive = kernel.has("max_order_inclusive")
        usual = _USUAL_ORDER - inclusive
        if name in kernel.config and kernel.config.integer(name) > usual:
            changes.append(
                Change(
                    f"CONFIG_{name}={usual}",
                    f"aligned to {size_text(4096 << (usual - (not inclusive)))} then",
                    (SetOption(name, str(usual)),),
                    recommended=True,
                )
            )
            break
    changes += _other_pools(case, unit)
    yield Finding(
        RULES_BY_ID["cma-failed"],
        Severity.WARNING,
        "the CMA area is not made",
        f"{hazard.message[:1].upper()}{hazard.message[1:]}. An area must be aligned to {size_text(unit)}.",
        case.at_origin(hazard.origin),
        tuple(changes),
        hazard=hazard,
    )


def _other_pools(case: CheckCase, unit: int) -> Iterator[Change]:
    """The same size without its place; the largest of the usual sizes there, and the largest anywhere."""
    wanted, (_, base, limit) = _wanted(case), case.state.cma_cmdline or (0, 0, 0)
    if base or limit:
        yield _pool(f"{wanted >> 20}M" if wanted % MIB == 0 else f"{wanted:#x}", "where the kernel finds room", "any")
    sizes = [size for size in _SIZES if size % unit == 0 and size < wanted]
    if base and limit <= base + wanted and any(base in bank for bank in case.ram):
        for size in sizes:
            yield _pool(f"{size >> 20}M@{base:#x}", "the largest usual size that fits there", "there")
    for size in sizes:
        yield _pool(f"{size >> 20}M", "the largest usual size that fits anywhere", "any")


def _pool(value: str, note: str, one_of: str) -> Change:
    return Change(f"cma={value}", note, (SetParameter("cma", value),), one_of=one_of)


def _wanted(case: CheckCase) -> int:
    if case.state.cma_cmdline is not None:
        return case.state.cma_cmdline[0]
    return case.kernel.config.integer("CMA_SIZE_MBYTES", 64) * MIB


def cma_straddles(case: CheckCase) -> Iterator[Finding]:
    """An area across the end of lowmem is never activated."""
    limit = case.lowmem_end
    for area in case.state.cma_areas:
        if not limit or not area.base < limit < area.base + area.size:
            continue
        span = Span(area.base, area.base + area.size)
        path = _area_path(case, area.name)
        changes = []
        if path is not None and case.tree is not None and case.cells.size:
            value = cells(0, width=case.cells.address) + cells(limit, width=case.cells.size)
            start = case.state.handover.phys_offset
            if start:
                value = cells(start, width=case.cells.address) + cells(limit - start, width=case.cells.size)
            node = case.tree.node(path)
            if node is not None and node.get("reg") is None:
                changes.append(
                    Change(
                        f"{path}: alloc-ranges = <{start:#x} {limit - start:#x}>",
                        f"keeps it below {hex_address(limit)}",
                        (SetProperty(path, "alloc-ranges", value),),
                        recommended=True,
                    )
                )
        yield Finding(
            RULES_BY_ID["cma-straddles-lowmem"],
            Severity.WARNING,
            "a CMA area lies across the end of lowmem",
            f"{area.name}, {span}, lies across {hex_address(limit)}, the boundary of lowmem and highmem: all its pages "
            f"must be in one zone, so CMA is never activated, and no driver gets any of its {size_text(area.size)}. "
            f"alloc-ranges (or cma=SIZE@START) can keep it below.",
            case.at_origin(area.origin),
            tuple(changes),
            address=area.base,
        )


def _area_path(case: CheckCase, name: str) -> str | None:
    parent = case.tree.node("/reserved-memory") if case.tree is not None else None
    node = next((child for child in parent.children if child.name == name), None) if parent is not None else None
    return node.path if node is not None else None


def fixed_area_bounds(case: CheckCase) -> Iterator[Finding]:
    """Fixed contiguous areas that do not fit their unit or run past the end of their bank."""
    parent = case.tree.node("/reserved-memory") if case.tree is not None else None
    if parent is None or not case.cells.address + case.cells.size:
        return
    unit = cma_alignment(case.state.kernel)
    memory = [
        Span(base, base + size) for base, size, flags in case.state.memblock.memory.regions if not flags & Flags.NOMAP
    ] or list(case.ram)
    for node in parent.children:
        kind, prop = node.get("compatible"), node.get("reg")
        if kind is None or prop is None or node.get("reusable") is None or b"shared-dma-pool" not in kind.value:
            continue
        entries = pairs(prop, case.cells.address, case.cells.size)
        if not entries or not entries[0].size:
            continue
        span = Span(entries[0].base, entries[0].base + entries[0].size)
        bank = next((row for row in memory if row.start <= span.start < row.end), None)
        crosses = bank is not None and span.end > bank.end
        odd = span.start % unit or span.end % unit
        if bank is None or not (crosses or odd):
            continue
        why = []
        if crosses:
            why.append(f"reaches beyond the end of RAM, {hex_address(bank.end)} ({size_text(bank.size)} of RAM)")
        if odd:
            why.append(f"is not aligned to units of {size_text(unit)}")
        size = align_up(span.size, unit)
        base = align_down(min(span.start, bank.end - size), unit)
        value = cells(base, width=case.cells.address) + cells(size, width=case.cells.size)
        yield Finding(
            RULES_BY_ID["cma-area-bounds"],
            Severity.WARNING,
            f"{node.name} does not fit its units or its RAM",
            f"{node.path}, {span}, {' and '.join(why)}: it is refused, or CMA uses pages that are not there.",
            (case.at_property(prop),),
            (
                Change(
                    f"{node.path}: reg = <{base:#x} {size:#x}>",
                    "in whole units, inside RAM",
                    (SetProperty(node.path, "reg", value),),
                    recommended=True,
                ),
            ),
            address=span.start,
        )


def crash_kernel(case: CheckCase) -> Iterator[Finding]:
    """crashkernel=SIZE@START with a place above lowmem; where the kernel looks for one, its hazards tell."""
    wanted, param, limit = crashkernel(case.cmdline), case.parameter("crashkernel"), case.lowmem_end
    if wanted is None or param is None or not limit or not wanted.start or wanted.end <= limit:
        return
    yield Finding(
        RULES_BY_ID["crashkernel-above-lowmem"],
        Severity.ERROR,
        "the crash kernel lies above lowmem",
        f"{param.text} names {wanted}, above the end of lowmem, {hex_address(limit)}; kexec cannot reach highmem.",
        (case.at_param(param),),
        tuple(crash_changes(case)),
        address=wanted.start,
    )


def crash_changes(case: CheckCase) -> Iterator[Change]:
    """A place in lowmem for the crash kernel, or the largest size for which there is one."""
    wanted = crashkernel(case.cmdline)
    sizes = [wanted.size, *(size for size in _SIZES if size < wanted.size)] if wanted is not None else []
    for size in sizes:
        below = _highest(case, size, _CRASH_ALIGN, case.lowmem_end)
        if below is not None:
            value = f"{size_text(size).replace(' MiB', 'M').replace(' GiB', 'G')}@{below:#x}"
            note = "in lowmem, on a multiple of 128 MiB"
            yield Change(f"crashkernel={value}", note, (SetParameter("crashkernel", value),), recommended=True)
            return


def _highest(case: CheckCase, size: int, align: int, bound: int) -> int | None:
    """The highest free place below ``bound``, as memblock finds it."""
    stage = case.replay.usual_stage
    reserved = [(base, base + length) for base, length, _ in stage.memblock.reserved.regions]
    best = None
    for base, length, flags in stage.memblock.memory.regions:
        if flags & Flags.NOMAP:
            continue
        at = align_down(min(base + length, bound) - size, align)
        while at >= base:
            if all(not (start < at + size and at < end) for start, end in reserved):
                best = max(best or 0, at)
                break
            at -= align
    return best


def module_window(case: CheckCase) -> Iterator[Finding]:
    """vmalloc= that was made larger, where modules have a window of their own and no way out of it."""
    config, param, kernel = case.kernel.config, case.parameter("vmalloc"), case.state.kernel
    larger = case.state.vars.vmalloc_size > (240 if kernel.has("vmalloc_min_240m") else 128) * MIB
    if param is None or not larger or not config.enabled("MODULES") or config.enabled("ARM_MODULE_PLTS"):
        return
    window = Span(kernel.modules_vaddr, kernel.modules_end)
    yield Finding(
        RULES_BY_ID["module-window"],
        Severity.NOTE,
        f"{param.text} gives modules no room",
        f"Modules are loaded into {window}, {size_text(window.size)} below PAGE_OFFSET. Where loading one ends in "
        f'"vmalloc: allocation failure", vmalloc= does not help.',
        (case.at_param(param),),
        advice=("CONFIG_ARM_MODULE_PLTS=y lets modules spill into the vmalloc area",),
    )


def messages(case: CheckCase) -> Iterator[Finding]:
    """Lines that the kernel will print about memory that the tree keeps on purpose."""
    lines = [line for line in case.state.dmesg if line.startswith(("Ignoring RAM", "Truncating RAM"))]
    kept = [row for row in case.state.lost if row.reason == "no-map"]
    real = [row for row in case.state.lost if row.reason.startswith((*NO_LOWMEM, "lowmem must end"))]
    lost = sum(row.end - row.start for row in real)
    for line in lines:
        numbers = [int(word, 16) for word in _hex(line)]
        if len(numbers) < 2 or numbers[1] <= numbers[0]:
            continue
        span = Span(numbers[0], numbers[1])
        own = sum(max(0, min(row.end, span.end) - max(row.start, span.start)) for row in kept)
        if own and lost < span.size:
            all_of_it = "harmless: all" if lost == 0 else f"{size_text(lost)} are lost; {size_text(own)}"
            yield Finding(
                RULES_BY_ID["message-explained"],
                Severity.NOTE,
                f'"{line}" will be printed',
                f"{all_of_it} of it {'is' if lost == 0 else 'are'} your own no-map areas; HIGHMEM would not bring "
                f"those back.",
                address=span.start,
            )


def _hex(line: str) -> list[str]:
    return _ADDRESS.findall(line)
