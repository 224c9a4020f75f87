"""Kernel and board become a hand-over: what is not given is derived, else assumed, and each is noted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.assemble.cpu import pick_cpu, with_cache
from bootmap.assemble.texts import parse_tcm
from bootmap.assemble.zimage import appended_tree, describe, load_address
from bootmap.assumptions import Assumption
from bootmap.boot.decompressor import phys_offset as zreladdr
from bootmap.boot.decompressor.decompress_kernel import plan
from bootmap.boot.handover import Handover
from bootmap.boot.sequence import boot
from bootmap.errors import FdtError, MissingInputError
from bootmap.facts.arm.tcm import DTCM, ITCM
from bootmap.inputs.fdt import Fdt
from bootmap.units import MIB, hex_address

if TYPE_CHECKING:
    from bootmap.assemble.board import Board
    from bootmap.assemble.kernel import Kernel
    from bootmap.boot.kernel import KernelModel
    from bootmap.boot.sequence import Replay
    from bootmap.facts.arm.cpus import Cpu
    from bootmap.inputs.atags import AtagList

_TAGS = 0x100
"""Into RAM: where boot loaders put an ATAG list."""
_USUAL_DTB = 128 * MIB


def replay(kernel: Kernel, board: Board) -> Replay:
    """The boot of ``kernel`` on ``board``.

    Raises:
        MissingInputError: something is not given and cannot be assumed.
        InputError: the board's description is malformed where the kernel reads it.
        UnsupportedError: something is not modelled.
    """
    try:
        return boot(*assemble(kernel, board))
    except FdtError as error:
        raise error.in_file(board.name) from None


def assemble(kernel: Kernel, board: Board) -> tuple[KernelModel, Handover]:
    """Everything that a boot is a function of.

    Raises:
        BootmapError: see :func:`replay`.
    """
    model = kernel.model()
    assumptions = list(kernel.assumptions)
    zimage = board.zimage
    if zimage is None and kernel.file is not None and kernel.file.kind == "zImage":
        zimage = kernel.file
    load_addr = load_address(board.load_addr, zimage)
    appended = appended_tree(model, zimage)
    if appended is not None:
        board = board.replace(description=appended)
        text = "the device tree is the one appended to the zImage, which replaces the boot loader's"
        assumptions.append(Assumption(text))
    cpu = with_cache(model, pick_cpu(model, board, assumptions), board, assumptions)
    phys_offset = _phys_offset(kernel, model, board, load_addr, appended is not None, assumptions)
    described = None if zimage is None else describe(model, zimage, load_addr, phys_offset, assumptions)
    dtb_addr = board.dtb_addr
    if dtb_addr is None and described is not None and described.appended:
        dtb_addr = plan(model, described, phys_offset).dtb
    if dtb_addr is None:
        dtb_addr = usual_place(board.description, phys_offset)
        text = f"the boot loader put the board description at {hex_address(dtb_addr)}"
        assumptions.append(Assumption(text, "--dtb-addr", dtb_addr))
    _note_cpus(model, cpu, board, assumptions)
    return model, Handover(
        board=board.description,
        params=dtb_addr,
        phys_offset=phys_offset,
        cpu=cpu,
        cpus=board.cpus,
        machine_id=board.machine_id,
        cmdline=board.cmdline,
        initrd=board.initrd,
        static_maps=board.static_maps,
        assumptions=tuple(assumptions),
        zimage=described,
        dtcm=parse_tcm(board.dtcm, DTCM, cpu),
        itcm=parse_tcm(board.itcm, ITCM, cpu),
    )


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
    if found is None:
        raise MissingInputError(f"{board.name}: has no memory nodes to tell where RAM starts; give --phys-offset")
    notes.append(Assumption(f"PHYS_OFFSET is {hex_address(found)}: {how}", "--phys-offset", found))
    return found


def usual_place(description: Fdt | AtagList, phys_offset: int) -> int:
    """Where boot loaders put the description: 128 MiB into RAM, or half way where there is less; tags at 0x100."""
    if not isinstance(description, Fdt):
        return phys_offset + _TAGS
    ends = [end for start, end in zreladdr.memory_ranges(description) if start <= phys_offset < end]
    room = (ends[0] if ends else phys_offset) - phys_offset
    return phys_offset + min(_USUAL_DTB, room // 2 & ~(MIB - 1) if room else _USUAL_DTB)


def _note_cpus(model: KernelModel, cpu: Cpu, board: Board, notes: list[Assumption]) -> None:
    if cpu.smp == "scu" and board.cpus is None and model.has("smp"):
        text = (
            "one CPU without snoop control unit: a Cortex-A9 says itself how many there are, the device tree does not "
            "count; with two or more, RAM is mapped shareable and write-allocate"
        )
        notes.append(Assumption(text, "--cpus"))
