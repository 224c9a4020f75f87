"""What every judge of a line needs: the prediction, what of it came from the log itself, and what is left to match.

Not here: what a line claims.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.bootlog.judgement import Claim, Judged, Judgement
from bootmap.units import PAGE_SHIFT, PAGE_SIZE, align_up

if TYPE_CHECKING:
    from collections.abc import Mapping, Set

    from bootmap.boot.kernel import KernelModel
    from bootmap.boot.records import Zone
    from bootmap.boot.sequence import Replay
    from bootmap.boot.state import BootState
    from bootmap.bootlog.log import Said
    from bootmap.units import Span


class Basis(Struct, frozen=True):
    """What a prediction that a log is held against was made of.

    Attributes:
        taken: values that the board took from the log.
        phys_known: whether physical addresses mean anything.
        from_log: whether the board was made from the log: then the machine's callbacks are not known.
        kernel_from_log: whether its configuration and symbols were.
    """

    taken: Set[str] = frozenset()
    phys_known: bool = True
    from_log: bool = False
    kernel_from_log: bool = False


@dataclass
class Context:
    """One log held against one prediction.

    Attributes:
        prediction: the prediction.
        areas: the virtual areas by name, as ``analysis.overview.virtual_layout`` gives them.
        basis: what it was made of.
        own_areas: lines of CMA areas that are the machine's own.
        cmdline_known: whether the log shows the command line, or the user gave it.
        uncountable: why pages cannot be counted; "" where they can.
    """

    prediction: Replay
    areas: Mapping[str, Span]
    basis: Basis = field(default_factory=Basis)
    own_areas: Set[int] = frozenset()
    cmdline_known: bool = True
    uncountable: str = ""

    def __post_init__(self) -> None:
        self.zones: dict[str, Zone] = {zone.name: zone for zone in self.state.zones}
        self.said_left = Counter(" ".join(line.split()) for line in self.state.dmesg)
        """Predicted lines that no line of the log was matched with yet."""
        self.banks_left = self.kept_banks()

    @property
    def state(self) -> BootState:
        """The last state of the prediction."""
        return self.prediction.state

    @property
    def kernel(self) -> KernelModel:
        """The kernel that was predicted."""
        return self.state.kernel

    def taken(self, name: str) -> bool:
        """Whether the value ``name`` came from the log."""
        return name in self.basis.taken

    def claim(self, name: str, log: int, ours: int | None, *, physical: bool = False, decimal: bool = False) -> Claim:
        """A claim; physical addresses are not predicted where RAM begins nobody knows where."""
        if physical and not self.basis.phys_known:
            ours = None
        return Claim(name, log, ours, self.taken(name), decimal)

    @property
    def where_ram(self) -> str:
        """Why physical addresses are not compared; "" where they are."""
        return "" if self.basis.phys_known else "the log does not say where RAM begins"

    @property
    def dma_unknown(self) -> bool:
        """Whether the log was made by a machine whose dma_zone_size only the log would tell."""
        return self.basis.from_log and "DMA" in self.zones and self.state.machine.machine is None

    def kept_banks(self) -> list[tuple[int, int]]:
        """Memory that stays, in whole pages, neighbours apart where their flags differ; PFN_UP() may wrap to 0."""
        rows, mask = self.state.memblock.memory.regions, self.state.phys_mask
        return [(align_up(b, PAGE_SIZE) & mask, (b + s) & -PAGE_SIZE) for b, s, _ in rows]

    def pages_of_banks(self) -> list[int]:
        """Pages of each region of memory."""
        return [(end - start) >> PAGE_SHIFT for start, end in self.kept_banks()]


def matched(said: Said, why: str = "") -> Judged:
    """The verdict on a line that is as predicted."""
    return Judged(said.line, said.kind, said.text, Judgement.MATCHED, why=why)


def told(said: Said) -> Judged:
    """The verdict on a line that told what the board is."""
    return Judged(said.line, said.kind, said.text, Judgement.INPUT)


def unmodelled(said: Said, why: str) -> Judged:
    """The verdict on a line of which nothing is predicted."""
    return Judged(said.line, said.kind, said.text, Judgement.UNMODELLED, why=why)


def contradicted(said: Said, log: str, ours: str) -> Judged:
    """The verdict on a line that is wrong as a whole."""
    return Judged(said.line, said.kind, said.text, Judgement.CONTRADICTED, log, ours)
