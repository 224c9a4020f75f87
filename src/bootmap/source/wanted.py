"""What is asked of a source of page tables beside its name: a stage, an architecture, registers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from bootmap.errors import UsageError
from bootmap.facts.arm.regs import TTBCR_EAE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bootmap.mmu.regs import Regs

_LONG_ARCH = "lpae"


class Wanted(Struct, frozen=True):
    """What is asked of a source beside its name.

    Attributes:
        stage: the stage of a prediction or recording, None for the usual one.
        arch: one of ``ARCH_NAMES``, None where it is to be found out.
        registers: values by the lower-case names of ``REGISTERS``, those that were given.
        options: arguments of `Kernel.load` and `Board.load`.
    """

    stage: str | None = None
    arch: str | None = None
    registers: Mapping[str, int] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    def on(self, regs: Regs) -> Regs:
        """``regs`` with those that were given in their place.

        Raises:
            UsageError: a value does not fit in its register.
        """
        changes: dict[str, Any] = dict(self.registers)
        if self.arch is not None:
            changes["arch"] = "v7lpae" if self.arch == _LONG_ARCH else self.arch
        if self.arch == _LONG_ARCH and "ttbcr" not in changes:
            changes["ttbcr"] = regs.ttbcr | TTBCR_EAE
        try:
            return replace(regs, **changes)
        except ValueError as error:
            raise UsageError(f"the registers do not fit together: {error}") from None
