"""Everything that is known of one boot when its causes are looked for: lines, faults, prediction.

Not here: the causes.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from bootmap.bootlog.findings import Reason
from bootmap.units import hex_address

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bootmap.boot.trace import Hazard
    from bootmap.bootlog.capture import Boot
    from bootmap.bootlog.findings import LogFinding
    from bootmap.bootlog.log import Log, Said
    from bootmap.bootlog.predict import FromLog
    from bootmap.bootlog.progress import BootProgress
    from bootmap.inputs.oops_log import Oops


class Checked(NamedTuple):
    """A finding of a check, and the hazard of the boot behind it, None for none."""

    finding: LogFinding
    hazard: Hazard | None


class LogCase(Struct, frozen=True, dict=True):
    """One boot.

    Attributes:
        boot: its lines.
        log: its messages that bear on memory.
        progress: how far it came.
        oopses: the faults that were printed.
        found: the prediction; None where none could be made.
        checked: what the rules of `check` find for a board that is given whole, each with the hazard behind it; None
            where it is not.
    """

    boot: Boot
    log: Log
    progress: BootProgress
    oopses: tuple[Oops, ...]
    found: FromLog | None
    checked: tuple[Checked, ...] | None = None

    def lines(self) -> Sequence[tuple[int, str]]:
        """Numbers and texts of the lines that say anything."""
        return self._lines

    @cached_property
    def _lines(self) -> tuple[tuple[int, str], ...]:
        return tuple(
            (number, line.text.strip()) for number, line in enumerate(self.boot.lines, self.boot.first) if line.text
        )

    @cached_property
    def stamped(self) -> frozenset[int]:
        """Numbers of the lines before which printk's clock stood: they begin a message."""
        return frozenset(number for number, line in enumerate(self.boot.lines, self.boot.first) if line.stamped)

    @property
    def page_offset(self) -> int | None:
        """PAGE_OFFSET, None where nothing could be predicted."""
        return self.found.replay.state.kernel.page_offset if self.found else None

    def kernel_at(self) -> Said | None:
        """The line that says where the boot loader starts the kernel.

        bootz names the place outright; a header does, where its address is one: 0 leaves it open.
        """
        named = self.log.all("kernel_at") or [said for said in self.log.all("load") if said.number("start")]
        return named[0] if named else None

    @property
    def kernel_start(self) -> int:
        """Where the boot loader starts the kernel; 0 where it does not say."""
        said = self.kernel_at()
        return said.number("start") if said is not None else 0

    def where_tree(self) -> list[Reason]:
        """The line that says where the boot loader put the device tree."""
        said = self.log.first("dtb") or self.log.first("blob")
        if said is None or not said.number("start"):
            return []
        return [Reason(said.line, f"the boot loader put the device tree at {hex_address(said.number('start'))}")]

    def where_ram(self) -> list[Reason]:
        """The line that says most of where the kernel's RAM begins."""
        if self.found is None or self.found.board.phys.value is None:
            return []
        weighed = self.found.board.phys
        value = hex_address(self.found.replay.state.handover.phys_offset)
        loads = [each for each in weighed.witnesses if each.line and "runs at" in each.text]
        best = loads[0] if loads else weighed.best
        if best is None:
            return []
        return [Reason(best.line, f"{best.text.split(':')[0]}, so PHYS_OFFSET is {value}")]
