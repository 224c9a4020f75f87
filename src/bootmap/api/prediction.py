"""A prediction as users hold it: the outcome, the hazards, any stage, and why an address is what it is."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.assemble.handover import replay
from bootmap.shown import Shown
from bootmap.units import mem_range, size_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bootmap.analysis.explain import PhysicalFacts
    from bootmap.analysis.overview import Overview
    from bootmap.analysis.translation import Translation
    from bootmap.assemble.board import Board
    from bootmap.assemble.kernel import Kernel
    from bootmap.assumptions import Alternative, Assumption
    from bootmap.boot.kernel import Rule
    from bootmap.boot.memblock import Memblock
    from bootmap.boot.records import LostRam, MemTypeTable, Variables, Zone
    from bootmap.boot.sequence import Replay, Snapshot
    from bootmap.boot.trace import Hazard, Outcome
    from bootmap.source.tables import Tables

_VA_END = 1 << 32


def predict(kernel: Kernel, board: Board) -> Prediction:
    """Replay the boot of ``kernel`` on ``board``: a pure function of the two.

    Raises:
        MissingInputError: something is not given and cannot be assumed; the message names the option.
        InputError: the board's description is malformed where the kernel reads it.
        UnsupportedError: something is not modelled.

    >>> predict(kernel, board)
    <Prediction BOOTS: Linux 6.1.176 on boards/imx6q-sabrelite.dtb, cortex-a9>
    """
    return Prediction(kernel, board, replay(kernel, board))


class Stage(Struct, frozen=True, dict=True):
    """The state right after a kernel function.

    Attributes:
        prediction: the boot.
        snapshot: the state.
    """

    prediction: Prediction
    snapshot: Snapshot

    @property
    def name(self) -> str:
        """The kernel function."""
        return self.snapshot.name

    @property
    def memblock(self) -> Memblock:
        """Memblock then: ``.memory.regions`` and ``.reserved.regions`` are lists of (base, bytes, flags)."""
        return self.snapshot.memblock

    @property
    def vars(self) -> Variables:
        """Kernel variables by their names, addresses in bytes."""
        return self.snapshot.vars

    @cached_property
    def tables(self) -> Tables:
        """The page tables then."""
        from bootmap.source.tables import predicted_tables

        return predicted_tables(self.prediction.board.name, self.prediction.replay, self.snapshot)

    def __repr__(self) -> str:
        memory, reserved = self.memblock.memory.regions, self.memblock.reserved.regions
        return f"<Stage {self.name}: memory {len(memory)} regions, reserved {len(reserved)}>"


class Explanation(Shown, Struct, frozen=True):
    """Why an address is what it is.

    Attributes:
        address: the address that was asked about.
        physical: what is known of it as a physical address; None where it is none.
        virtual: the walk of it as a virtual address; None where it is none.
        target: what is known of the physical address that the virtual one maps to.
    """

    address: int
    physical: PhysicalFacts | None
    virtual: Translation | None
    target: PhysicalFacts | None


class Prediction(Struct, frozen=True, dict=True):
    """Everything that is known of one boot.

    Attributes:
        kernel: the kernel.
        board: the board.
        replay: the whole boot, as the inner rooms know it.
    """

    kernel: Kernel
    board: Board
    replay: Replay

    @property
    def outcome(self) -> Outcome:
        """``verdict`` (BOOTS, DIES or UNCERTAIN), and where it is not BOOTS the ``stage`` and the ``reason``."""
        return self.replay.outcome

    @property
    def hazards(self) -> Sequence[Hazard]:
        """What breaks, or might."""
        return self.replay.hazards

    @property
    def assumptions(self) -> Sequence[Assumption]:
        """What was taken for what was not given, each with its option and its value."""
        return self.replay.state.assumptions

    @property
    def alternatives(self) -> Sequence[Alternative]:
        """Where a value was guessed, other values that may well be, and what would come of them."""
        return self.replay.alternatives

    def otherwise(self, other: Alternative) -> Prediction:
        """The prediction with the other value of something that was guessed."""
        attribute = other.option.removeprefix("--").replace("-", "_")
        return predict(self.kernel, self.board.replace(**{attribute: other.value}))

    @property
    def rules(self) -> Sequence[Rule]:
        """Every feature of the kernel that was asked for, with the answer and its source."""
        return list(self.replay.state.kernel.rules.values())

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages in the order in which the boot passed them; a function that runs twice is there twice."""
        return tuple(Stage(self, snapshot) for snapshot in self.replay.stages)

    def __getitem__(self, name: str) -> Stage:
        """The stage after the last run of a kernel function.

        Raises:
            UsageError: there is no such stage.
            KeyError: the boot does not come so far.

        >>> prediction["map_lowmem"]
        <Stage map_lowmem: memory 1 regions, reserved 4>
        """
        from bootmap.source.open import check_stage

        check_stage(name)
        snapshot = self.replay.stage(name)
        if snapshot is None:
            end = f"it ends in {self.outcome.stage}: {self.outcome.reason}"
            raise KeyError(f"the boot does not come so far as {name}: {end}")
        return Stage(self, snapshot)

    def __contains__(self, name: object) -> bool:
        return any(snapshot.name == name for snapshot in self.replay.stages)

    @property
    def last(self) -> Stage:
        """The latest stage up to the end of paging_init that the boot reached."""
        return Stage(self, self.replay.usual_stage)

    @cached_property
    def overview(self) -> Overview:
        """Who has which memory, the kernel's virtual layout, what the tables cost, at `last`."""
        from bootmap.analysis.overview import Overview

        return Overview(self.replay)

    @property
    def lost(self) -> Sequence[LostRam]:
        """RAM that was declared and is not used, and why."""
        return self.overview.lost

    @property
    def zones(self) -> Sequence[Zone]:
        """The page allocator's zones, in pfn."""
        return self.replay.state.zones

    @property
    def mem_types(self) -> MemTypeTable | None:
        """The memory types as build_mem_type_table left them; None where the boot ends before."""
        return self.replay.state.mem_types

    @property
    def hardware_words(self) -> dict[str, int]:
        """By memory type, the attributes of the word that the hardware gets for its prot_pte."""
        from bootmap.analysis.overview import hardware_words

        return hardware_words(self.replay)

    def explain(self, address: int, kinds: str = "pa va", stage: str | None = None) -> Explanation:
        """Why ``address`` is what it is.

        Args:
            address: it is looked at as physical where the board has RAM there, and as virtual where the kernel's half
                begins there.
            kinds: ``pa`` or ``va`` to ask for one of the two only.
            stage: the stage; `last` where not given.

        Raises:
            UsageError: there is no such stage.
            KeyError: the boot does not come so far.
        """
        from bootmap.analysis.explain import explain_physical, explain_virtual

        snapshot = self.last.snapshot if stage is None else self[stage].snapshot
        facts = explain_physical(self.replay, address, snapshot)
        known = facts.kind != "not RAM to the kernel" or facts.lost or facts.operations
        physical = facts if "pa" in kinds and (known or kinds == "pa") else None
        of_kernel = kinds == "va" or address >= self.replay.state.kernel.task_size or not known
        if "va" not in kinds or address >= _VA_END or not of_kernel:
            return Explanation(address, physical, None, None)
        virtual = explain_virtual(self.replay, address, snapshot)
        mapped = virtual.physical
        target = explain_physical(self.replay, mapped, snapshot) if mapped is not None else None
        return Explanation(address, physical, virtual, target)

    def __repr__(self) -> str:
        state = self.replay.state
        who = f"Linux {self.kernel.release} on {self.board.name}, {state.handover.cpu.name}"
        where = f" in {self.outcome.stage}" if self.outcome.stage is not None else ""
        return f"<Prediction {self.outcome.headline}{where}: {who}>"

    def _repr_html_(self) -> str:
        """The verdict and the memory map as a small table, for notebooks."""
        from html import escape

        rows = [
            (mem_range(row.start, row.end), size_text(row.end - row.start), row.kind) for row in self.overview.memory
        ]
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
        reason = f"<p>{escape(self.outcome.reason)}</p>" if self.outcome.reason else ""
        return f"<p><b>{escape(repr(self)[1:-1])}</b></p>{reason}<table>{body}</table>"
