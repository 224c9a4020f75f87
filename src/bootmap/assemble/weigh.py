"""A verdict that hangs on a guess is none: predict again with what else may be, and say which value decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from bootmap.boot.decompressor.phys_offset import AUTO_GRANULE, memory_ranges
from bootmap.boot.trace import Outcome, Verdict
from bootmap.units import MIB, align_down, align_up, hex_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bootmap.assemble.board import Board
    from bootmap.assumptions import Assumption
    from bootmap.boot.sequence import Replay

_OLD_GRANULE = 16 * MIB
_LPAE_CORE = "cortex-a15"
"""Where an unknown ARMv7 core was taken for one without long descriptors."""
_OF_THE_CPU = ("cpu-not-supported", "cpu-without-armv7", "cpu-without-lpae")
"""What ends the boot wherever RAM begins and whatever lies in it."""


class _Trial(Struct, frozen=True):
    """Another value for something that was guessed, and the board that has it."""

    assumption: Assumption
    option: str
    value: int | str
    board: Board


def weigh(board: Board, first: Replay, predict: Callable[[Board], Replay]) -> Replay:
    """The same prediction, UNCERTAIN where it fails only by a value that was guessed, or lives only by one.

    Args:
        board: the board as it was given.
        first: its prediction.
        predict: predicts another board.
    """
    if first.outcome.all_well:
        from bootmap.assemble.survive import survive

        return survive(board, first, predict)
    for trial in _trials(board, first):
        if predict(trial.board).outcome.all_well:
            return replace(first, outcome=_uncertain(first.outcome, trial))
    return first


def _uncertain(outcome: Outcome, trial: _Trial) -> Outcome:
    what = "it dies" if outcome.verdict is Verdict.DIES else "it boots without its initrd"
    if outcome.verdict is Verdict.UNCERTAIN:
        what = "it may die"
    value = hex_address(trial.value) if isinstance(trial.value, int) else trial.value
    reason = (
        f"a guess decides: {trial.assumption.text}. Then {what}: {outcome.reason}. With {trial.option} {value} it "
        f"boots. Give {trial.option}"
    )
    return Outcome(Verdict.UNCERTAIN, outcome.stage, reason)


def _trials(board: Board, first: Replay) -> Iterator[_Trial]:
    """What else may be, the likeliest first."""
    of_cpu = any(hazard.fatal and hazard.id in _OF_THE_CPU for hazard in first.hazards)
    for assumption in first.state.assumptions:
        told = board.phys_offset is not None or board.load_addr is not None
        if of_cpu and assumption.option != "--cpu":
            continue
        if assumption.option == "--phys-offset" and not told and isinstance(assumption.value, int):
            for value in _other_offsets(first, assumption.value):
                yield _Trial(assumption, "--phys-offset", value, board.replace(phys_offset=value))
        elif assumption.option == "--dtb-addr" and board.dtb_addr is None and isinstance(assumption.value, int):
            for value in _other_places(first, assumption.value):
                yield _Trial(assumption, "--dtb-addr", value, board.replace(dtb_addr=value))
        elif assumption.option == "--cpu" and any(hazard.id == "cpu-without-lpae" for hazard in first.hazards):
            yield _Trial(assumption, "--cpu", _LPAE_CORE, board.replace(cpu=_LPAE_CORE))


def _other_offsets(first: Replay, taken: int) -> list[int]:
    """The start of RAM, and that of its 128 MiB, as far as they were not taken."""
    banks = memory_ranges(first.state.handover.board)
    if not banks or first.state.kernel.config.disabled("ARM_PATCH_PHYS_VIRT"):
        return []
    start = min(first for first, _ in banks)
    found = (align_up(start, _OLD_GRANULE), align_down(start, AUTO_GRANULE))
    return [value for value in dict.fromkeys(found) if value != taken]


def _other_places(first: Replay, taken: int) -> list[int]:
    """Where else a boot loader may put a device tree: what the hazards name, else a few usual places."""
    named = [place for hazard in first.hazards if hazard.subject == "dtb" for place in hazard.places]
    found = [align_up(place.start, MIB) for place in named[:1]]
    offset, limit = first.state.handover.phys_offset, first.state.vars.arm_lowmem_limit
    found += [offset + size * MIB for size in (32, 64, 128)]
    if limit > offset + 2 * MIB:
        found.append(limit - 2 * MIB)
    return [value for value in dict.fromkeys(found) if value != taken]
