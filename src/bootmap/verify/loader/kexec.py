"""Linux that boots itself again, under QEMU: ``kexec -l`` and ``kexec -e``, or ``kexec -p`` and a panic.

The first kernel boots to a userland with Debian's kexec, which loads the second.  QEMU's gdb stub stops at three
places: the first kernel's first instruction (its tree is read), the second zImage's (the registers, the tree, every
byte of zImage and initrd, the crash headers are compared), the second kernel's.  Then that kernel is read as for any
other boot.  A first kernel that is to die on the way tells by its oops where it did.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.assemble.zimage import describe
from bootmap.boot.decompressor.phys_offset import phys_offset
from bootmap.boot.handover import Handover
from bootmap.boot.restart import soft_restart
from bootmap.boot.sequence import boot
from bootmap.boot.setup.standard_resources import system_ram
from bootmap.errors import MachineError, UsageError
from bootmap.facts.loaders.kexec import ELF_SIZES, NEWEST_KEXEC
from bootmap.facts.machines.qemu import KERNEL_AT
from bootmap.image.recording import RecordedEntry
from bootmap.inputs import fdt
from bootmap.inputs.fs import read_file
from bootmap.loaders.kexec import KexecCall, KexecPlaced, load
from bootmap.units import Span, hex_address
from bootmap.verify.compare import compare
from bootmap.verify.guest import machine_with_ram
from bootmap.verify.loader.outcome import LoaderBoot, observe_kernel, tree_difference
from bootmap.verify.loader.userland import with_kexec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bootmap.boot.restart import RestartFault
    from bootmap.boot.sequence import Replay
    from bootmap.facts.loaders.kexec import KexecVersion
    from bootmap.image.machine import RunningMachine
    from bootmap.verify.guest import Setup
    from bootmap.verify.kernels import BootKernel

_START = 240.0
_LOADED, _NOTHING = b"kexec has loaded", b"kexec loads nothing"
_SAID_VERSION = re.compile(rb"kexec-tools (\d+)\.(\d+)\.(\d+)")
_ELF, _CLASS64, _LOAD = b"\x7fELF", 2, 1
_SCRIPT = """kexec --version
if kexec {arguments} /zImage; then
    echo kexec has loaded
    {go}
else
    echo kexec loads nothing
    sleep 1000
fi
"""
_OOPS_ENDS = b"---[ end trace"
_ABORT = re.compile(
    rb"Unable to handle kernel \w[^\r\n]* at virtual address (\w{8}) when execute.*?Internal error: Oops: (\w+) ",
    re.DOTALL,
)
_FSR_LNX_PF = 1 << 31
"""What the kernel adds to the status of a prefetch abort (arch/arm/mm/fault.h)."""
_CRASH, _GO = "echo c > /proc/sysrq-trigger", "kexec -e"


class KexecRequest(Struct, frozen=True):
    """What is to be booted.

    Attributes:
        folder: what tools/fetch-kernels filled, for busybox and kexec.
        on_crash: ``kexec -p`` and a panic; else ``kexec -l`` and ``kexec -e``.
        command_line: the first kernel's.
        append: ``--append``; None to give none.
        ramdisk: bytes of ``--initrd``; None for none.
        image_size: ``--image-size``; 0 to give none.
        timeout: seconds for each stretch of the second kernel's way.
    """

    folder: Path
    on_crash: bool
    command_line: str
    append: str | None = None
    ramdisk: bytes | None = None
    image_size: int = 0
    timeout: float = 60.0

    @property
    def script(self) -> str:
        """What the first kernel's shell runs."""
        words = ["-p" if self.on_crash else "-l"]
        words += [f"--append='{self.append}'"] if self.append is not None else []
        words += ["--initrd=/ramdisk"] if self.ramdisk else []
        words += [f"--image-size={self.image_size:#x}"] if self.image_size else []
        return _SCRIPT.format(arguments=" ".join(words), go=_CRASH if self.on_crash else _GO)


class KexecBoot(LoaderBoot, frozen=True):
    """What came of it.

    Attributes:
        version: of kexec-tools.
        first: the first kernel's tree and r2.
        placed: what was predicted of kexec.
        handed: the tree that the second kernel got, and r2; None where it was not started.
        restart: IFAR and IFSR, by its oops, of a first kernel that died on its way to the second.
    """

    version: KexecVersion
    first: tuple[bytes, int]
    placed: KexecPlaced
    handed: tuple[bytes, int] | None = None
    restart: tuple[int, int] | None = None


