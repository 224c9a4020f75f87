"""Maps that kill real kernels: what came of each when it was booted, and QEMU's command line that shows it again.

    0x7fff0000  some words: r0 = 0, r1 = -1, r2 = device tree, then jump into the zImage, as a boot loader does
    0x50000000  the device tree
    0x42008000  the zImage: its decompressor takes 0x40000000 for the start of RAM
    0x40008000  where the boot loader copies the unpacked kernel to, if that lies in the zImage's place: a decompressor
                would look for RAM in the device tree, and QEMU's own tree lies here

QEMU's own loader (-kernel, -dtb) would put its memory node and command line in place of the board's.
"""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.errors import MissingInputError
from bootmap.facts.kernel_findings import BOOTED_KERNELS, FOLDER, KERNEL_FINDINGS, KernelFinding
from bootmap.image.machine import HangError, RunningMachine
from bootmap.shown import Shown
from bootmap.units import MIB

if TYPE_CHECKING:
    from pathlib import Path

    from bootmap.image.exceptions import TakenException

_STUB, _ZIMAGE, _IMAGE = 0x7FFF_0000, 0x4200_8000, 0x4000_8000
_REGISTERS = (0xE3A0_0000, 0xE3E0_1000, 0xE3A0_2205)  # mov r0, #0; mvn r1, #0; mov r2, #0x50000000
_JUMP = (*_REGISTERS, 0xE59F_F000, 0, _ZIMAGE)  # ldr pc, [pc]; -; the zImage's address
_COPY = (
    *_REGISTERS,
    *(0xE59F_3018, 0xE59F_4018, 0xE284_5402),  # ldr r3, from; ldr r4, to; add r5, r4, #32 MiB
    *(0xE493_6004, 0xE484_6004),  # again: ldr r6, [r3], #4; str r6, [r4], #4
    *(0xE154_0005, 0x1AFF_FFFB, 0xE59F_F000),  # cmp r4, r5; bne again; ldr pc, to
    *(_ZIMAGE, _IMAGE),  # from, to
)
_CAME_UP = b"Kernel command line: "  # start_kernel() logs it once setup_arch() is over
_BOOTARGS = re.compile(r'bootargs = "([^"]*)";')
_LOG = range(0x4000_0000, 0x4800_0000, 16 * MIB)  # where the log's buffer can be: in the kernel's image
_LOOK = 4.0  # seconds of running between two looks for it


class BootOfFinding(Shown, Struct, frozen=True):
    """What one kernel did.

    Attributes:
        kernel: its version and where it is from.
        came_back: whether it returned from paging_init().
        exception: the first exception that the CPU took, as QEMU logged it, before that or behind it; "" for none.
    """

    kernel: str
    came_back: bool
    exception: str

    @property
    def died(self) -> bool:
        """Whether it died, in paging_init() or behind it."""
        return not self.came_back or bool(self.exception)


class Reproduction(Shown, Struct, frozen=True):
    """A boot of the board with a kernel of the user's.

    Attributes:
        came_up: whether the kernel logged its command line, which it does behind setup_arch(), or, of a fault that
            comes later, the finding's own line.
        exceptions: the first exceptions that the CPU took, where it did not.
        console: bytes on the console.
    """

    came_up: bool
    exceptions: tuple[TakenException, ...]
    console: bytes


