"""The exceptions that a CPU took, from QEMU's log ``-d int``: what a kernel that dies in silence died of.

    Taking exception 3 [Prefetch Abort] on CPU 0
    ...from EL1 to EL1
    ...with ESR 0x21/0x86000005
    ...with IFSR 0x5 IFAR 0xc0240094

Source: QEMU target/arm/helper.c ``arm_log_exception`` and ``arm_cpu_do_interrupt_aarch32``.
Not here: what a fault status means (mmu has the encodings).
"""

from __future__ import annotations

import re
from typing import NamedTuple

_TAKEN = re.compile(
    r"^Taking exception (?P<number>\d+) \[(?P<name>[^\]]*)\](?: on CPU (?P<cpu>\d+))?(?P<more>(?:\n\.\.\.[^\n]*)*)",
    re.MULTILINE,
)
_FAULT = re.compile(r"with [ID]FSR 0x([0-9a-f]+) [ID]FAR 0x([0-9a-f]+)")


class TakenException(NamedTuple):
    """One exception.

    Attributes:
        name: as QEMU calls it: ``Undefined Instruction``, ``SVC``, ``Prefetch Abort``, ``Data Abort``, ``IRQ`` ...
        cpu: number of the CPU.
        status: fault status register of an abort (IFSR or DFSR), else None.
        address: fault address register of an abort (IFAR or DFAR), else None.
    """

    name: str
    cpu: int
    status: int | None
    address: int | None

    def __str__(self) -> str:
        if self.status is None or self.address is None:
            return self.name
        kind = "I" if self.name.startswith("Prefetch") else "D"
        return f"{self.name} {kind}FSR {self.status:#x} {kind}FAR {self.address:#x}"


def taken_exceptions(log: str, limit: int = 16) -> tuple[TakenException, ...]:
    """The first ``limit`` exceptions in QEMU's log; other lines are passed over."""
    found: list[TakenException] = []
    for match in _TAKEN.finditer(log):
        if len(found) == limit:
            break
        fault = _FAULT.search(match["more"])
        status, address = (int(fault[1], 16), int(fault[2], 16)) if fault else (None, None)
        found.append(TakenException(match["name"], int(match["cpu"] or 0), status, address))
    return tuple(found)
