"""What nobody gave, guessed from what is known: where the device tree lies, and how many CPUs a Cortex-A9 counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.assumptions import Assumption
from bootmap.boot.decompressor import phys_offset as zreladdr
from bootmap.boot.decompressor.decompress_kernel import plan
from bootmap.boot.payload import initrd_span, used_bytes
from bootmap.boot.places import places
from bootmap.boot.setup.fdt_scan import is_available
from bootmap.boot.state import BootState
from bootmap.facts.loaders import qemu
from bootmap.inputs.fdt import Fdt
from bootmap.units import MIB, Span, align_down, align_up, hex_address

if TYPE_CHECKING:
    from bootmap.boot.handover import Handover
    from bootmap.boot.kernel import KernelModel
    from bootmap.facts.arm.cpus import Cpu
    from bootmap.inputs.atags import AtagList

_TAGS = 0x100
"""Into RAM: where boot loaders put an ATAG list."""
_USUAL = 128 * MIB
_LOWMEM = 640 * MIB
"""From PHYS_OFFSET on, what is lowmem with every usual split and vmalloc=."""
_MOST_CPUS = 4


def of_qemu(tree: Fdt) -> bool:
    """Whether QEMU made or loaded this tree."""
    compatible = tree.root.get("compatible")
    names = compatible.value.decode("latin-1").split("\0") if compatible is not None else []
    if any(name in qemu.MACHINES for name in names):
        return True
    given = tree.totalsize // 2 - qemu.TREE_ROOM
    return tree.totalsize % 2 == 0 and 0 < given <= used_bytes(tree) < given + qemu.MOST_ADDED


def place_of_description(model: KernelModel, handover: Handover) -> tuple[int, Assumption]:
    """Where the boot loader put the device tree or ATAG list, as far as one can guess: clear of all that has a place.

    Args:
        model: the kernel.
        handover: everything else; its ``params`` are not looked at.
    """
    board, phys_offset = handover.board, handover.phys_offset
    if not isinstance(board, Fdt):
        return _placed(phys_offset + _TAGS, "where boot loaders put tags")
    state = BootState(model, handover, smp=False)
    room = _room(board, handover.ram, phys_offset)
    half = room.size // 2 & -MIB
    if of_qemu(board):
        initrd = initrd_span(state)
        at = phys_offset + min(qemu.DTB_AT, half or qemu.DTB_AT)
        at = align_up(initrd.end, qemu.DTB_ALIGN) if initrd is not None and initrd.size else at
        return _placed(at, "as QEMU does")
    if not room.size:
        return _placed(phys_offset + _USUAL, "128 MiB into RAM")
    if handover.zimage is not None:
        state.decompressor_writes = tuple(area.span for area in plan(model, handover.zimage, phys_offset).areas)
    # The last MiB of the lower half leaves the largest whole pieces for contiguous memory.
    usual = phys_offset + min(_USUAL, half) - (MIB if half > MIB else 0)
    size = align_up(board.totalsize, MIB)
    free = places(state, "dtb", size, [Span(room.start, min(room.end, phys_offset + _LOWMEM))])
    if not free or any(row.start <= usual and usual + size <= row.end for row in free):
        return _placed(usual, "in the first half of RAM")
    above = [align_up(row.start, MIB) for row in sorted(free) if row.start > usual]
    below = [align_down(row.end - size, MIB) for row in sorted(free) if row.end <= usual + size]
    return _placed(above[0] if above else below[-1], "clear of the kernel, the initrd and reserved memory")


def _placed(address: int, how: str) -> tuple[int, Assumption]:
    text = f"the boot loader put the board description at {hex_address(address)}, {how}"
    return address, Assumption(text, "--dtb-addr", address)


def _room(board: Fdt | AtagList, real: tuple[Span, ...] | None, phys_offset: int) -> Span:
    """From PHYS_OFFSET to the end of its bank, of what the board really has where that is known; empty for none."""
    ends = [end for start, end in zreladdr.memory_ranges(board) if start <= phys_offset < end]
    if real is not None:
        ends = [row.end for row in real if phys_offset in row]
    return Span(phys_offset, ends[0] if ends else phys_offset)


def scu_cpus(model: KernelModel, cpu: Cpu, board: Fdt | AtagList, given: int | None) -> tuple[int | None, str]:
    """CPUs that the snoop control unit of a Cortex-A9 counts, and how that was found; "" where it does not matter."""
    if cpu.smp != "scu" or given is not None or not model.has("smp_on_up"):
        return given, ""
    nodes = _cpu_nodes(board) if isinstance(board, Fdt) else 0
    hangs = "with two or more, RAM is mapped shareable and write-allocate, with one it is not"
    if isinstance(board, Fdt) and of_qemu(board):
        return None, f"one CPU: the tree comes from QEMU, which has one unless -smp says more; {hangs}"
    if nodes > 1:
        return min(nodes, _MOST_CPUS), f"{min(nodes, _MOST_CPUS)} CPUs, as the device tree has nodes; {hangs}"
    return None, f"one CPU: {'the device tree has one node' if nodes else 'nothing tells of more'}; {hangs}"


def _cpu_nodes(tree: Fdt) -> int:
    cpus = tree.node("/cpus")
    found = 0
    for node in cpus.children if cpus is not None else ():
        kind = node.get("device_type")
        found += kind is not None and kind.value.rstrip(b"\0") == b"cpu" and is_available(node)
    return found
