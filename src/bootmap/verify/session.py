"""A user's board with a user's kernel on one of QEMU's machines: booted, read, and compared with the prediction.

    zImage    QEMU starts it, as a boot loader would; its decompressor runs, and what it did to the tree is read back
    Image     lies where a decompressor would have left it
    xipImage  lies in flash, at CONFIG_XIP_PHYS_ADDR

Not here: boards that are made up (trial.py), and how files are found and read (the command does that).
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import threading
from queue import Empty, Queue
from typing import TYPE_CHECKING, TypeGuard, TypeVar, cast

from msgspec import Struct
from msgspec.structs import replace

from bootmap.boot.decompressor.phys_offset import memory_ranges, phys_offset
from bootmap.errors import MachineError, ToolMissingError, UsageError
from bootmap.facts.linux.atags import CMDLINE
from bootmap.facts.machines.qemu import KERNEL_AT, NO_MACHINE_ID
from bootmap.image.machine import DEBIAN_PACKAGE, QEMU
from bootmap.image.recording import KernelId
from bootmap.inputs.atags_writer import with_tags
from bootmap.inputs.fdt_writer import cells, editable, flatten, text
from bootmap.shown import Shown
from bootmap.units import MIB, Span, hex_address, size_text
from bootmap.verify.compare import Comparison, compare
from bootmap.verify.guest import Handed, decompressed, placed
from bootmap.verify.observe import FDT_MAGIC, observe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from bootmap.boot.sequence import Replay
    from bootmap.image.recording import Recording
    from bootmap.inputs.atags import AtagList
    from bootmap.inputs.fdt import Fdt
    from bootmap.verify.guest import Guest, Setup
    from bootmap.verify.kernels import BootKernel

Item = TypeVar("Item")
Result = TypeVar("Result")

_DTB_AT = 128 * MIB  # into RAM, where boot loaders put it
_FDT_HEADER = 40
_MOST_TREE = 1 << 24
_DUMP_TIMEOUT = 30.0


class Request(Struct, frozen=True):
    """What is to be booted.

    Attributes:
        name: what reports call it.
        board: the device tree blob or ATAG list.
        dtb_at: physical address of it, None for the usual place.
        phys_offset: PHYS_OFFSET, None for what the decompressor will find.
        place: put the unpacked kernel into RAM even if there is a zImage.
        late: go on until init is about to run.
        timeout: seconds for each stretch of the way.
        notes: what was changed in the board, in words.
    """

    name: str
    board: bytes
    dtb_at: int | None = None
    phys_offset: int | None = None
    place: bool = False
    late: bool = False
    timeout: float = 60.0
    notes: tuple[str, ...] = ()


class Booted(Shown, Struct, frozen=True):
    """One boot that was read, and what was predicted for the same handover.

    Attributes:
        request: what was booted.
        setup: on what.
        recording: what was read.
        prediction: for the tree as the kernel found it.
        notes: what the reader should know of how it came about.
    """

    request: Request
    setup: Setup
    recording: Recording
    prediction: Replay
    notes: tuple[str, ...]

    def compared(self) -> Comparison:
        """Word by word."""
        return compare(self.recording, self.prediction)


def is_tree(board: Fdt | AtagList) -> TypeGuard[Fdt]:
    """Whether ``board`` is a device tree."""
    return board.data[:4] == FDT_MAGIC


def adapted(
    tree: Fdt | AtagList, setup: Setup, command_line: str | None, initrd: tuple[int, int] | None
) -> tuple[bytes, list[str]]:
    """The blob to boot: ``tree``, with what the user gives in place of its own, and RAM where it has none.

    Returns:
        The blob, unchanged where nothing had to be, and what was changed, in words.

    Raises:
        UsageError: the tree promises RAM that the machine has not got.
    """
    notes = []
    ram = Span(setup.ram.start, setup.ram.stop)
    banks = [Span(start, end) for start, end in memory_ranges(tree) if end > start]
    outside = next((bank for bank in banks if bank.start < ram.start or bank.end > ram.end), None)
    if outside is not None:
        raise UsageError(
            f"the device tree has RAM at {hex_address(outside.start)}-{hex_address(outside.end - 1)}, the machine "
            f"{setup.machine.name} from {hex_address(ram.start)} to {hex_address(ram.end - 1)}; give --memory, or "
            f"another --machine"
        )
    if not is_tree(tree):
        given = [name for name, value in (("--cmdline", command_line), ("--initrd", initrd)) if value is not None]
        return with_tags(tree.data, command_line, initrd), [f"{name} was put behind the tags" for name in given]
    root = editable(tree)
    if not banks:
        node = root.child(f"memory@{ram.start:x}")
        wide = [
            int.from_bytes(root.properties.get(f"#{kind}-cells", b"\0\0\0\2"), "big") for kind in ("address", "size")
        ]
        node.properties = {
            "device_type": text("memory"),
            "reg": cells(ram.start, width=wide[0]) + cells(ram.size, width=wide[1]),
        }
        notes.append(f"the device tree has no RAM: the machine's {size_text(ram.size)} were put into it")
    if command_line is not None:
        root.child("chosen").properties["bootargs"] = text(command_line)
        notes.append("--cmdline was put into /chosen")
    if initrd is not None:
        start, size = initrd
        chosen = root.child("chosen").properties
        chosen["linux,initrd-start"], chosen["linux,initrd-end"] = cells(start), cells(start + size)
        notes.append("--initrd was put into /chosen")
    if not notes:
        return tree.data, []
    rows = [(row.address, row.size) for row in tree.reservations if row.size]
    return flatten(root, rows), notes


def machine_tree(setup: Setup) -> bytes:
    """The device tree that QEMU makes for the machine itself.

    Raises:
        ToolMissingError: QEMU is not installed.
        UsageError: it makes none for this machine.
    """
    with tempfile.TemporaryDirectory(prefix="bootmap-") as folder:
        path = os.path.join(folder, "machine.dtb")
        arguments = setup.arguments()
        machine = arguments.index("-M") + 1
        arguments[machine] = f"{setup.machine.name},dumpdtb={path.replace(',', ',,')}"  # as QEMU quotes a comma
        with contextlib.suppress(subprocess.TimeoutExpired):
            try:
                subprocess.run([setup.program, *arguments], capture_output=True, timeout=_DUMP_TIMEOUT, check=False)
            except FileNotFoundError:
                raise ToolMissingError(f"{QEMU} is not installed; Debian's package is {DEBIAN_PACKAGE}") from None
        if not os.path.exists(path):
            raise UsageError(f"QEMU makes no device tree for {setup.machine.name}; give BOARD")
        with open(path, "rb") as file:
            return file.read(_MOST_TREE)


def usual_dtb_place(setup: Setup) -> int:
    """The physical address where boot loaders put the tree."""
    return setup.ram.start + min(_DTB_AT, len(setup.ram) // 2)


def boot_board(
    kernel: BootKernel,
    setup: Setup,
    request: Request,
    progress: Callable[[str], None] = lambda _: None,
) -> Booted:
    """Boot and read it, and predict the same.

    Args:
        kernel: the kernel.
        setup: the machine.
        request: the board, and how.
        progress: told what happens.

    Raises:
        ToolMissingError: QEMU is not installed.
        HangError: the decompressor did not come to the kernel.
        UsageError: the machine, the CPU or the board does not fit.
        MachineError: QEMU ended, or what was read makes no sense.
    """
    tree = kernel.parse(request.board)
    notes = list(request.notes)
    if kernel.learned:
        notes.append(f"no table of symbols names {', '.join(kernel.learned)}: the kernel told in a boot of its own")
    machine_id = setup.machine.machine_id
    if not is_tree(tree) and machine_id == NO_MACHINE_ID:
        name = setup.machine.name
        raise UsageError(f"{request.name}: is an ATAG list, and QEMU's {name} has no machine number to go with it")
    offset = _phys_offset(kernel, setup, request, tree, notes)
    request = _without_decompressor(kernel, setup, request, offset, notes)
    progress("QEMU")
    with _started(kernel, setup, request, offset, progress) as guest:
        board = _board_of(guest, request.board)
        if board != request.board:
            notes.append("the decompressor changed or moved the device tree; the kernel's own is compared")
        recording = _observed(guest, kernel, request, board, progress)
        params = guest.entry.r2
    prediction = _predicted(kernel, setup, board, params, offset, NO_MACHINE_ID if is_tree(tree) else machine_id)
    if any(hazard.id == "memory-not-there" for hazard in prediction.hazards):
        raise UsageError(
            f"{request.name}: the command line promises RAM that no memory node has; a board dies of that, but this "
            f"machine has it: nothing can be compared"
        )
    return Booted(request, setup, recording, prediction, tuple(notes))


def _phys_offset(kernel: BootKernel, setup: Setup, request: Request, tree: Fdt | AtagList, notes: list[str]) -> int:
    """PHYS_OFFSET as it was given, else by the decompressor's rule, which is then noted."""
    if request.phys_offset is not None:
        return request.phys_offset
    offset, how = phys_offset(kernel.model(), tree, setup.machine.ram_base + KERNEL_AT)
    if offset is None:
        raise UsageError(f"{request.name}: nothing tells where RAM begins; give --phys-offset")
    notes.append(f"PHYS_OFFSET {hex_address(offset)}: {how}")
    return offset


