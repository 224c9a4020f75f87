"""soft_restart: how a kernel leaves itself for the one that kexec has loaded, and whether it comes that far.

setup_mm_for_reboot turns TTBR0 to the identity map, and __soft_restart branches to cpu_reset there.  With
CONFIG_CPU_TTBR0_PAN the kernel runs with TTBCR.EPD0 = 1 and T0SZ = 7 while it lets nobody at user memory, and before
7.1 setup_mm_for_reboot leaves that so.  Where the CPU then looks up an address:

    0x00000000-0x01ffffff   TTBR0   not walked (EPD0): a translation fault of level 1
    0x02000000-0xffffffff   TTBR1   swapper_pg_dir, the kernel's own map, and nothing below it: one of level 2

Only where PHYS_OFFSET is PAGE_OFFSET does swapper_pg_dir map cpu_reset at its physical address.

Source: arch/arm/kernel/reboot.c ``__soft_restart``, arch/arm/mm/idmap.c ``setup_mm_for_reboot``,
arch/arm/include/asm/uaccess-asm.h ``uaccess_disable``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.shown import Shown
from bootmap.units import GIB, MIB, Span

if TYPE_CHECKING:
    from bootmap.boot.kernel import KernelModel
    from bootmap.boot.state import BootState

RESTART_FEATURE = "restart_keeps_ttbr0_off"
_LONG_STATUS = 1 << 9
_TRANSLATION = 0b000100
_TTBR0_REACH = 32 * MIB


class RestartFault(Shown, Struct, frozen=True):
    """A kernel that dies on its way to the next one.

    Attributes:
        idmap: where the code lies that it branches to, cpu_reset in it.
        status: IFSR of the prefetch abort.
    """

    idmap: Span
    status: int

    @property
    def stage(self) -> str:
        """The kernel's function."""
        return "soft_restart"

    @property
    def reason(self) -> str:
        """What happens, without the stage."""
        return (
            f"CONFIG_CPU_TTBR0_PAN keeps the CPU from walking TTBR0 (TTBCR.EPD0 = 1, T0SZ = 7), and nothing but TTBR0 "
            f"maps the identity map, {self.idmap}, to which __soft_restart branches: a prefetch abort (IFSR "
            f"{self.status:#x}), and the second kernel is not entered"
        )


def soft_restart(state: BootState) -> RestartFault | None:
    """What a kernel that has booted dies of when it is to start another one; None where it comes to that."""
    kernel = state.kernel
    if not kernel.has(RESTART_FEATURE):
        return None
    idmap = Span(state.pa(_idmap(kernel).start), state.pa(_idmap(kernel).end))
    if idmap.end > 4 * GIB or state.handover.phys_offset == kernel.page_offset:
        return None
    level = 1 if idmap.end <= _TTBR0_REACH else 2
    return RestartFault(idmap, _LONG_STATUS | _TRANSLATION | level)


def _idmap(kernel: KernelModel) -> Span:
    """The kernel's section .idmap.text; its whole image where the symbols do not tell."""
    if "__idmap_text_start" in kernel.symbols and "__idmap_text_end" in kernel.symbols:
        return Span(*kernel.symbols.require("__idmap_text_start", "__idmap_text_end"))
    return Span(kernel.image_start, kernel.image_end)
