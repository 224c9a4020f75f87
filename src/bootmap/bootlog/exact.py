"""Known last words, with the values of the very board: what the line's numbers and the prediction say together.

    BUG: mapping for 0x40000000 at 0xe0000000 out of vmalloc space      vmalloc=504M: the area then begins at 0xe0000000
    cma: Failed to reserve 256 MiB                                      cma=128M: reserved at 0x28000000
    Error: ... processor variant (0x412fc0f1)                           cortex-a15: CONFIG_ARCH_MULTI_V7=y

Not here: what each line is a sign of (``facts.linux.last_words``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from bootmap.bootlog.changes import hazard_changes, run_lower
from bootmap.bootlog.findings import LogChange, Reason
from bootmap.bootlog.progress import Ending
from bootmap.bootlog.trials import ChangeTrial, retry
from bootmap.errors import BootmapError
from bootmap.facts.arm.cpus import cpu_by_midr
from bootmap.facts.linux.memblock import Flags
from bootmap.units import MIB, hex_address, size_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from bootmap.boot.sequence import Replay
    from bootmap.bootlog.case import LogCase
    from bootmap.bootlog.findings import LogFinding

    Exact = Callable[[LogCase, LogFinding, list[int]], LogFinding]

_NUMBER = re.compile(r"0x([0-9a-f]+)|\b([0-9]+)(?= MiB)")
_GRANULE = 128 * MIB
_PMD = 2 * MIB
_LEAST_CMA = 4
_OPTIONS = {
    4: "CONFIG_ARCH_MULTI_V4T=y",
    5: "CONFIG_ARCH_MULTI_V5=y",
    6: "CONFIG_ARCH_MULTI_V6=y",
    7: "CONFIG_ARCH_MULTI_V7=y",
}
_OVERLAP = re.compile(
    r"(\S{1,80}) \((0x[0-9a-f]{1,16})--(0x[0-9a-f]{1,16})\) overlaps with "
    r"(\S{1,80}) \((0x[0-9a-f]{1,16})--(0x[0-9a-f]{1,16})\)"
)
_VMALLOC_GAP = 8 * MIB
"""Between lowmem and the vmalloc area (asm/pgtable.h VMALLOC_OFFSET)."""
_UART_WINDOW, _UART_MASK = 0xF0000000, 0x0FFFFFFF


def with_values(case: LogCase, word: LogFinding) -> LogFinding:
    """A finding of known last words, with exact values where line and prediction give them."""
    exact = _EXACT.get(word.id)
    if exact is None or not word.reasons:
        return word
    numbers = [int(m[1], 16) if m[1] else int(m[2]) for m in _NUMBER.finditer(word.reasons[0].text)]
    return exact(case, word, numbers)


def _cpu(_: LogCase, word: LogFinding, numbers: list[int]) -> LogFinding:
    core = cpu_by_midr(numbers[0]) if numbers else None
    if core is None:
        return word
    reasons = (
        word.reasons[0],
        Reason(0, f"MIDR {numbers[0]:#010x} is {core.name}, {core.arch_name}"),
        *word.reasons[1:],
    )
    option = _OPTIONS.get(core.arch, "")
    change = LogChange(f"{option}, or a kernel for {core.arch_name}: {core.name} needs it")
    return replace(word, reasons=reasons, changes=(change,) if option else word.changes)


def _mapping(case: LogCase, word: LogFinding, numbers: list[int]) -> LogFinding:
    """A mapping of the machine's that is not in the vmalloc area: how large that would have to be."""
    if case.found is None or len(numbers) < 2:
        return word
    replay, virtual = case.found.replay, numbers[1]
    start, end = replay.state.vmalloc_start, replay.state.kernel.vmalloc_end
    where = f"the vmalloc area is {hex_address(start)}-{hex_address(end - 1)} here"
    reasons = (word.reasons[0], Reason(0, where), *word.reasons[1:])
    if not virtual < start < end:
        return replace(word, reasons=reasons)
    size = -(-(end - virtual + _VMALLOC_GAP) // MIB)
    after = _with_option(replay, "vmalloc", f"{size}M")
    if after is None or after.state.vmalloc_start > virtual:
        return replace(word, reasons=reasons)
    effect = f"the area then begins at {hex_address(after.state.vmalloc_start)}"
    change = LogChange(f"vmalloc={size}M on the command line", effect, proven=True)
    return replace(word, reasons=reasons, changes=(change, *word.changes))


def _in_user_space(case: LogCase, word: LogFinding, numbers: list[int]) -> LogFinding:
    """A mapping in user space: DEBUG_LL's that was given its physical address twice, or a bank that wraps."""
    if len(numbers) < 2:
        return word
    physical, virtual = numbers[:2]
    silent = case.progress.ending is Ending.SILENT  # then what is not mapped was used
    if physical == virtual:
        better = _UART_WINDOW | (physical & _UART_MASK)
        text = "both addresses are the same: CONFIG_DEBUG_UART_VIRT was given the physical one, which is user space"
        change = LogChange(f"CONFIG_DEBUG_UART_VIRT={better:#x}, or any free place in the vmalloc area")
        return replace(word, fatal=silent, reasons=(word.reasons[0], Reason(0, text)), changes=(change,))
    offset = case.page_offset or 0xC0000000
    start = (physical - virtual + offset) & 0xFFFFFFFF
    if start >= physical:
        return word
    text = (
        f"the bank at {hex_address(physical)} begins {size_text(physical - start)} behind PHYS_OFFSET, "
        f"{hex_address(start)}: its place in the linear map wraps past 4 GiB"
    )
    changes = (
        LogChange("CONFIG_HIGHMEM=y: the bank is then highmem, and not mapped"),
        LogChange(f"leave it out: mem={(_lowest_bank(case, start) or 128 * MIB) // MIB}M@{start:#x}"),
    )
    return replace(word, fatal=silent, reasons=(word.reasons[0], Reason(0, text)), changes=changes)


def _lowest_bank(case: LogCase, start: int) -> int:
    banks = case.found.replay.state.banks if case.found else []
    return next((bank.end - bank.start for bank in banks if bank.start == start), 0)


def _cma_failed(case: LogCase, word: LogFinding, numbers: list[int]) -> LogFinding:
    """No contiguous area of this size: the largest half of it that the board has room for."""
    if case.found is None or not numbers:
        return word
    size = numbers[-1] // 2
    while size >= _LEAST_CMA:
        after = _with_option(case.found.replay, "cma", f"{size}M")
        if after is not None and after.state.default_cma is not None and after.outcome.verdict.boots:
            effect = f"reserved at {hex_address(after.state.default_cma.base)}"
            return replace(word, changes=(LogChange(f"cma={size}M on the command line", effect, proven=True),))
        size //= 2
    return word


def _cma_limit(_: LogCase, word: LogFinding, numbers: list[int]) -> LogFinding:
    if len(numbers) < 3:
        return word
    size, limit = numbers[0], numbers[2]
    change = LogChange(
        f"cma={size // MIB}M@0-{limit:#x} on the command line, or alloc-ranges below {hex_address(limit)} in the "
        "node of /reserved-memory: the area then ends in lowmem"
    )
    return replace(word, changes=(change,))


def _below(case: LogCase, word: LogFinding, numbers: list[int]) -> LogFinding:
    """RAM below PHYS_OFFSET: where to run the zImage, or that the kernel was built to leave it out."""
    start = numbers[-1] if numbers else 0
    if start % _GRANULE:
        text = (
            f"PHYS_OFFSET is {hex_address(start)}, no multiple of 128 MiB: no zImage works that out; the kernel was "
            "built for it, and leaves what is below to firmware"
        )
        return replace(word, reasons=(word.reasons[0], Reason(0, text)), changes=())
    lower = run_lower(case.found.replay, case.log) if case.found else None
    return word if lower is None else replace(word, changes=(lower,))


def _no_tags(case: LogCase, word: LogFinding, _: list[int]) -> LogFinding:
    """A kernel that warns of it and goes on has the tags that are built in (arch/arm/kernel/atags_parse.c)."""
    if case.progress.ending is Ending.PANIC or not case.progress.reached("started"):
        return word
    text = (
        "it goes on with the tags that are built into it: 16 MiB of RAM at PHYS_OFFSET, and the command line of its "
        "own configuration"
    )
    reasons = (word.reasons[0], Reason(0, text))
    return replace(word, fatal=False, headline="the kernel was given neither tags nor a device tree", reasons=reasons)


def _no_ram(case: LogCase, word: LogFinding, _: list[int]) -> LogFinding:
    """No room below the limit, though the list has RAM: the first bank that ends off a PMD boundary sets the limit.

    Source: arch/arm/mm/mmu.c ``adjust_lowmem_bounds``, which counts no-map banks too up to 5.3.
    """
    for row in case.log.dump("memory"):
        start, end = row.number("start"), row.number("last") + 1
        if start % _PMD == 0 and end % _PMD == 0:
            continue
        limit = start if start % _PMD else end
        nomap = "flags" in row and bool(row.number("flags") & Flags.NOMAP)
        kind = "a no-map bank" if nomap else "a bank"
        text = (
            f"{kind}, {hex_address(start)}-{hex_address(end - 1)}: the first that does not begin and end on 2 MiB sets "
            f"the limit, {hex_address(limit)}, above which memblock gives nothing before the map stands"
        )
        changes = [LogChange(f"make it whole: {hex_address(start & -_PMD)}-{hex_address((end - 1) | (_PMD - 1))}")]
        if nomap:
            changes.append(LogChange("Linux 5.4 or later: they pass over no-map banks there"))
        headline = f"memblock may give nothing from {hex_address(limit)} on, and paging_init needs tables"
        return replace(
            word, headline=headline, reasons=(word.reasons[0], Reason(row.line, text)), changes=tuple(changes)
        )
    return word


_SIZE = re.compile(r"\bsize:? (\d{4,10})")


def _vmalloc_full(case: LogCase, word: LogFinding, _: list[int]) -> LogFinding:
    """The vmalloc area with as much more room as was asked for."""
    asked = _SIZE.search(word.reasons[0].text)
    if case.found is None or asked is None:
        return word
    replay = case.found.replay
    start, end = replay.state.vmalloc_start, replay.state.kernel.vmalloc_end
    if not 0 < start < end:
        return word
    text = f"the area is {hex_address(start)}-{hex_address(end - 1)} here, {size_text(end - start)}"
    reasons = (word.reasons[0], Reason(0, text), *word.reasons[1:])
    need = -(-(end - start + int(asked[1])) // (8 * MIB)) * 8
    after = _with_option(replay, "vmalloc", f"{need}M")
    if after is None or not after.outcome.verdict.boots or after.state.vmalloc_start >= start:
        return replace(word, reasons=reasons)
    area = after.state.kernel.vmalloc_end - after.state.vmalloc_start
    lowmem = after.state.vars.arm_lowmem_limit - after.state.handover.phys_offset
    effect = f"the area then has {size_text(area)}, lowmem {size_text(lowmem)}"
    change = LogChange(f"vmalloc={need}M on the command line", effect, proven=True)
    return replace(word, reasons=reasons, changes=(change, *word.changes[1:]))


def _overlap(case: LogCase, word: LogFinding, _: list[int]) -> LogFinding:
    """Two reserved areas that overlap: which, by how much, and where the second would be clear of the first."""
    lines = [text for number, text in case.lines() if word.reasons[0].line <= number <= word.reasons[0].line + 1]
    match = _OVERLAP.search(" ".join(lines))
    if match is None:
        return word
    first, second = match[1], match[4]
    (start, end), (at, last) = ((int(match[2], 16), int(match[3], 16)), (int(match[5], 16), int(match[6], 16)))
    common = min(end, last) - max(start, at)
    inside = f": it lies in {second}" if at <= start and end <= last else ""
    where = f"{first}, {start:#x}-{end - 1:#x}, and {second}, {at:#x}-{last - 1:#x}"
    text = f"{where}, have {size_text(common)} in common{inside}"
    changes = [LogChange(f"where {first} is a part of {second}: leave its node out")]
    if inside and at < start:
        changes.append(LogChange(f"end {second} at {start:#x}"))
    if inside and end < last:
        changes.append(LogChange(f"begin {second} at {end:#x}"))
    if not inside:
        changes = [LogChange(f"begin {second} at {end:#x}, or end {first} at {at:#x}")]
    reasons = (word.reasons[0], Reason(word.reasons[0].line + 1, text), *word.reasons[1:])
    return replace(word, headline=f"{first} and {second} overlap", reasons=reasons, changes=tuple(changes))


def _initrd_damaged(case: LogCase, word: LogFinding, _: list[int]) -> LogFinding:
    """Where the initrd would be clear of the kernel, where the prediction has it in its way."""
    replay = case.found.replay if case.found else None
    hazard = next((each for each in replay.hazards if each.loses_initrd and each.places), None) if replay else None
    if replay is None or hazard is None:
        return word
    return replace(word, changes=(*hazard_changes(replay, hazard), *word.changes[1:]))


def _with_option(replay: Replay, name: str, value: str) -> Replay | None:
    """The boot with ``name=value`` on its command line; None where it cannot be predicted."""
    rest = " ".join(part for part in replay.state.cmdline.split() if not part.startswith(f"{name}="))
    try:
        return retry(replay, ChangeTrial(f"{name}={value}", handover={"cmdline": f"{rest} {name}={value}".strip()}))
    except BootmapError:
        return None


_EXACT: dict[str, Exact] = {
    "no-ram": _no_ram,
    "no-tags-no-dtb": _no_tags,
    "vmalloc-full": _vmalloc_full,
    "rmem-overlap": _overlap,
    "cpu-unknown": _cpu,
    "out-of-vmalloc": _mapping,
    "in-user-region": _in_user_space,
    "cma-failed": _cma_failed,
    "cma-limit": _cma_limit,
    "below-phys-offset": _below,
    "initrd-damaged": _initrd_damaged,
}