def _without_decompressor(kernel: BootKernel, setup: Setup, request: Request, offset: int, notes: list[str]) -> Request:
    """The request; with the kernel put into RAM where its decompressor cannot run: nothing tells when that has died."""
    if kernel.file.kind != "zImage" or request.place:
        return request
    at = usual_dtb_place(setup) if request.dtb_at is None else request.dtb_at
    prediction = _predicted(kernel, setup, request.board, at, offset, setup.machine.machine_id)
    if all(hazard.id != "cpu-without-armv7" for hazard in prediction.hazards):
        return request
    notes.append("the decompressor has the instructions that the CPU lacks, too: the unpacked kernel was put into RAM")
    return replace(request, place=True)


def _started(
    kernel: BootKernel, setup: Setup, request: Request, offset: int, progress: Callable[[str], None]
) -> AbstractContextManager[Guest]:
    """The machine at the kernel's first instruction: through the decompressor, or with the kernel put into RAM."""
    dtb_at = usual_dtb_place(setup) if request.dtb_at is None else request.dtb_at
    handed = Handed(request.board, dtb_at, setup.machine.machine_id)
    if kernel.file.kind == "zImage" and not request.place:
        text_offset = kernel.model().text_offset
        return decompressed(setup, str(kernel.file.path), handed, offset, text_offset, progress=progress)
    return placed(setup, kernel.image(), kernel.entry(offset), handed, offset, flash=kernel.in_flash)


