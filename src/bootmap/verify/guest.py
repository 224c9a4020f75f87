"""A kernel in a QEMU of its own, stopped at the kernel's first instruction, with its board description in place.

    boots a zImage:   QEMU's boot stub -> decompressor (with the user's device tree in r2) -> the kernel's entry
    places an image:  the unpacked kernel is written where a decompressor would have left it, or into flash where it
                      runs from there; nothing ran yet

The second way takes a tenth of a second and lets the kernel lie anywhere; the first one proves the decompressor, too.
The guest's RAM is a file without a name that both sides map, so nothing of it ever is on a disk; the few machines that
insist on RAM of their own are written to through the gdb stub.
Not here: what is read out of the kernel (observe.py).
"""

from __future__ import annotations

import contextlib
import mmap
import os
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from bootmap.errors import MachineError, UsageError
from bootmap.facts.arm.cpus import cpu_by_name
from bootmap.facts.machines.qemu import KERNEL_AT
from bootmap.image.machine import QEMU, HangError, RunningMachine
from bootmap.image.recording import QemuSetup, RecordedEntry
from bootmap.units import GIB, MIB, align_up, hex_address, size_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bootmap.facts.arm.cpus import Cpu
    from bootmap.facts.machines.qemu import QemuMachine

_QEMU_64 = "qemu-system-aarch64"
_DECOMPRESSION = 120.0  # seconds; the slowest that was seen (an xz-packed kernel on a busy machine) took 9


