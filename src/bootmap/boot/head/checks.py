"""What head.S checks before it builds tables, and what it ought to: the CPU, where RAM begins, what is at r2.

The kernel cannot speak yet.  Where one of these does not hold it waits in a loop of two instructions (``__error``),
unless CONFIG_DEBUG_LL gives it a voice, or goes on and reads what is not there.

Source: arch/arm/Makefile ``arch-y`` (the lowest architecture of the configuration decides); arch/arm/kernel/head.S
``stext``, ``__fixup_pv_table``; head-common.S ``__lookup_processor_type``, ``__vet_atags``, ``__mmap_switched``;
drivers/of/fdt.c ``early_init_dt_verify``.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from msgspec.structs import replace

from bootmap.boot.kernel import FDT_FIXED_BASE
from bootmap.boot.payload import Overwrite, board_payload, nothing_found, overwrite, payloads
from bootmap.facts.arm.cpus import ARMV6_OPTIONS, SUPPORT
from bootmap.inputs.fdt import Fdt
from bootmap.units import MIB, PAGE_SIZE, Span, align_down, align_up, hex_address

if TYPE_CHECKING:
    from bootmap.boot.state import BootState

_PROC_INFO = struct.Struct("<2I")
_PROC_INFO_BYTES = 52
"""struct proc_info_list (arch/arm/include/asm/procinfo.h): thirteen words, the first two are value and mask."""
_OPTIONS = {option for options in SUPPORT.values() for option in options}


def check_head(state: BootState) -> None:
    """Look at what head.S is given, before it writes anything.

    Raises:
        KernelDied: it stops there, or cannot come far.
    """
    _check_cpu(state)
    _check_phys_offset(state)
    _check_params(state)
    died = overwrite(state, list(_writes(state)), _advice(state))
    if died is not None:
        raise died
    _check_image(state)
    _check_payloads(state)


def check_params_mapped(state: BootState) -> None:
    """Look whether all of the device tree or ATAG list can be read through the tables that head.S has built.

    Raises:
        KernelDied: it cannot; reading it is an abort, and there are no vectors yet.
    """
    missing = first_unmapped(state)
    if missing is not None:
        what = _what(state)
        raise state.die(
            "params-unmapped",
            f"{what} at {hex_address(state.handover.params)} reaches beyond what head.S maps of it: the kernel reads "
            f"{hex_address(missing)} and takes a data abort before there are vectors; it must end within the "
            f"sections that head.S maps",
            address=missing,
        )


def _check_cpu(state: BootState) -> None:
    kernel, cpu = state.kernel, state.handover.cpu
    if _supported(state) is False:
        raise state.die(
            "cpu-not-supported",
            f"the kernel has no description of {cpu.name} (MIDR {cpu.midr:#010x}, {' or '.join(SUPPORT[cpu.name])}): "
            f'head.S stops in __error_p, "unrecognized/unsupported processor variant"',
        )
    check_instruction_set(state, "head.S or in what it calls")
    if kernel.has("lpae") and not cpu.lpae:
        raise state.die(
            "cpu-without-lpae",
            f"the kernel has CONFIG_ARM_LPAE, and {cpu.name} has no long descriptors: head.S stops in __error_lpae",
        )


def check_instruction_set(state: BootState, where: str) -> None:
    """Look whether the CPU has the instructions that the kernel, decompressor included, is compiled to.

    Booted: Debian's armmp kernels on ARM1176 (QEMU's raspi0, romulus-bmc) stop at the first ``movt``.

    Args:
        state: the boot.
        where: what runs first, for people.

    Raises:
        KernelDied: it has not.
    """
    kernel, cpu = state.kernel, state.handover.cpu
    enabled = kernel.config.enabled
    if cpu.pte != "v6" or not enabled("CPU_V7") or any(map(enabled, ARMV6_OPTIONS)):
        return
    code = "Thumb-2" if enabled("THUMB2_KERNEL") else "movw and movt"
    raise state.die(
        "cpu-without-armv7",
        f"the kernel is compiled for ARMv7 (CONFIG_CPU_V7 without {' or '.join(ARMV6_OPTIONS)}: -march=armv7-a), and "
        f"{cpu.name} is an ARMv6 core without {code}: an undefined instruction early in {where}, in silence. Use a "
        f"kernel with CONFIG_ARCH_MULTI_V6",
    )


def _supported(state: BootState) -> bool | None:
    """Whether the kernel knows the CPU: by its own table where the image is at hand, and by its options."""
    kernel, cpu = state.kernel, state.handover.cpu
    first, last = (kernel.symbols.get(f"__proc_info_{edge}") for edge in ("begin", "end"))
    table = kernel.read(first, last - first) if first is not None and last is not None and last > first else None
    if table is not None:
        rows = [_PROC_INFO.unpack_from(table, at) for at in range(0, len(table) - 7, _PROC_INFO_BYTES)]
        matching = [mask for value, mask in rows if (value ^ cpu.midr) & mask & cpu.mask == 0]
        if not matching:
            return False
        if any(mask & ~cpu.mask == 0 for mask in matching):
            return True  # not only as far as MIDR is known
    if not any(kernel.config.enabled(option) for option in _OPTIONS):
        return None  # an excerpt of a configuration
    return any(kernel.config.enabled(option) for option in SUPPORT[cpu.name])


def _check_phys_offset(state: BootState) -> None:
    kernel, phys_offset = state.kernel, state.handover.phys_offset
    if kernel.has("xip"):
        return
    if not kernel.has("patch_phys_virt"):
        config = kernel.config
        built = config.integer("PHYS_OFFSET") if "PHYS_OFFSET" in config else phys_offset
        if built != phys_offset:
            raise state.die(
                "phys-offset-mismatch",
                f"the kernel is built for RAM at {hex_address(built)} (CONFIG_PHYS_OFFSET) and runs at "
                f"{hex_address(phys_offset)}: every address that it works out is wrong",
                address=phys_offset,
            )
        return
    granule = (2 if kernel.has("phys_virt_2m") else 16) * MIB
    if (phys_offset - kernel.page_offset) % granule:
        raise state.die(
            "phys-offset-unaligned",
            f"PHYS_OFFSET {hex_address(phys_offset)} is no multiple of {granule // MIB} MiB: __fixup_pv_table cannot "
            f"patch it in and stops",
            address=phys_offset,
        )


def _check_params(state: BootState) -> None:
    kernel, board, params = state.kernel, state.handover.board, state.handover.params
    if isinstance(board, Fdt) and not params and kernel.has("vet_dtb"):
        _drop_board(state)
        return
    if board is None or not params:
        return
    trouble = ""
    if params % 4:
        trouble = f"r2 = {hex_address(params)} is not a multiple of 4, so __vet_atags drops it"
    elif isinstance(board, Fdt) and not kernel.has("vet_dtb"):
        trouble = f"Linux {kernel.version_text} knows no device trees: __vet_atags drops r2"
    elif not isinstance(board, Fdt) and (kernel.has("be8") or kernel.has("be32")):
        trouble = "the ATAG list has little-endian words, so __vet_atags of a big-endian kernel drops r2"
    elif not isinstance(board, Fdt) and _without_atags(state):
        trouble = "r2 points to an ATAG list, and the kernel is built without CONFIG_ATAGS"
    unread = params % 4 or kernel.has("be8") or kernel.has("be32")
    if trouble and not isinstance(board, Fdt) and unread and not _without_atags(state):
        # The number in r1 still finds the machine (booted: 2.6.38 on vexpress-a9).
        _take_default_tags(state, f"{trouble}: the kernel goes on without the tags", luck=False)
    elif trouble:
        raise state.die("params-rejected", f"{trouble}; {nothing_found(state)}", address=params)


def _drop_board(state: BootState) -> None:
    """A device tree at physical address 0 is none: r2 = 0 says that nothing was given (setup.c ``setup_arch``).

    Booted: 6.1.176 on realview-eb-mpcore comes back from paging_init with 16 MiB of RAM.
    """
    text = "r2 is 0, which means to the kernel that it was given nothing: it never looks at the device tree there"
    if _without_atags(state):
        raise state.die("params-rejected", f"{text}; {nothing_found(state)}", address=0)
    _take_default_tags(state, text, luck=True)


def _take_default_tags(state: BootState, why: str, *, luck: bool) -> None:
    text = f"{why}, takes 16 MiB from PHYS_OFFSET on for its RAM and knows no devices"
    state.hazard("params-rejected", text, luck=luck)
    state.handover = replace(state.handover, board=None, params=0)


def _without_atags(state: BootState) -> bool:
    return state.kernel.has("atags_option") and _says_no(state, "ATAGS")


def _says_no(state: BootState, option: str) -> bool:
    """Whether the configuration is a whole one and has the option unset."""
    return not state.kernel.config.enabled(option) and state.kernel.config.enabled("MMU")


def _writes(state: BootState) -> list[Overwrite]:
    """What head.S and __mmap_switched fill with zeroes."""
    kernel, root = state.kernel, state.tables.root
    writes = [Overwrite("head", "the kernel's page directory", Span(root, root + kernel.format.pgd_bytes))]
    bss = kernel.symbols.get("__bss_start")
    if bss is not None and bss < kernel.image_end:
        writes.append(Overwrite("head", "the kernel's bss", Span(state.pa(bss), state.pa(kernel.image_end))))
    return writes


def _advice(state: BootState) -> str:
    return f"what lies at or above {hex_address(align_up(state.pa(state.kernel.image_end), MIB))} is spared"


def _check_image(state: BootState) -> None:
    """The kernel and the tree in one place: with a zImage that is the decompressor's affair."""
    kernel, tree = state.kernel, board_payload(state)
    if tree is None or state.handover.zimage is not None or kernel.has("xip"):
        return
    start = kernel.page_offset + kernel.text_offset
    image = Span(state.pa(start), state.pa(kernel.symbols.get("__bss_start", kernel.image_end)))
    if tree.span.overlaps(image):
        state.hazard(
            "kernel-overlaps-dtb",
            f"{tree.what}, {tree.span}, and the kernel, {image}, lie in one place: the one that came first is damaged; "
            f"{_advice(state)}",
            address=tree.span.start,
            luck=True,
        )