def boot_kexec(
    kernel: BootKernel, setup: Setup, request: KexecRequest, progress: Callable[[str], None] = lambda _: None
) -> KexecBoot:
    """Boot twice, read and compare.

    Raises:
        ToolMissingError: QEMU, busybox or kexec is not there.
        UsageError: the machine is not virt, or the kernel no zImage that has kexec.
        MachineError: QEMU ended, or something makes no sense.
    """
    model = kernel.model()
    if setup.machine.name != "virt" or kernel.file.kind != "zImage" or not model.config.enabled("KEXEC"):
        raise UsageError("--loader kexec and kdump boot a zImage with CONFIG_KEXEC on QEMU's virt machine")
    cpu = setup.core
    if any(quote in f"{request.append}" for quote in ("'", "\n")):
        raise UsageError("append: a quote in kexec's --append is not supported here")
    zimage = read_file(str(kernel.file.path))
    with tempfile.TemporaryDirectory(prefix="bootmap-") as folder, contextlib.ExitStack() as stack:
        files = {"zImage": zimage} | ({"ramdisk": request.ramdisk} if request.ramdisk else {})
        disk = Path(folder, "initramfs")
        disk.write_bytes(with_kexec(request.folder, request.script, files))
        more = ("-kernel", str(kernel.file.path), "-initrd", str(disk), "-append", request.command_line)
        progress("QEMU")
        machine, _ = stack.enter_context(machine_with_ram(setup, more, 60.0))
        at, _ = phys_offset(model, None, setup.machine.ram_base + KERNEL_AT)
        assert at is not None
        progress("the first kernel")
        machine.run_until(at + model.text_offset, timeout=_START)
        r2 = machine.gdb.read_register("r2")
        own = _blob(machine, r2)
        first = kernel.predict(own, r2, at, cpu)
        cpus = setup.cpus or setup.machine.cpus
        placed = load(_call(kernel, first, own, request, NEWEST_KEXEC, cpus))
        progress("kexec")
        fault = soft_restart(first.state)
        _run_to_second(machine, placed, fault)
        version = _version(machine)
        if version != NEWEST_KEXEC:  # where the kernel goes does not depend on it
            placed = load(_call(kernel, first, own, request, version, cpus))
        loaded = _LOADED in machine.console()
        if placed.failed or not loaded:
            return KexecBoot(version, (own, r2), placed, loader_differences=tuple(_refusals(placed, loaded)))
        if fault is not None:
            died = _abort(machine)
            told = tuple(_died_otherwise(fault, died))
            return KexecBoot(version, (own, r2), placed, restart=died, loader_differences=told)
        registers = machine.gdb.core_registers()
        found = _blob(machine, registers["r2"])
        differences = tuple(_otherwise(machine, placed, registers["r2"], found, zimage, request))
        second = fdt.parse(found)
        offset, _ = phys_offset(model, second, placed.kernel.start)
        assert offset is not None
        described = describe(model, kernel.file, placed.kernel.start, offset, [])
        prediction = boot(kernel.model(), Handover(second, registers["r2"], offset, cpu, zimage=described))
        _run_to_kernel(machine, placed.kernel.start, offset + model.text_offset)
        entry = RecordedEntry.of(machine.gdb.core_registers())
        recording = observe_kernel(
            machine,
            kernel,
            setup,
            entry=entry,
            phys_offset=offset,
            board=found,
            command_line=request.append or "",
            name="kexec",
            timeout=request.timeout,
            progress=progress,
        )
    return KexecBoot(
        version,
        (own, r2),
        placed,
        (found, entry.r2),
        loader_differences=differences,
        recording=recording,
        comparison=compare(recording, prediction),
    )


def _run_to_second(machine: RunningMachine, placed: KexecPlaced, fault: RestartFault | None) -> None:
    """To the second zImage's first instruction, or until the first kernel has said why it does not come to that."""
    if placed.failed:
        machine.run_until_console(_NOTHING, timeout=_START)
        return
    with machine.gdb.breakpoints(placed.kernel.start):
        machine.run_until_console(_NOTHING if fault is None else _OOPS_ENDS, timeout=_START)


