"""RAM: declared wrongly, over devices, without a size, beyond what this kernel or its devices reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.boot.paging.lowmem import vmalloc_limit
from bootmap.checks.case import NO_LOWMEM
from bootmap.checks.edit import SetLpae, SetOption, SetParameter, SetProperty, SetVmsplit
from bootmap.checks.finding import Change, Finding, Where
from bootmap.checks.later import CRASH_KERNEL
from bootmap.checks.places import initrd_changes, payload_changes
from bootmap.facts.audit_rules import Severity
from bootmap.facts.check_rules import RULES_BY_ID
from bootmap.facts.linux.vmsplit import VMSPLITS
from bootmap.facts.machines.dma_reach import DMA_REACH
from bootmap.inputs.cells import address_cells, pairs, read_cells, size_cells
from bootmap.inputs.fdt_writer import cells
from bootmap.units import GIB, MIB, PMD_SIZE, Span, align_down, align_up, hex_address, memparse, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bootmap.checks.case import CheckCase
    from bootmap.inputs.cmdline import Param
    from bootmap.inputs.fdt import Fdt, Node, Property

_SMALL = 16 * MIB
_QUARTER = 4
_HEADROOM = MIB


def sizeless(case: CheckCase) -> Iterator[Finding]:
    """Memory nodes that the boot loader fills in, where nothing says what with."""
    assumed = next((each for each in case.board.assumptions if each.option == "--memory"), None)
    if case.tree is None or assumed is None:
        return
    node = next(iter(memory_nodes(case)), None)
    where = (case.at_node(node),) if node is not None else ()
    if "no device_type" in assumed.text and node is not None:
        yield Finding(
            RULES_BY_ID["memory-size-unknown"],
            Severity.NOTE,
            f"{node.path} is no memory node to the kernel",
            f'{node.path} has no device_type = "memory": the kernel takes no RAM from it, unless the boot loader adds '
            f"that, as U-Boot does. Taken is that it does, {assumed.value}.",
            (case.at_node(node),),
            advice=(f'{node.path}: device_type = "memory"',),
        )
        return
    yield Finding(
        RULES_BY_ID["memory-size-unknown"],
        Severity.NOTE,
        "the boot loader must fill in the size of RAM",
        f"The tree has no RAM of its own: its memory node has size 0, reg = <0 0>, or is not there. Taken is "
        f"{assumed.value}; say what the boot loader fills in with --memory BASE,SIZE.",
        where,
    )


def memory_nodes(case: CheckCase) -> list[Node]:
    """Nodes with device_type = "memory"."""
    assert case.tree is not None
    return [node for node in case.tree.walk("device_type") if node.is_memory]


def mem_parameter(case: CheckCase) -> Iterator[Finding]:
    """mem= without a suffix: a number of bytes where MiB were meant."""
    for param in case.params:
        if of_bytes(param):
            size, value = memparse(param.value or "")[0], param.value or ""
            digits = value.partition("@")[0]
            tail = value[len(digits) :]
            yield Finding(
                RULES_BY_ID["mem-parameter"],
                Severity.ERROR,
                f"{param.text} is {size} bytes",
                f"mem= counts bytes: {param.text} is {size} bytes, without a suffix K, M or G, and it replaces what "
                f"the boot loader declares.",
                (case.at_param(param),),
                (
                    Change(
                        f"mem={digits}M{tail}",
                        f"if {digits} MiB were meant",
                        (SetParameter("mem", f"{digits}M{tail}"),),
                        recommended=True,
                    ),
                    Change("leave mem= out", edits=(SetParameter("mem", None),)),
                ),
            )


def of_bytes(param: Param) -> bool:
    """Whether it is a mem= whose size has no suffix, and is too small for RAM in bytes."""
    if param.name != "mem" or not param.value:
        return False
    size, rest = memparse(param.value)
    return param.value.partition("@")[0].isdigit() and 0 < size < _SMALL and (not rest or rest.startswith("@"))


def over_devices(case: CheckCase) -> Iterator[Finding]:
    """Memory nodes that run over the registers of devices."""
    if case.tree is None:
        return
    users = _memory_users(case)
    for node in memory_nodes(case):
        prop = node.get("reg")
        if prop is None or not case.cells.address + case.cells.size:
            continue
        for i, entry in enumerate(pairs(prop, case.cells.address, case.cells.size)):
            bank = Span(entry.base, entry.base + entry.size)
            hit = sorted(
                (span.start, other.path, span)
                for other, span in case.registers_over(bank)
                if not _of_memory(other) and other.path not in users
            )
            if not hit:
                continue
            first, path, span = hit[0]
            more = f" and {len(hit) - 1} more" if len(hit) > 1 else ""
            changes = _without_devices(case, prop, i, bank, [each[2] for each in hit])
            yield Finding(
                RULES_BY_ID["memory-over-devices"],
                Severity.ERROR,
                "the memory node covers the registers of devices",
                f"{node.path}, {bank}, overlaps the registers of {path}, {span}{more}: the kernel takes registers for "
                f"RAM and hands them out as memory.",
                (case.at_property(prop, i * _pair(case)),),
                changes,
                address=first,
            )


def _memory_users(case: CheckCase) -> set[str]:
    """Paths of nodes whose ``reg`` is RAM that some device uses: a driver's memory-region points to them."""
    assert case.tree is not None
    found = set()
    for node in case.tree.walk("memory-region"):
        value = node.value("memory-region") or b""
        targets = (case.tree.by_phandle(read_cells(value, at, 1)) for at in range(len(value) // 4))
        found |= {target.path for target in targets if target is not None}
    return found


def _of_memory(node: Node) -> bool:
    """Nodes whose reg is RAM: frame buffers, carve-outs of firmware, pools, ramoops, memory controllers' views."""
    kind = node.get("compatible")
    names = kind.value if kind is not None else b""
    known = (b"framebuffer", b"ramoops", b"optee", b"smem", b"-memory", b"reserved", b"shared-dma-pool")
    marked = any(node.get(name) is not None for name in ("no-map", "reusable"))
    return marked or any(word in names for word in known)


def _pair(case: CheckCase) -> int:
    return case.cells.address + case.cells.size


def _without_devices(
    case: CheckCase, prop: Property, index: int, bank: Span, devices: Sequence[Span]
) -> tuple[Change, ...]:
    """The bank up to its first device; and, where much of it lies behind the last one, the banks around them.

    Whether RAM goes on behind the devices, only the board's owner knows: neither is recommended then.
    """
    border = align_down(devices[0].start, _SMALL)
    last = max(span.end for span in devices)
    around, at = list[Span](), bank.start
    for span in sorted(devices):
        if align_down(span.start, PMD_SIZE) > at:
            around.append(Span(at, align_down(span.start, PMD_SIZE)))
        at = max(at, align_up(span.end, PMD_SIZE))
    unsure = bank.end - last > _SMALL
    changes = []
    if border > bank.start:
        size = size_text(border - bank.start)
        note = f"{size}, if RAM ends before the first device" if unsure else f"{size}, up to the first device"
        changes.append(_rebanked(case, prop, index, [Span(bank.start, border)], note, unsure=unsure))
    if unsure and at < bank.end:
        around.append(Span(at, bank.end))
        size = size_text(sum(row.size for row in around))
        changes.append(_rebanked(case, prop, index, around, f"{size}, if RAM goes on behind them", unsure=True))
    return tuple(changes)


def _rebanked(case: CheckCase, prop: Property, index: int, rows: Sequence[Span], note: str, *, unsure: bool) -> Change:
    """The property with ``rows`` in place of its bank ``index``."""
    width = 4 * _pair(case)
    entries = b"".join(
        cells(row.start, width=case.cells.address) + cells(row.size, width=case.cells.size) for row in rows
    )
    value = prop.value[: index * width] + entries + prop.value[(index + 1) * width :]
    shown = ", ".join(f"<{row.start:#x} {row.size:#x}>" for row in rows)
    edits = (SetProperty(prop.node, prop.name, value),)
    return Change(f"{prop.node}: reg = {shown}", note, edits, recommended=not unsure, unsure=unsure)


def beyond_lowmem(case: CheckCase) -> Iterator[Finding]:
    """RAM that is cut off at the end of lowmem, with every option that would bring it back."""
    lost = [row for row in case.state.lost if row.reason.startswith(NO_LOWMEM) and row.end > row.start]
    total = sum(row.end - row.start for row in lost)
    if total < MIB or case.kernel.model().has("xip"):
        return
    start = min(row.start for row in lost)
    have = sum(bank.size for bank in case.ram) or total
    why = lost[0].reason
    without = not case.state.kernel.has("highmem")
    lpae = case.state.handover.cpu.lpae and not case.state.kernel.has("lpae")
    changes = [
        *([Change("CONFIG_HIGHMEM=y", edits=(SetOption("HIGHMEM", "y"),))] if without else []),
        Change("CONFIG_VMSPLIT_3G_OPT=y", "user space 2.75 GiB", (SetVmsplit("3g_opt"),)),
        Change("CONFIG_VMSPLIT_2G=y", "user space 2 GiB", (SetVmsplit("2g"),)),
        Change("CONFIG_VMSPLIT_1G=y", "user space 1 GiB", (SetVmsplit("1g"),)),
        Change("vmalloc=128M", "less room for ioremap and vmalloc", (SetParameter("vmalloc", "128M"),)),
        *([Change("CONFIG_ARM_LPAE=y", "and HIGHMEM, which it needs for that RAM", (SetLpae(),))] if lpae else []),
    ]
    yield Finding(
        RULES_BY_ID["ram-beyond-lowmem"],
        Severity.WARNING,
        f"{size_text(total)} of {size_text(have)} are not used",
        f"Lowmem ends at {hex_address(case.lowmem_end)}; RAM from {hex_address(start)} on is removed: {why}. "
        f"{_room_by_split(case)}",
        tuple(case.at_origin(lost[0].origin))[:1],
        tuple(changes),
        address=start,
    )


def _room_by_split(case: CheckCase) -> str:
    """How much lowmem each split has room for, with this vmalloc area."""
    offset, now = case.state.kernel.page_offset, case.lowmem_end - case.state.handover.phys_offset
    rows = [f"{name} {(now + offset - other) // MIB} MiB" for name, other in VMSPLITS.items() if other < offset]
    highmem = "" if case.state.kernel.has("highmem") else "HIGHMEM would use it; "
    return f"{highmem}lowmem has room for {now // MIB} MiB now, with {', '.join(rows)}." if rows else ""


def beyond_4g(case: CheckCase) -> Iterator[Finding]:
    """Banks above 4 GiB without LPAE."""
    if case.state.kernel.has("lpae"):
        return
    above = [Span(max(bank.start, 4 * GIB), bank.end) for bank in case.ram if bank.end > 4 * GIB]
    total = sum(span.size for span in above)
    if not total:
        return
    cpu = case.state.handover.cpu
    changes = (
        [Change("CONFIG_ARM_LPAE=y", "and HIGHMEM, which it needs for that RAM", (SetLpae(),))] if cpu.lpae else []
    )
    advice = () if cpu.lpae else (f"{cpu.name} has no long descriptors: this RAM cannot be used in 32 bits",)
    yield Finding(
        RULES_BY_ID["ram-beyond-4g"],
        Severity.WARNING,
        f"{size_text(total)} of RAM above 4 GiB are not used",
        f'Without CONFIG_ARM_LPAE an address has 32 bits: "Ignoring memory block {above[0].start:#x} - '
        f'{above[-1].end:#x}".',
        (),
        tuple(changes),
        advice,
        address=4 * GIB,
    )


def vmalloc_cost(case: CheckCase) -> Iterator[Finding]:
    """vmalloc= above the default takes lowmem away."""
    param = case.parameter("vmalloc")
    if param is None or not case.state.vars.vmalloc_given:
        return
    default = 240 * MIB if case.state.kernel.has("vmalloc_min_240m") else 128 * MIB
    used_up = case.lowmem_end and case.state.vars.vmalloc_limit and case.lowmem_end >= case.state.vars.vmalloc_limit
    without = vmalloc_limit(case.state, given=False)
    if case.state.vars.vmalloc_size <= default or not used_up or without <= case.lowmem_end:
        return
    lost = Span(case.lowmem_end, without)
    hidden = [Span(row.start, row.end) for row in case.state.lost if row.reason == "no-map"]
    cost = _common(case.ram, lost) - sum(_common(case.ram, row) for row in hidden if row.overlaps(lost))
    if cost <= 0:
        return
    end = min(without, max(row.end for row in case.ram))
    fate = "is highmem instead" if case.state.kernel.has("highmem") else "is lost without HIGHMEM"
    yield Finding(
        RULES_BY_ID["vmalloc-cost"],
        Severity.WARNING,
        f"{param.text} costs {size_text(cost)} of lowmem",
        f"The default is {size_text(default)}: {size_text(cost)} of RAM, from {hex_address(case.lowmem_end)} to "
        f"{hex_address(end - 1)}, {fate}.",
        (case.at_param(param),),
        (Change("leave vmalloc= out", f"{size_text(cost)} of lowmem come back", (SetParameter("vmalloc", None),)),),
    )


def _common(spans: Sequence[Span], other: Span) -> int:
    """Bytes of ``spans`` that lie in ``other``."""
    return sum(max(0, min(row.end, other.end) - max(row.start, other.start)) for row in spans)


def little_lowmem(case: CheckCase) -> Iterator[Finding]:
    """Less than a quarter of lowmem left, or less than a third where CMA takes most of it."""
    budget = case.budget
    if budget is None or not budget.lowmem or case.replay.stage("paging_init") is None:
        return
    large = [(name, size) for name, size in budget.items if size >= budget.lowmem // 20]
    cma = next((size for name, size in budget.items if name == "CMA"), 0)
    if budget.left * _QUARTER > budget.lowmem and not (cma * 2 > budget.lowmem and budget.left * 2 < budget.lowmem):
        return
    if budget.lowmem < _SMALL * 2:
        return
    parts = ", ".join(f"{name} {size_text(size)}" for name, size in large)
    changes = []
    param = case.parameter("cma")
    if param is not None:
        smaller = max(16 * MIB, align_down(budget.lowmem // 8, 16 * MIB))
        text = f"cma={size_text(smaller).replace(' MiB', 'M').replace(' GiB', 'G')}"
        changes.append(Change(text, "an eighth of lowmem", (SetParameter("cma", text.partition("=")[2]),)))
    changes += list(_smaller_pools(case))
    yield Finding(
        RULES_BY_ID["little-lowmem"],
        Severity.WARNING,
        f"{size_text(budget.left)} of lowmem are left for the kernel",
        f"Of {size_text(budget.lowmem)} lowmem {parts} are taken: {size_text(budget.left)} are left. Highmem does not "
        f"help: page tables, slabs and buffers come from lowmem.",
        _taker(case, large[0][0]) if large else (),
        tuple(changes),
    )


def _taker(case: CheckCase, name: str) -> tuple[Where, ...]:
    """Where it stands that the largest item of the budget takes so much; () where nobody wrote that."""
    if name == "CMA":
        return case.at_origin(case.state.cma_areas[0].origin)[:1] if case.state.cma_areas else ()
    param = case.parameter({CRASH_KERNEL: "crashkernel", "initrd": "initrd"}.get(name, ""))
    return (case.at_param(param),) if param is not None else ()


def _smaller_pools(case: CheckCase) -> Iterator[Change]:
    """Dynamic pools of the tree, halved and halved again."""
    for area in case.state.cma_areas:
        parent = case.tree.node("/reserved-memory") if case.tree is not None else None
        node = next((each for each in parent.children if each.name == area.name), None) if parent is not None else None
        if node is None or node.get("size") is None or area.size < _SMALL:
            continue
        for size in (area.size // 2, area.size // 4, area.size // 8):
            value = cells(size, width=case.cells.size)
            edits = (SetProperty(node.path, "size", value),)
            yield Change(f"{node.path}: size = <{size:#x}>", f"a pool of {size_text(size)}", edits)


def dma_window(case: CheckCase) -> Iterator[Finding]:
    """RAM that devices do not reach, where no DMA zone keeps it from them."""
    end = max((span.end for span in case.ram), default=0)
    limit = case.state.vars.arm_dma_limit
    zone = limit + 1 if limit < 0xFFFFFFFF and case.kernel.config.enabled("ZONE_DMA") else 0
    known = _reach(case.tree) if case.tree is not None else None
    rows = [known] if known is not None else []
    if case.tree is not None and not rows:
        rows = list(_dma_ranges(case))
    for reach, who in rows:
        beyond = [Span(max(bank.start, reach), bank.end) for bank in case.ram if bank.end > reach]
        if case.registers_over(*beyond):
            continue  # that is no RAM, which `over_devices` says
        if beyond and not (zone and zone <= reach) and not case.state.kernel.has("lpae"):
            yield Finding(
                RULES_BY_ID["dma-window"],
                Severity.WARNING,
                "devices do not reach all RAM",
                f"{who} reaches RAM below {hex_address(reach)} ({size_text(reach)}) for DMA; this kernel has "
                f"{f'a DMA zone up to {hex_address(zone)}' if zone else 'no ZONE_DMA'}, and RAM goes on to "
                f"{hex_address(end - 1)}: buffers above are not reached.",
                (),
                advice=(
                    "CONFIG_ZONE_DMA with the machine's DMA limit (Linux 5.5 for BCM2711), or LPAE with swiotlb",
                    f"mem={size_text(reach).replace(' GiB', 'G').replace(' MiB', 'M')}",
                ),
                address=reach,
            )
            return


def _reach(tree: Fdt) -> tuple[int, str] | None:
    """Where the reach of the machine's devices ends, and who they are; None where that is not known."""
    prop = tree.root.get("compatible")
    names = prop.value.rstrip(b"\0").decode("latin-1").split("\0") if prop is not None else []
    found = ((reach, f"A device of {name}") for known, reach, _ in DMA_REACH for name in names if name in known)
    return next(found, None)


def _dma_ranges(case: CheckCase) -> Iterator[tuple[int, str]]:
    """Buses of the root whose dma-ranges end before RAM does."""
    assert case.tree is not None
    for bus in case.tree.root.children:
        prop = bus.get("dma-ranges")
        kind = bus.get("compatible")
        if prop is None or not prop.value or kind is None or b"simple-bus" not in kind.value:
            continue
        child, above, sizes = address_cells(bus), address_cells(case.tree.root), size_cells(bus)
        row = child + above + sizes
        starts = [read_cells(prop.value, at + child, above) for at in range(0, len(prop.value) // 4 - row + 1, row)]
        sizes_of = [
            read_cells(prop.value, at + child + above, sizes) for at in range(0, len(prop.value) // 4 - row + 1, row)
        ]
        windows = [Span(start, start + size) for start, size in zip(starts, sizes_of, strict=True)]
        ends = [window.end for window in windows if any(bank.start in window for bank in case.ram)]
        if ends and max(ends) < 4 * GIB:  # else they are windows on something that is no RAM
            yield max(ends), f"{bus.path} (dma-ranges)"


def headroom(case: CheckCase) -> Iterator[Finding]:
    """How much larger the kernel may become before it meets the device tree or the initrd."""
    if case.board.zimage is None and case.board.dtb_addr is None:
        return
    load_map = case.load_map
    writers = [placed for placed in load_map.objects if placed.kind in ("kernel", "bss", "zimage", "work")]
    if not writers or load_map.damage:
        return
    kernel = next((placed for placed in writers if placed.kind == "kernel"), writers[0])
    behind = [placed for placed in load_map.objects if placed.kind in ("dtb", "initrd")]
    for payload in behind:
        given = case.board.dtb_addr if payload.kind == "dtb" else payload.start
        ends = [placed.end for placed in writers if placed.end <= payload.start]
        if given is None or not ends or payload.start < kernel.start:
            continue
        room = payload.start - max(ends)
        percent = room * 100 // max(kernel.size, 1)
        if room >= _HEADROOM and percent >= 10:
            continue
        changes = payload_changes(case, "dtb") if payload.kind == "dtb" else initrd_changes(case)
        yield Finding(
            RULES_BY_ID["little-headroom"],
            Severity.WARNING,
            "the next kernel may not fit",
            f"{size_text(room)} are free in front of the {payload.name}, {payload.span}: a kernel {percent + 1} % "
            f"larger overwrites it.",
            (),
            tuple(changes),
            address=payload.start,
        )
