"""A kernel that UEFI starts, under QEMU: EDK2 or U-Boot's bootefi, the kernel's EFI stub, the kernel.

QEMU's gdb stub stops at the kernel's first instruction.  What the stub left is read there, from the tree at r2: the
memory map at ExitBootServices, and the tables that Linux reserves.  From these the boot is predicted; then the kernel
is read as for any other boot, and compared.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field

from bootmap.boot.handover import Handover
from bootmap.boot.sequence import boot
from bootmap.errors import MachineError, UsageError
from bootmap.facts.linux import efi
from bootmap.image.recording import RecordedEntry
from bootmap.inputs import fdt
from bootmap.inputs.efi_map import EfiDescriptor, EfiMap
from bootmap.output import write_file
from bootmap.units import MIB
from bootmap.verify.compare import compare
from bootmap.verify.guest import machine_with_ram
from bootmap.verify.loader.outcome import LoaderBoot, observe_kernel, serial_socket
from bootmap.verify.loader.talk import UBootTalk
from bootmap.verify.session import machine_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bootmap.verify.guest import Setup
    from bootmap.verify.kernels import BootKernel

EDK2, UBOOT = "edk2", "u-boot"
_KERNEL_AT, _TREE_AT = 32 * MIB, 80 * MIB
_START = 180.0
_ROW = 40
_MOST_MAP = 1 << 20


class EfiRequest(Struct, frozen=True):
    """What is to be booted.

    Attributes:
        firmware: "edk2" or "u-boot".
        binary: its image for QEMU's virt machine.
        command_line: the kernel's.
        ramdisk: bytes of the ramdisk (EDK2 only); None for none.
        changes: variables of U-Boot's.
        timeout: seconds for each stretch of the kernel's way.
    """

    firmware: str
    binary: Path
    command_line: str = ""
    ramdisk: bytes | None = None
    changes: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 60.0


class EfiBoot(LoaderBoot, frozen=True):
    """What came of it: the firmware, and the map, the tree and the registers as the stub left them."""

    firmware: str
    map: EfiMap
    board: bytes
    entry: RecordedEntry


def boot_efi(
    kernel: BootKernel, setup: Setup, request: EfiRequest, progress: Callable[[str], None] = lambda _: None
) -> EfiBoot:
    """Boot, read and compare.

    Raises:
        ToolMissingError: QEMU is not installed.
        UsageError: the machine is not virt, or the kernel no zImage with an EFI stub.
        MachineError: QEMU or the firmware ended, or something makes no sense.
    """
    model = kernel.model()
    if setup.machine.name != "virt" or kernel.file.kind != "zImage" or not model.config.enabled("EFI_STUB"):
        raise UsageError("--loader efi boots a zImage with CONFIG_EFI_STUB on QEMU's virt machine")
    base = setup.ram.start
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bootmap-"))
        more, serials, path = _arguments(kernel, setup, request, folder)
        progress("QEMU")
        machine, _ = stack.enter_context(machine_with_ram(setup, more, 30.0, serials=serials))
        if request.firmware == UBOOT:
            changes = {"bootargs": request.command_line, **request.changes}
            talk = stack.enter_context(UBootTalk(path, changes))
            talk.start(f"bootefi {base + _KERNEL_AT:x}:{os.path.getsize(kernel.file.path):x} {base + _TREE_AT:x}")
            talk.go()
        progress(request.firmware)
        machine.run_until(base + model.text_offset, timeout=_START)
        entry = RecordedEntry.of(machine.gdb.core_registers())

        def read(address: int, size: int) -> bytes:
            return bytes(machine.memory.read(address, size))

        board = read(entry.r2, int.from_bytes(read(entry.r2 + 4, 4), "big"))
        found = read_map(read, board, long=model.has("lpae"))
        recording = observe_kernel(
            machine,
            kernel,
            setup,
            entry=entry,
            phys_offset=base,
            board=board,
            command_line=request.command_line,
            name=request.firmware,
            timeout=request.timeout,
            progress=progress,
        )
    prediction = boot(model, Handover(fdt.parse(board), entry.r2, base, setup.core, efi=found))
    comparison = compare(recording, prediction)
    return EfiBoot(request.firmware, found, board, entry, recording=recording, comparison=comparison)


def _arguments(kernel: BootKernel, setup: Setup, request: EfiRequest, folder: str) -> tuple[tuple[str, ...], int, str]:
    """QEMU's arguments, how many serial ports are kept, and the path of U-Boot's console."""
    image, base = Path(kernel.file.path), setup.ram.start
    more = ["-bios", str(request.binary), "-nic", "none"]
    if request.firmware == EDK2:
        more += ["-kernel", str(image), "-append", request.command_line]
        if request.ramdisk:
            file = Path(folder, "ramdisk")
            write_file(file, request.ramdisk)
            more += ["-initrd", str(file)]
        return tuple(more), 1, ""
    tree, path = Path(folder, "dtb"), os.path.join(folder, "serial")
    write_file(tree, machine_tree(setup))
    more += serial_socket(path)
    for file, address in ((image, base + _KERNEL_AT), (tree, base + _TREE_AT)):
        more += ["-device", f"loader,file={file},addr={address:#x},force-raw=on"]
    return tuple(more), 0, path


def read_map(read: Callable[[int, int], bytes], board: bytes, *, long: bool) -> EfiMap:
    """The memory map and tables that the stub left in RAM.

    Args:
        read: reads physical memory.
        board: the tree that the stub made.
        long: whether the kernel has addresses of 64 bits (LPAE).

    Raises:
        MachineError: the tree does not tell of a map, or the map makes no sense.
    """
    chosen = fdt.parse(board).node("/chosen")

    def told(name: str) -> int:
        prop = chosen.get(f"linux,uefi-{name}") if chosen is not None else None
        if prop is None:
            raise MachineError(f"the stub's tree has no /chosen/linux,uefi-{name}")
        return int.from_bytes(prop.value, "big")

    at, size, step = told("mmap-start"), told("mmap-size"), told("mmap-desc-size")
    if not _ROW <= step <= size <= _MOST_MAP:
        raise MachineError(f"a UEFI memory map of {size} bytes in rows of {step}")
    rows, virtual = [], []
    data = read(at, size)
    for place in range(0, size - step + 1, step):
        kind = int.from_bytes(data[place : place + 4], "little")
        start, there, pages, attributes = (
            int.from_bytes(data[place + i : place + i + 8], "little") for i in (8, 16, 24, 32)
        )
        rows.append(EfiDescriptor(kind, start, pages * efi.PAGE, attributes))
        if there and attributes & efi.RUNTIME:
            virtual.append((there, start, pages * efi.PAGE))

    def physical(address: int) -> int:
        return next((p + address - v for v, p, length in virtual if v <= address < v + length), address)

    table = told("system-table")
    count = int.from_bytes(read(table + efi.SYSTEM_TABLE_COUNT, 4), "little")
    where = physical(int.from_bytes(read(table + efi.SYSTEM_TABLE_TABLES, 4), "little"))
    tables = {}
    for i in range(min(count, 256)):
        row = read(where + i * efi.TABLE_ROW, efi.TABLE_ROW)
        tables[uuid.UUID(bytes_le=row[:16])] = int.from_bytes(row[16:], "little")
    initrd = None
    if efi.INITRD in tables:
        words = read(tables[efi.INITRD], 8)
        initrd = (int.from_bytes(words[:4], "little"), int.from_bytes(words[4:], "little"))
    return EfiMap(tuple(rows), at, size, tuple(_reserved(read, tables, long)), initrd)


def _reserved(
    read: Callable[[int, int], bytes], tables: Mapping[uuid.UUID, int], long: bool
) -> Iterator[tuple[int, int, str]]:
    """What efi_config_parse_tables() reserves, in its order."""
    if efi.MEMATTR in tables:
        at = tables[efi.MEMATTR]
        _, rows, step = (int.from_bytes(read(at + i, 4), "little") for i in (0, 4, 8))
        yield at, efi.MEMATTR_HEADER + rows * step, "the UEFI memory attributes table"
    at = tables.get(efi.MEMRESERVE, 0)
    width = 8 if long else 4
    seen: set[int] = set()
    while at and at not in seen:
        seen.add(at)
        size, count = (int.from_bytes(read(at + i, 4), "little") for i in (0, 4))
        after = int.from_bytes(read(at + 8, width), "little")
        first = at + 8 + width
        yield at, first - at + size * 2 * width, "a UEFI table of reservations"
        for i in range(min(count, 1024)):
            pair = read(first + i * 2 * width, 2 * width)
            start, length = int.from_bytes(pair[:width], "little"), int.from_bytes(pair[width:], "little")
            yield start, length, "memory that UEFI keeps"
        at = after
