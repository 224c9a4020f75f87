"""From a board that fails to the smallest that still fails in the same way: take away, then round, until nothing goes.

Greedy, one change at a time, the big ones first; a change stays if the failure stays of its class.  The number of
trials is bounded, since each is a boot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from bootmap.units import MIB, align_down, align_up
from bootmap.verify.fuzz.boards import MadeRange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bootmap.verify.fuzz.boards import MadeBoard

_GRAINS = (256 * MIB, 64 * MIB, 16 * MIB, 4 * MIB, 2 * MIB, MIB, 1 << 16, 1 << 12)


def shrink(board: MadeBoard, fails: Callable[[MadeBoard], bool], *, trials: int = 250) -> MadeBoard:
    """The smallest board that was found for which ``fails`` still holds; ``board`` itself fails.

    Args:
        board: a failing board.
        fails: whether a board fails in the same way.
        trials: how many boards are tried at most.
    """
    left = trials
    progress = True
    while progress and left > 0:
        progress = False
        for smaller in _smaller(board):
            if left <= 0:
                break
            if smaller == board or not smaller.banks:
                continue
            left -= 1
            if fails(smaller):
                board = smaller
                progress = True
                break
    return board


def _smaller(board: MadeBoard) -> Iterator[MadeBoard]:
    """Boards a step simpler, the largest steps first."""
    for field in ("areas", "reservations", "cmdline", "banks"):
        values = getattr(board, field)
        if len(values) > 2:
            half = len(values) // 2
            yield _with(board, **{field: values[half:]})
            yield _with(board, **{field: values[:half]})
        for i in range(len(values)):
            yield _with(board, **{field: values[:i] + values[i + 1 :]})
    if board.initrd is not None:
        yield _with(board, initrd=None)
    if board.nodes:
        yield _with(board, nodes=False)
    if board.wide != 1 and all(bank.base + bank.size <= 0xFFFFFFFF for bank in board.banks):
        yield _with(board, wide=1)
    if board.cpu != "cortex-a15":
        yield _with(board, cpu="cortex-a15")
    if tuple(sorted(board.banks)) != board.banks:
        yield _with(board, banks=tuple(sorted(board.banks)))
    yield from _simpler_areas(board)
    yield from _rounded(board)


def _simpler_areas(board: MadeBoard) -> Iterator[MadeBoard]:
    for i, area in enumerate(board.areas):
        changes: list[dict[str, object]] = [
            {name: False} for name in ("no_map", "default", "reusable", "pool") if getattr(area, name)
        ]
        if area.alignment:
            changes.append({"alignment": 0})
        if area.ranges:
            changes.append({"ranges": ()})
        if len(area.reg) > 1:
            changes.append({"reg": area.reg[:1]})
        for change in changes:
            simpler = msgspec.structs.replace(area, **change)
            yield _with(board, areas=(*board.areas[:i], simpler, *board.areas[i + 1 :]))


def _rounded(board: MadeBoard) -> Iterator[MadeBoard]:
    for grain in _GRAINS:
        for i, bank in enumerate(board.banks):
            for rounded in _round(bank, grain):
                yield _with(board, banks=(*board.banks[:i], rounded, *board.banks[i + 1 :]))
        if board.dtb_at % grain:
            yield _with(board, dtb_at=align_down(board.dtb_at, grain))
            yield _with(board, dtb_at=align_up(board.dtb_at, grain))
        for i, area in enumerate(board.areas):
            if area.size % grain:
                bigger = msgspec.structs.replace(area, size=align_up(area.size, grain))
                yield _with(board, areas=(*board.areas[:i], bigger, *board.areas[i + 1 :]))
            for rounded in _round(area.reg[0], grain) if len(area.reg) == 1 else ():
                simpler = msgspec.structs.replace(area, reg=(rounded,), name=f"area{i}@{rounded.base:x}")
                yield _with(board, areas=(*board.areas[:i], simpler, *board.areas[i + 1 :]))
        for i, row in enumerate(board.reservations):
            for rounded in _round(row, grain):
                yield _with(board, reservations=(*board.reservations[:i], rounded, *board.reservations[i + 1 :]))


def _round(row: MadeRange, grain: int) -> Iterator[MadeRange]:
    if row.base % grain:
        yield MadeRange(align_down(row.base, grain), row.size)
    if row.size % grain:
        yield MadeRange(row.base, align_up(row.size, grain))
        if row.size > grain:
            yield MadeRange(row.base, align_down(row.size, grain))


def _with(board: MadeBoard, **changes: object) -> MadeBoard:
    return msgspec.structs.replace(board, **changes)
