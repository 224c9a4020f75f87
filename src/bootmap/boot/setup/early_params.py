"""parse_early_param: the command line parameters that change memory set-up, in their order.

mem=, vmalloc=, cma=, initrd=, cachepolicy=, nocache, nowb, ecc=, memblock=debug, movable_node, earlycon.  The
parameters nosmp and maxcpus= are recognised and change nothing here: head.S has decided already.  crashkernel= is
recognised: its area is reserved after paging_init.

Source: arch/arm/kernel/setup.c ``early_mem``, arch/arm/mm/mmu.c ``early_vmalloc``, ``early_cachepolicy``,
``early_ecc``, arch/arm/mm/init.c ``early_initrd``, kernel/dma/contiguous.c ``early_cma``, mm/memblock.c
``early_memblock``, init/main.c ``do_early_param``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.boot.decompressor.phys_offset import AUTO_GRANULE
from bootmap.boot.kernel import VMALLOC_OFFSET
from bootmap.boot.records import LostRam
from bootmap.boot.setup.earlycon import setup_earlycon
from bootmap.boot.setup.fdt_scan import arm_add_memory
from bootmap.boot.trace import Origin
from bootmap.facts.linux.linux_prot import CACHE_POLICIES
from bootmap.inputs.cmdline import parameq, parse
from bootmap.units import MIB, Span, align_down, align_up, hex_address, memparse, size_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from bootmap.boot.state import BootState
    from bootmap.inputs.cmdline import Param

_MIN_VMALLOC = 16 * MIB


def parse_early_param(state: BootState) -> None:
    """Apply every early parameter of ``state.cmdline`` that bears on memory."""
    for param in parse(state.cmdline):
        for name, handler in _HANDLERS.items():
            if parameq(param.name, name):
                handler(state, param, _origin(param))
        if param.name == "console" and param.value:
            setup_earlycon(state, param.value, _origin(param), is_console=True)


def check_ram_below_phys_offset(state: BootState) -> None:
    """Say what RAM is lost below PHYS_OFFSET, and what would keep it."""
    phys_offset = state.handover.phys_offset
    below = [Span(bank.start, min(bank.end, phys_offset)) for bank in state.told_banks if bank.start < phys_offset]
    crash = state.usable_ram
    if not below or (crash is not None and crash.start >= phys_offset):
        return
    size, first = sum(row.size for row in below), min(row.start for row in below)
    window = align_down(first, AUTO_GRANULE)
    granule = 2 * MIB if state.kernel.has("phys_virt_2m") else 16 * MIB
    lowest = align_up(first, granule)
    advice = f"load the kernel so that PHYS_OFFSET is {hex_address(lowest)}"
    if lowest == phys_offset:
        advice = f"PHYS_OFFSET is a multiple of {size_text(granule)}, so that no kernel of this version can use them"
    elif phys_offset >= window + AUTO_GRANULE and state.kernel.has("zimage_auto_phys_offset"):
        advice = (
            f"run the zImage in the first 128 MiB of RAM, below {hex_address(window + AUTO_GRANULE)}: it takes the "
            f"address where it runs, rounded down to 128 MiB, for PHYS_OFFSET"
        )
    state.hazard(
        "ram-below-phys-offset",
        f"the kernel takes RAM to begin at PHYS_OFFSET, {hex_address(phys_offset)}: {size_text(size)} below it, from "
        f"{hex_address(first)} on, are lost; {advice}",
        address=first,
        subject="zimage",
        places=(Span(max(first, window), window + AUTO_GRANULE),) if lowest != phys_offset else (),
    )


def _origin(param: Param) -> Origin:
    return Origin("command line", param.text, param.offset)


def _mem(state: BootState, param: Param, origin: Origin) -> None:
    if not state.mem_param:
        _forget_ram(state, origin)
        state.mem_param = True
    size, rest = memparse(param.value or "")
    start = state.handover.phys_offset
    if rest.startswith("@"):
        start, _ = memparse(rest[1:])
    state.promised.append(Span(start, start + size))
    if not state.kernel.has("mem_param_64") and max(start, size) > state.phys_mask:
        _wrapped(state, param, start, size, origin)
        start, size = start & state.phys_mask, size & state.phys_mask
    arm_add_memory(state, start, size, origin)


def _wrapped(state: BootState, param: Param, start: int, size: int, origin: Origin) -> None:
    """Say that ``early_mem`` keeps what it reads in a phys_addr_t of 32 bits (before commit 6d7d5da7d75c)."""
    mask = state.phys_mask
    state.hazard(
        "mem-beyond-4g",
        f"{param.text} does not fit into the 32 bits of an address without CONFIG_ARM_LPAE: the kernel takes it for "
        f"{size_text(size & mask)} at {hex_address(start & mask)}, where there may be no RAM; leave it out, or use a "
        f"kernel with CONFIG_ARM_LPAE",
        address=start & mask,
        origin=origin,
    )


def _forget_ram(state: BootState, origin: Origin) -> None:
    """The first mem= throws away all RAM that the boot loader declared."""
    spans = [(bank.start, bank.end) for bank in state.meminfo]
    spans += [(base, base + size) for base, size, _ in state.memblock.memory.regions]
    for start, end in spans:
        state.lost.append(LostRam(start, end, "mem= replaces what the boot loader declared", origin))
    state.meminfo.clear()
    if len(state.memblock.memory):
        start, end = state.memblock.start_of_dram(), state.memblock.end_of_dram()
        state.memblock.remove(start, end - start, origin=Origin("early_mem", "mem=", None, origin))


def _vmalloc(state: BootState, param: Param, origin: Origin) -> None:
    kernel = state.kernel
    size, _ = memparse(param.value or "")
    size &= 0xFFFFFFFF
    if size < _MIN_VMALLOC:
        size = _MIN_VMALLOC
        state.print(f"vmalloc area is too small, limiting to {size >> 20}MiB")
    margin = 32 * MIB + (VMALLOC_OFFSET if kernel.has("vmalloc_size_symmetric") else 0)
    largest = kernel.vmalloc_end - (kernel.page_offset + margin)
    if size > largest:
        size = largest
        state.print(f"vmalloc area is too big, limiting to {size >> 20}MiB")
    state.vars.vmalloc_size = size
    state.vars.vmalloc_given = True


def _cma(state: BootState, param: Param, origin: Origin) -> None:
    if param.value is None or not state.kernel.has("cma"):
        return
    size, rest = memparse(param.value)
    base = limit = 0
    if rest.startswith("@") and state.kernel.has("cma_cmdline_base"):
        base, rest = memparse(rest[1:])
        limit = base + size
        if rest.startswith("-"):
            limit, _ = memparse(rest[1:])
    mask = state.phys_mask
    state.cma_cmdline = (size & mask, base & mask, limit & mask)
    state.cma_origin = origin


def _initrd(state: BootState, param: Param, origin: Origin) -> None:
    start, rest = memparse(param.value or "")
    if rest.startswith(",") and state.kernel.config.enabled("BLK_DEV_INITRD"):
        size, _ = memparse(rest[1:])
        state.vars.phys_initrd_start = start & state.phys_mask
        state.vars.phys_initrd_size = size & 0xFFFFFFFF
        state.initrd_origin = origin


def _cachepolicy(state: BootState, param: Param, origin: Origin) -> None:
    value = param.value or ""
    selected = next((i for i, row in enumerate(CACHE_POLICIES) if value.startswith(row.name)), None)
    if selected is None:
        state.print("ERROR: unknown or unsupported cache policy")
    if state.handover.cpu.arch >= 6:
        if selected != state.vars.cachepolicy:
            state.print(f"Only cachepolicy={CACHE_POLICIES[state.vars.cachepolicy].name} supported on ARMv6 and later")
    elif selected is not None:
        state.vars.cachepolicy = selected
    else:
        state.assume(
            f"{param.text} is no cache policy that the kernel knows: before ARMv6 it goes on with what lies in front "
            f"of its table of policies, which is not known; here the policy stays as it was"
        )


def _nocache(state: BootState, param: Param, origin: Origin) -> None:
    state.print("nocache is deprecated; use cachepolicy=buffered")
    _cachepolicy(state, param._replace(value="buffered"), origin)


def _nowb(state: BootState, param: Param, origin: Origin) -> None:
    state.print("nowb is deprecated; use cachepolicy=uncached")
    _cachepolicy(state, param._replace(value="uncached"), origin)


def _ecc(state: BootState, param: Param, origin: Origin) -> None:
    if state.kernel.has("lpae"):
        return
    value = param.value or ""
    if value.startswith("on"):
        state.vars.ecc = True
    elif value.startswith("off"):
        state.vars.ecc = False


def _memblock(state: BootState, param: Param, origin: Origin) -> None:
    if param.value and "debug" in param.value:
        state.memblock_debug = True
        state.memblock_debug_from = len(state.memblock.log)


def _movable_node(state: BootState, param: Param, origin: Origin) -> None:
    if state.kernel.config.enabled("HAVE_MEMBLOCK_NODE_MAP") or state.kernel.config.enabled("NUMA"):
        state.memblock.movable_node = True


def _earlycon(state: BootState, param: Param, origin: Origin) -> None:
    setup_earlycon(state, param.value, origin)


_HANDLERS: dict[str, Callable[[BootState, Param, Origin], None]] = {
    "mem": _mem,
    "vmalloc": _vmalloc,
    "cma": _cma,
    "initrd": _initrd,
    "cachepolicy": _cachepolicy,
    "nocache": _nocache,
    "nowb": _nowb,
    "ecc": _ecc,
    "memblock": _memblock,
    "movable_node": _movable_node,
    "earlycon": _earlycon,
}
