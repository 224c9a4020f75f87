"""tcm_init: tightly coupled memory is moved to its fixed place, and mapped there.

    0xfffe0000   ITCM        0xfffe8000   DTCM        0xffff0000   vectors

All in the page table that the vectors have already.  The CPU tells the kernel how much there is, no description of a
board does: the user knows.  What the kernel copies there is not modelled.

Source: arch/arm/kernel/tcm.c ``tcm_init``, ``setup_tcm_bank``; called by arch/arm/mm/mmu.c ``paging_init``, before 3.9
by arch/arm/kernel/setup.c ``setup_arch``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.boot.kernel import VECTORS_HIGH
from bootmap.boot.paging.mapping import iotable_init
from bootmap.boot.records import MapDesc
from bootmap.boot.trace import Origin
from bootmap.facts.arm.tcm import DTCM, ITCM, LARGEST_BANK
from bootmap.units import KIB, PAGE_SHIFT

if TYPE_CHECKING:
    from bootmap.boot.state import BootState
    from bootmap.facts.arm.tcm import TcmKind


def tcm_init(state: BootState) -> None:
    """Map what the CPU has: data, then instructions.

    Raises:
        KernelDied: no memory for the static vm, the memories overlap one another, or code is too large (before 3.2).
    """
    handover = state.handover
    if not handover.cpu.tcm:
        return
    if handover.dtcm is None and handover.itcm is None:
        text = f"this {handover.cpu.name} has no tightly coupled memory: the kernel maps what there is"
        state.assume(text, "--dtcm, --itcm")
    for kind, banks in ((DTCM, handover.dtcm or ()), (ITCM, handover.itcm or ())):
        if not _setup_banks(state, kind, banks):
            return
        if banks:
            _map(state, kind, sum(banks))


def _setup_banks(state: BootState, kind: TcmKind, banks: tuple[int, ...]) -> bool:
    """Move the banks one behind another; whether tcm_init goes on."""
    offset = kind.base
    for number, size in enumerate(banks):
        bank = f"{kind.name}{number}"
        if size > LARGEST_BANK:
            state.print(f"CPU: {bank} larger than 32k found")
            state.hazard(
                "tcm-refused", f"{bank} has {size // KIB} KiB, more than 32: tcm_init ends without mapping it or more"
            )
            return False
        state.print(f"CPU: moved {bank} {size // KIB}k to {offset:08x}, enabled")
        offset += size
    return True


def _map(state: BootState, kind: TcmKind, size: int) -> None:
    kernel = state.kernel
    first, last = (kernel.symbols.get(name) for name in kind.symbols)
    code = last - first if first is not None and last is not None else 0
    if code > size and kernel.has("tcm_checks_code"):
        state.print(
            f"CPU {kind.name}: {code} bytes of code compiled to {kind.name} but only {size} bytes of "
            f"{kind.name} present"
        )
        state.hazard("tcm-too-small", f"{code} bytes are linked to {kind.name}, which has {size}: it is not mapped")
        return
    origin = Origin("tcm_init", f"{kind.name}, {size // KIB} KiB", None, Origin("handover", kind.option))
    if kernel.has("iotable_allocates") and not kernel.has("tcm_in_paging_init"):
        state.hazard(
            "static-vm-lost",
            f"the static vm structure of {kind.name} is taken from memblock when bootmem has all memory already: what "
            f"lies there is given away once more, and vmalloc's list of areas is overwritten",
            address=kind.base,
        )
    if kind.base < VECTORS_HIGH < kind.base + size:
        state.hazard(
            "vectors-covered",
            f"{kind.name} has {size // KIB} KiB and is mapped over the vectors at {VECTORS_HIGH:#010x}: the first "
            f"exception finds none",
            address=VECTORS_HIGH,
        )
    iotable_init(state, [MapDesc(kind.base, kind.base >> PAGE_SHIFT, size, kind.type, kind.name, state.stage, origin)])
    if code > size:
        raise state.die(
            "tcm-too-small",
            f"{code} bytes are linked to {kind.name}, which has {size}: BUG_ON, before there are vectors",
            address=kind.base,
        )