def _run_to_kernel(machine: RunningMachine, zimage: int, kernel: int) -> None:
    """From the zImage's first instruction to the kernel's, which may have the same address."""
    if kernel == zimage:
        machine.run_until(zimage + 4, timeout=30.0)
    machine.run_until(kernel, timeout=_START)


def _blob(machine: RunningMachine, address: int) -> bytes:
    head = bytes(machine.memory.read(address, 8))
    size = int.from_bytes(head[4:], "big")
    if head[:4] != b"\xd0\x0d\xfe\xed" or size > fdt.MAX_SIZE:
        raise MachineError(f"there is no device tree at r2 = {hex_address(address)}")
    return bytes(machine.memory.read(address, size))


def _version(machine: RunningMachine) -> KexecVersion:
    found = _SAID_VERSION.search(machine.console())
    if found is None:
        raise MachineError("kexec does not say its version", file="kexec")
    return int(found[1]), int(found[2]), int(found[3])


def _call(
    kernel: BootKernel, first: Replay, tree: bytes, request: KexecRequest, version: KexecVersion, cpus: int
) -> KexecCall:
    header, model = kernel.file.zimage, kernel.model()
    assert header is not None
    table = model.has("zimage_size_table")
    return KexecCall(
        version,
        header.size,
        kernel.file.image_size if table else None,
        kernel.file.bss_size if table else None,
        fdt.parse(tree),
        system_ram(first.state),
        cpus,
        first.state.crashk_res,
        request.on_crash,
        len(request.ramdisk or b""),
        request.append,
        request.image_size,
        model.has("rng_seed_taken"),
    )


def _refusals(placed: KexecPlaced, loaded: bool) -> Iterator[str]:
    if loaded:
        yield f"kexec loads the kernel; predicted was: {placed.failed}"
    elif not placed.failed:
        yield "kexec loads nothing; predicted was that it does"


def _abort(machine: RunningMachine) -> tuple[int, int] | None:
    """IFAR and IFSR of the prefetch abort that the kernel has told of; None where it has not."""
    found = _ABORT.search(machine.console())
    return (int(found[1], 16), int(found[2], 16) & ~_FSR_LNX_PF) if found is not None else None


def _died_otherwise(fault: RestartFault, died: tuple[int, int] | None) -> Iterator[str]:
    if died is None:
        yield f"the first kernel comes to the second; predicted was that it dies in {fault.stage}"
    elif died[0] not in fault.idmap or died[1] != fault.status:
        yield (
            f"the first kernel takes a prefetch abort at {hex_address(died[0])}, IFSR {died[1]:#x}; predicted was one "
            f"in {fault.idmap}, IFSR {fault.status:#x}"
        )


def _otherwise(
    machine: RunningMachine, placed: KexecPlaced, r2: int, found: bytes, zimage: bytes, request: KexecRequest
) -> Iterator[str]:
    """What is in RAM, against what was predicted to be."""
    assert placed.dtb is not None
    if r2 != placed.dtb.start:
        yield f"the tree is at {hex_address(r2)}, predicted was {hex_address(placed.dtb.start)}"
    if differs := tree_difference(placed.blob, found):
        yield differs
    for what, span, data in (("zImage", placed.kernel, zimage), ("initrd", placed.ramdisk, request.ramdisk)):
        if span is not None and data is not None:
            there = bytes(machine.memory.read(span.start, span.size))
            if there != data[: span.size]:
                yield f"the {what} is not at {span}"
    if placed.elfcorehdr is not None:
        data = bytes(machine.memory.read(placed.elfcorehdr.start, placed.elfcorehdr.size))
        dumped = tuple(_loads(data))
        if dumped != placed.dumped:
            said, meant = (" ".join(map(str, spans)) or "nothing" for spans in (dumped, placed.dumped))
            yield f"the crash headers describe {said}, predicted was {meant}"


def _loads(data: bytes) -> Iterator[Span]:
    """The ranges of memory that an ELF core's headers describe; none where there are no such headers."""
    if data[:4] != _ELF:
        return
    wide = data[4] == _CLASS64
    count = int.from_bytes(data[56:58] if wide else data[44:46], "little")
    head, row = ELF_SIZES[wide]
    places, width = ((24, 40), 8) if wide else ((12, 20), 4)
    for at in range(head, min(head + count * row, len(data)), row):
        start, size = (int.from_bytes(data[at + place : at + place + width], "little") for place in places)
        if int.from_bytes(data[at : at + 4], "little") == _LOAD:
            yield Span(start, start + size)
