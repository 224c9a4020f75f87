"""Kernel and board become a hand-over: what is not given is derived, else assumed, and each is noted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from bootmap.assemble.cpu import pick_cache, pick_cpu
from bootmap.assemble.guess import place_of_description, scu_cpus
from bootmap.assemble.ram import ram_start
from bootmap.assemble.sublevel import older_sublevels
from bootmap.assemble.texts import parse_tcm
from bootmap.assemble.weigh import weigh
from bootmap.assemble.zimage import appended_tree, describe, load_address, placed_by_image
from bootmap.assumptions import Assumption
from bootmap.boot.decompressor import phys_offset as zreladdr
from bootmap.boot.decompressor.decompress_kernel import plan
from bootmap.boot.handover import Handover
from bootmap.boot.sequence import boot
from bootmap.boot.setup.fdt_scan import root_cells
from bootmap.errors import FdtError, MissingInputError
from bootmap.facts.arm.tcm import DTCM, ITCM
from bootmap.inputs.fdt import Fdt
from bootmap.units import hex_address

if TYPE_CHECKING:
    from bootmap.assemble.board import Board
    from bootmap.assemble.kernel import Kernel
    from bootmap.boot.kernel import KernelModel
    from bootmap.boot.sequence import Replay
    from bootmap.inputs.atags import AtagList


def replay(kernel: Kernel, board: Board) -> Replay:
    """The boot of ``kernel`` on ``board``.

    Raises:
        MissingInputError: something is not given and cannot be assumed.
        InputError: the board's description is malformed where the kernel reads it.
        UnsupportedError: something is not modelled.
    """
    try:
        first = weigh(board, boot(*assemble(kernel, board)), lambda other: boot(*assemble(kernel, other)))
        return older_sublevels(kernel, first, lambda other: boot(*assemble(other, board)))
    except FdtError as error:
        raise error.in_file(board.name) from None


def assemble(kernel: Kernel, board: Board) -> tuple[KernelModel, Handover]:
    """Everything that a boot is a function of.

    Raises:
        BootmapError: see :func:`replay`.
    """
    model = kernel.model()
    assumptions = [*kernel.assumptions, *board.assumptions]
    zimage = board.zimage
    if zimage is None and kernel.file is not None and kernel.file.kind == "zImage":
        zimage = kernel.file
    load_addr = load_address(board.load_addr, zimage)
    board = placed_by_image(board, zimage if zimage is not None and not isinstance(zimage, int) else None, assumptions)
    appended = appended_tree(model, zimage)
    if appended is not None:
        board = board.replace(description=appended)
        text = "the device tree is the one appended to the zImage, which replaces the boot loader's"
        assumptions.append(Assumption(text))
    cpu = pick_cache(pick_cpu(model, board, assumptions), model, board, assumptions)
    if board.vmalloc_end is not None:
        model.platform_vmalloc_end = model.vmalloc_end = board.vmalloc_end
    phys_offset = _phys_offset(kernel, model, board, load_addr, appended is not None, assumptions)
    described = None if zimage is None else describe(model, zimage, load_addr, phys_offset, assumptions)
    dtb_addr = board.dtb_addr
    if dtb_addr is None and described is not None and described.appended:
        dtb_addr = plan(model, described, phys_offset).dtb
    cpus, how = scu_cpus(model, cpu, board.description, board.cpus)
    if how:
        assumptions.append(Assumption(how, "--cpus", cpus or 1))
    handover = Handover(
        board=board.description,
        params=dtb_addr or 0,
        phys_offset=phys_offset,
        cpu=cpu,
        cpus=cpus,
        machine_id=board.machine_id,
        cmdline=board.cmdline,
        initrd=board.initrd,
        static_maps=board.static_maps,
        zimage=described,
        dtcm=parse_tcm(board.dtcm, DTCM, cpu),
        itcm=parse_tcm(board.itcm, ITCM, cpu),
        efi=board.efi_map,
        ram=board.ram,
    )
    if dtb_addr is None:
        dtb_addr, guessed = place_of_description(model, handover)
        assumptions.append(guessed)
        handover = replace(handover, params=dtb_addr)
    return model, replace(handover, assumptions=tuple(assumptions))


def _no_ram(description: Fdt | AtagList) -> str:
    """What is wrong with a board that does not say where RAM is, and what to give."""
    if not isinstance(description, Fdt):
        return "has no ATAG_MEM to tell where RAM starts; give --phys-offset"
    for node in description.walk("device_type"):
        reg = node.get("reg")
        if node.is_memory and reg is not None:
            cells = " ".join(
                f"{int.from_bytes(reg.value[at : at + 4], 'big'):#x}" for at in range(0, len(reg.value), 4)
            )
            return (
                f"{node.path} has reg = <{cells}>, size 0: the boot loader fills that in. Say what RAM the board has: "
                f"--phys-offset START --cmdline 'mem=SIZE@START'"
            )
    return "has no memory nodes to tell where RAM starts; give --phys-offset"


def _by_its_name(description: Fdt | AtagList) -> int | None:
    """Where the name of a memory node says that RAM begins, whose reg holds not one entry; None elsewhere."""
    if not isinstance(description, Fdt):
        return None
    width = root_cells(description)
    for node in description.root.children:
        reg = node.get("reg")
        if node.is_memory and reg is not None and 0 < len(reg.value) < 4 * (width.address + width.size):
            return ram_start(description)
    return None


def _phys_offset(
    kernel: Kernel, model: KernelModel, board: Board, load_addr: int | None, appended: bool, notes: list[Assumption]
) -> int:
    """PHYS_OFFSET: as given, as the Image's address says, or by the decompressor's rule."""
    if board.phys_offset is not None:
        return board.phys_offset
    if kernel.file is not None and kernel.file.kind == "Image" and load_addr is not None:
        found: int | None = load_addr - model.text_offset
        how = f"the Image runs at {hex_address(load_addr)}"
    else:
        found, how = zreladdr.phys_offset(model, board.description, load_addr, appended=appended)
    if found is None and (start := _by_its_name(board.description)) is not None:
        found, how = start, "the address in the name of the memory node, whose reg the kernel cannot read"
    if found is None:
        raise MissingInputError(f"{board.name}: {_no_ram(board.description)}")
    notes.append(Assumption(f"PHYS_OFFSET is {hex_address(found)}: {how}", "--phys-offset", found))
    return found