class Setup(Struct, frozen=True):
    """How QEMU is started.

    Attributes:
        machine: which machine.
        memory: bytes of RAM.
        cpu: the CPU, by QEMU's name for it; None for the machine's own.
        cpus: how many, None for the machine's own number.
        extra: further arguments.
        qemu: the program; None for the one that serves.  It is the 64-bit one where RAM lies above 4 GiB: QEMU 7.2's
            32-bit one cuts the address when it walks to a page table there (target/arm/ptw.c ``S1_ptw_translate``
            hands it over as a ``target_ulong``).
    """

    machine: QemuMachine
    memory: int
    cpu: str | None = None
    cpus: int | None = None
    extra: tuple[str, ...] = ()
    qemu: str | None = None

    def __post_init__(self) -> None:
        machine = self.machine
        if self.memory > machine.most and machine.name != "virt":
            raise UsageError(f"{machine.name} takes at most {size_text(machine.most)} of RAM")
        if machine.sizes and self.memory not in machine.sizes:
            raise UsageError(f"{machine.name} takes {' or '.join(map(size_text, machine.sizes))} of RAM")

    @property
    def ram(self) -> range:
        """Physical addresses of the machine's RAM."""
        return range(self.machine.ram_base, self.machine.ram_base + self.memory)

    @property
    def program(self) -> str:
        """The QEMU that is started."""
        return self.qemu or (_QEMU_64 if self.ram.stop > 4 * GIB else QEMU)

    @property
    def core(self) -> Cpu:
        """The CPU that is predicted for.

        Raises:
            UsageError: it is not modelled.
        """
        name = self.cpu or self.machine.cpu
        cpu = cpu_by_name(name)
        if cpu is None:
            raise UsageError(f"the CPU {name} is not modelled")
        return cpu

    def arguments(self) -> list[str]:
        """QEMU's arguments for the hardware."""
        machine = self.machine
        backend = "" if machine.own_ram else ",memory-backend=ram"
        line = ["-M", machine.name + backend, "-m", f"{self.memory // MIB}M", "-nodefaults"]
        if machine.cpu_option:
            line += ["-cpu", self.cpu or machine.cpu]
        if (cpus := self.cpus or machine.cpus) > 1:
            line += ["-smp", str(cpus)]
        return [*line, *self.extra]

    def recorded(self, command_line: str) -> QemuSetup:
        """The setup as a recording keeps it, with the CPU, which no ATAG list names."""
        machine = self.machine
        extra, memory = " ".join(self.extra), str(self.memory // MIB)
        return QemuSetup(command_line, self.cpu or machine.cpu, extra, machine.name, memory)


class Handed(Struct, frozen=True):
    """What the boot loader hands over: ``board`` at physical ``address`` (r2), and further bytes in RAM.

    Attributes:
        board: the device tree blob or the ATAG list.
        address: where it is put.
        machine_id: r1.
        blobs: (physical address, bytes), an initrd for instance.
    """

    board: bytes
    address: int
    machine_id: int = 0xFFFFFFFF
    blobs: tuple[tuple[int, bytes], ...] = ()


class Guest(Struct, frozen=True):
    """A machine that is stopped at the kernel's first instruction.

    Attributes:
        machine: it.
        setup: how it was started.
        entry: r0, r1, r2.
        phys_offset: where the kernel takes RAM to begin.
        flash: where its _text is in flash, None for a kernel in RAM.
    """

    machine: RunningMachine
    setup: Setup
    entry: RecordedEntry
    phys_offset: int
    flash: int | None = None


@contextlib.contextmanager
def placed(
    setup: Setup,
    image: bytes,
    at: int,
    handed: Handed,
    phys_offset: int,
    *,
    flash: bool = False,
    timeout: float = 30.0,
) -> Iterator[Guest]:
    """A guest with the unpacked kernel ``image`` at physical address ``at``, which is also its entry.

    Args:
        setup: the machine.
        image: what is placed.
        at: where.
        handed: what the kernel finds in r1 and r2.
        phys_offset: where the kernel takes RAM to begin.
        flash: the place is flash.
        timeout: seconds for QEMU's answers.

    Raises:
        ToolMissingError: QEMU is not installed.
        UsageError: the machine has no flash at that place.
        MachineError: QEMU does not start, or something would lie outside its RAM.
    """
    with machine_with_ram(setup, (), timeout) as (machine, ram):
        ram.write(handed.address, handed.board)
        for address, blob in handed.blobs:
            ram.write(address, blob)
        if flash:
            _write_flash(setup, machine, at, image)
        else:
            ram.write(at, image)
        _set(machine, pc=at, r0=0, r1=handed.machine_id, r2=handed.address)
        entry = RecordedEntry(0, handed.machine_id, handed.address)
        yield Guest(machine, setup, entry, phys_offset, at if flash else None)


@contextlib.contextmanager
def decompressed(
    setup: Setup,
    zimage: str,
    handed: Handed,
    phys_offset: int,
    text_offset: int,
    *,
    progress: Callable[[str], None] = lambda _: None,
    timeout: float = 30.0,
) -> Iterator[Guest]:
    """A guest whose QEMU was given the file ``zimage`` to boot, run until the kernel's entry.

    Args:
        setup: the machine.
        zimage: path of the zImage.
        handed: what the decompressor finds in r1 and r2.
        phys_offset: where the decompressor is expected to take RAM to begin.
        text_offset: TEXT_OFFSET.
        progress: told what happens.
        timeout: seconds for QEMU's answers.

    Raises:
        ToolMissingError: QEMU is not installed.
        HangError: the decompressor does not come to the kernel's entry.
        MachineError: QEMU does not start, or something would lie outside its RAM.
    """
    start = setup.machine.ram_base + KERNEL_AT
    entry = phys_offset + text_offset
    with machine_with_ram(setup, ("-kernel", zimage), timeout) as (machine, ram):
        machine.run_until(start, timeout=timeout)
        ram.write(handed.address, handed.board)
        for address, blob in handed.blobs:
            ram.write(address, blob)
        _set(machine, r1=handed.machine_id, r2=handed.address)
        progress("decompressor")
        try:
            machine.run_until(entry, timeout=_DECOMPRESSION)
        except HangError as error:
            where = f"the kernel's entry at {hex_address(entry)}, where PHYS_OFFSET would be {hex_address(phys_offset)}"
            raise HangError(f"the decompressor did not come to {where}", error.exceptions, error.registers) from None
        yield Guest(machine, setup, RecordedEntry.of(machine.gdb.core_registers()), phys_offset)


class _Ram(Protocol):
    """The guest's RAM, to be written while the guest stands still."""

    def write(self, address: int, data: bytes) -> None:
        """Write ``data`` at a physical address.

        Raises:
            MachineError: it does not lie in RAM.
        """
        ...


class _SharedRam:
    """RAM as a mapping of the file that it is."""

    def __init__(self, span: range, file: int) -> None:
        self._span = span
        self._map = mmap.mmap(file, len(span))

    def write(self, address: int, data: bytes) -> None:
        _require_ram(self._span, address, len(data))
        at = address - self._span.start
        self._map[at : at + len(data)] = data

    def close(self) -> None:
        self._map.close()


class _OwnRam:
    """RAM that only the machine has: written through its gdb stub, a second for some megabytes."""

    def __init__(self, span: range, machine: RunningMachine) -> None:
        self._span = span
        self._machine = machine

    def write(self, address: int, data: bytes) -> None:
        _require_ram(self._span, address, len(data))
        self._machine.gdb.write_physical(address, data)


def _write_flash(setup: Setup, machine: RunningMachine, address: int, data: bytes) -> None:
    """Fill flash, as a debugger may: through the CPU, whose MMU is off, not by physical address, which is a command."""
    try:
        machine.gdb.write_memory(address, data)
        kept = machine.memory.read(address, len(data)) == data
    except (MachineError, LookupError):
        kept = False
    if not kept:
        raise UsageError(
            f"QEMU's {setup.machine.name} has no flash of {size_text(len(data))} at {hex_address(address)}, where the "
            f"kernel's CONFIG_XIP_PHYS_ADDR is; give another --machine, or a kernel with another address"
        )


def _require_ram(span: range, address: int, size: int) -> None:
    if address < span.start or address + size > span.stop:
        raise MachineError(
            f"{size_text(size)} at {hex_address(address)} do not lie in the machine's RAM, "
            f"{hex_address(span.start)}-{hex_address(span.stop - 1)}"
        )


@contextlib.contextmanager
def machine_with_ram(
    setup: Setup, more: tuple[str, ...], timeout: float, *, serials: int = 1
) -> Iterator[tuple[RunningMachine, _Ram]]:
    """A machine that stands at its first instruction, and its RAM.

    Args:
        setup: the hardware.
        more: further arguments of QEMU's.
        timeout: seconds for QEMU's answers.
        serials: how many serial ports have their output kept; 0 where ``more`` says what becomes of them.

    Raises:
        ToolMissingError: QEMU is not installed.
        MachineError: it does not start.
    """
    with contextlib.ExitStack() as stack:
        arguments = [*setup.arguments(), *more]
        if setup.machine.own_ram:
            machine = stack.enter_context(_traced(setup, arguments, timeout, serials))
            yield machine, _OwnRam(setup.ram, machine)
            return
        size = align_up(setup.memory, mmap.PAGESIZE)
        file = os.memfd_create("bootmap-ram", os.MFD_CLOEXEC)
        stack.callback(os.close, file)
        os.ftruncate(file, size)
        ram = _SharedRam(setup.ram, file)
        stack.callback(ram.close)
        backend = f"memory-backend-file,id=ram,size={size},share=on,mem-path=/proc/{os.getpid()}/fd/{file}"
        yield stack.enter_context(_traced(setup, ["-object", backend, *arguments], timeout, serials)), ram


def _traced(setup: Setup, arguments: list[str], timeout: float, serials: int) -> RunningMachine:
    return RunningMachine(arguments, qemu=setup.program, serials=serials, trace_exceptions=True, timeout=timeout)


def _set(machine: RunningMachine, **registers: int) -> None:
    for name, value in registers.items():
        machine.gdb.write_register(name, value)