def _observed(
    guest: Guest, kernel: BootKernel, request: Request, board: bytes, progress: Callable[[str], None]
) -> Recording:
    model = kernel.model()
    return observe(
        guest,
        kernel.symbols,
        page_offset=model.page_offset,
        long=model.has("lpae"),
        byteorder=model.byteorder,
        board=board,
        command_line=_command_line(kernel.parse(board)),
        name=request.name,
        kernel=KernelId(os.path.basename(str(kernel.file.path)), kernel.key or kernel.name),
        late=request.late,
        timeout=request.timeout,
        progress=progress,
    )


def _predicted(kernel: BootKernel, setup: Setup, board: bytes, params: int, offset: int, machine_id: int) -> Replay:
    cpus = setup.cpus or setup.machine.cpus
    return kernel.predict(board, params, offset, setup.core, cpus if cpus > 1 else None, machine_id)


def _board_of(guest: Guest, given: bytes) -> bytes:
    """The tree as the kernel will find it, or the tags."""
    memory, address = guest.machine.memory, guest.entry.r2
    if given[:4] != FDT_MAGIC:
        return bytes(memory.read(address, len(given)))
    head = memory.read(address, _FDT_HEADER)
    size = int.from_bytes(head[4:8], "big")
    if head[:4] != FDT_MAGIC or not _FDT_HEADER <= size <= _MOST_TREE:
        raise MachineError(f"there is no device tree at r2 = {hex_address(address)} on entry to the kernel")
    return bytes(memory.read(address, size))


def _command_line(board: Fdt | AtagList) -> str:
    if not is_tree(board):
        tag = cast("AtagList", board).last(CMDLINE)
        return tag.string() if tag is not None else ""
    chosen = board.node("/chosen")
    prop = chosen.get("bootargs") if chosen is not None else None
    return prop.value.rstrip(b"\0").decode("latin-1") if prop is not None else ""


def side_by_side(items: Sequence[Item], work: Callable[[Item], Result], jobs: int) -> list[Result | Exception]:
    """``work`` on every item, ``jobs`` at a time; an item that fails has its exception for a result.

    The threads are daemons: whoever interrupts this does not wait for boots, whose guards end them.
    """
    results: dict[int, Result | Exception] = {}
    waiting: Queue[int] = Queue()
    done: Queue[int] = Queue()
    for place in range(len(items)):
        waiting.put(place)

    def worker() -> None:
        while True:
            try:
                place = waiting.get_nowait()
            except Empty:
                return
            try:
                results[place] = work(items[place])
            except Exception as error:  # handed to whoever reads the results
                results[place] = error
            done.put(place)

    for _ in range(min(jobs, len(items))):
        threading.Thread(target=worker, daemon=True).start()
    for _ in items:
        done.get()
    return [results[place] for place in range(len(items))]