class FindingRecord(Shown, Struct, frozen=True):
    """One map that kills kernels, all that is known of it.

    Attributes:
        finding: what it does and why.
        source: the board's device tree as source text.
        dtb: its blob, a file.
        boots: what real kernels did.
        dtb_address: where the boot loader puts the blob.
        phys_offset: PHYS_OFFSET.
        ram: the machine's RAM, as QEMU reads it.
    """

    finding: KernelFinding
    source: str
    dtb: Path
    boots: tuple[BootOfFinding, ...]
    dtb_address: int
    phys_offset: int
    ram: str = "2G"

    @property
    def by_qemu(self) -> bool:
        """Whether QEMU's command line shows it: PHYS_OFFSET is where the kernel's file is placed for."""
        return self.phys_offset == _ZIMAGE & 0xF800_0000

    @property
    def kernel_file(self) -> str:
        """Which of the kernel's files shows it."""
        return "Image" if self.finding.unpacked else "zImage"

    def qemu_arguments(self, kernel: str, dtb: str) -> list[str]:
        """QEMU's arguments, the kernel's file and a blob given by name."""
        words = ["-M", "virt", "-cpu", "cortex-a15", "-m", self.ram]
        for index, word in enumerate(_COPY if self.finding.unpacked else _JUMP):
            if word:
                words += ["-device", f"loader,addr={_STUB + 4 * index:#x},data={word:#x},data-len=4"]
        words += ["-device", f"loader,file={dtb},addr={self.dtb_address:#x},force-raw=on"]
        words += ["-device", f"loader,file={kernel},addr={_ZIMAGE:#x},force-raw=on"]
        return [*words, "-device", f"loader,addr={_STUB:#x},cpu-num=0"]

    def reproduce(self, kernel: Path, timeout: float = 60.0) -> Reproduction:
        """Boot the board with ``kernel`` under QEMU, until it comes up, repeats an exception, or has had its time.

        These boards have neither clocks nor an interrupt controller: no console but earlycon ever speaks, so that the
        kernel's log is looked for in memory.

        Raises:
            MissingInputError: there is no such file.
            ToolMissingError: QEMU is not installed.
            MachineError: QEMU refuses.
        """
        for file in (kernel, self.dtb):
            if not file.is_file():
                raise MissingInputError(f"{file}: no such file")
        # QEMU reads a comma in a name as the end of it; two stand for one.
        arguments = self.qemu_arguments(*(str(file).replace(",", ",,") for file in (kernel, self.dtb)))
        with RunningMachine(arguments, trace_exceptions=True) as machine:
            found = _BOOTARGS.search(self.source)
            line = _CAME_UP + (found[1].encode() if found is not None else b"")
            console = self.finding.alive.encode() or _CAME_UP
            line = self.finding.alive.encode() or line
            deadline = time.monotonic() + timeout
            while True:
                try:
                    machine.run_until_console(console, timeout=min(_LOOK, timeout))
                    return Reproduction(True, (), machine.console())
                except HangError as error:
                    if _logged(machine, line):
                        return Reproduction(True, (), machine.console())
                    if error.exceptions or time.monotonic() > deadline:
                        return Reproduction(False, error.exceptions, machine.console())


def _logged(machine: RunningMachine, line: bytes) -> bool:
    """Whether the kernel's log has ``line``, which its image has not."""
    return any(line in machine.memory.read(start, _LOG.step) for start in _LOG)


def kernel_findings() -> tuple[FindingRecord, ...]:
    """All maps that kill kernels, the faults of the newest kernels first."""
    booted = json.loads((FOLDER / "booted.json").read_text())
    return tuple(_record(finding, booted[finding.name]) for finding in KERNEL_FINDINGS)


def _record(finding: KernelFinding, row: dict[str, object]) -> FindingRecord:
    boots = row["boots"]
    assert isinstance(boots, dict)
    return FindingRecord(
        finding=finding,
        source=(FOLDER / f"{finding.name}.dts").read_text(),
        dtb=FOLDER / f"{finding.name}.dtb",
        boots=tuple(
            BootOfFinding(
                kernel=BOOTED_KERNELS[key],
                came_back="returned" in outcome,
                exception=_exception(outcome),
            )
            for key, outcome in boots.items()
        ),
        dtb_address=int(str(row["dtb_at"]), 16),
        phys_offset=int(str(row["phys_offset"]), 16),
        ram=str(row.get("ram", "2G")),
    )


def _exception(outcome: dict[str, str]) -> str:
    found = outcome.get("first_exception", outcome.get("dies_later", "none"))
    return "" if found == "none" else found