def _check_payloads(state: BootState) -> None:
    """The tree and the initrd in one place."""
    told = {payload.kind: payload for payload in payloads(state)}
    tree, initrd = told.get("dtb"), told.get("initrd")
    if tree is not None and initrd is not None and tree.span.overlaps(initrd.span):
        state.hazard(
            "dtb-overlaps-initrd",
            f"{tree.what}, {tree.span}, and {initrd.what}, {initrd.span}, lie in one place: the one that was loaded "
            f"first is damaged; {_advice(state)} if they keep clear of each other",
            address=max(tree.span.start, initrd.span.start),
            luck=True,
            subject="dtb",
        )


def _what(state: BootState) -> str:
    return "the device tree" if isinstance(state.handover.board, Fdt) else "the ATAG list"


def first_unmapped(state: BootState) -> int | None:
    """The first physical address of what the kernel reads at r2 that its map of it lacks; None where all is there."""
    tree = board_payload(state)
    board, params = state.handover.board, state.handover.params
    if tree is None or board is None:
        return None
    end = tree.span.end
    if isinstance(board, Fdt) and state.kernel.has("fdt_checksum"):
        end = params + board.totalsize
    section = align_down(params, state.kernel.format.section_size)
    for page in range(align_down(params, PAGE_SIZE), end, PAGE_SIZE):
        va = FDT_FIXED_BASE + page - section if state.kernel.has("fdt_fixed_base") else state.va(page)
        if state.mapped(va) != page:
            return max(page, params)
    return None
