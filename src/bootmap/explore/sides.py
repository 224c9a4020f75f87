"""From what a user names to a side of the page: a board is predicted, anything else is opened and read."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import bootmap
from bootmap.explore.document import side_of
from bootmap.explore.image_document import ImageFacts, ImageMoment, image_side
from bootmap.source.open import is_board

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bootmap.api.prediction import Prediction
    from bootmap.explore.journal import JournalSide
    from bootmap.source.tables import Tables

_ONLY = "image"
"""The name of the one moment of a dump."""


def prediction_side(prediction: Prediction, name: str | None = None) -> JournalSide:
    """A prediction as a side, with what `check` finds; ``name`` in place of the board's file name."""
    checked = bootmap.check(prediction.kernel, prediction.board)
    return side_of(prediction.replay, name or base_name(prediction.board.name), checked=checked)


def opened_side(*words: str, **arguments: Any) -> JournalSide:
    """A board, dump, recording or running machine as a side.

    Args:
        words: as for :func:`bootmap.open`; a board also as source, a folder such as /proc/device-tree or a FIT image,
            and without any kernel: a typical one is taken then.
        arguments: those of :func:`bootmap.open`, and the options of boards; ``stage`` is left to the page.

    Raises:
        BootmapError: something cannot be read, is missing, or does not fit together.
    """
    given = {name: value for name, value in arguments.items() if value not in (None, (), {}) and name != "stage"}
    if len(words) == 1 and _is_board(words[0]) and not {"arch", "registers"} & given.keys():
        kernel, board = bootmap.load(words[0], typical=True, **given)
        checked = bootmap.check(kernel, board)
        assert checked.case is not None  # only a result that was made small has none
        return side_of(checked.case.replay, base_name(words[0]), checked=checked)
    return _tables_side(words, given)


def _is_board(word: str) -> bool:
    """Whether a word names a board: what `bootmap.open` takes for one, source, or a folder."""
    return is_board(word) or word.endswith(".dts") or os.path.isdir(word)


def _tables_side(words: Sequence[str], given: dict[str, Any]) -> JournalSide:
    with ExitStack() as stack:
        tables = stack.enter_context(bootmap.open(*words, **given))
        name = ", ".join(map(base_name, tables.name.split(",")))
        if tables.replay is not None:
            return side_of(tables.replay, name, tables.regs)
        states = tables.image.states if tables.image is not None else ()
        opened = [(state, stack.enter_context(bootmap.open(*words, **given, stage=state))) for state in states]
        moments = _moments(tables, words, opened or [(_ONLY, tables)])
        facts = ImageFacts(
            version=tables.version,
            cpu=tables.image.kernel.cpu if tables.image is not None else None,
            page_offset=tables.page_offset,
            phys_offset=tables.phys_offset,
            high_memory=tables.high_memory,
            symbols=tables.symbols,
        )
        return image_side(name, tables.kind, tables.regs, moments, facts, tables.assumptions)


def _moments(tables: Tables, words: Sequence[str], opened: Sequence[tuple[str, Tables]]) -> list[ImageMoment]:
    """Each moment with its memory; a recording's with memblock's lists."""
    if tables.kind != "recording":
        return [ImageMoment(state, each.memory) for state, each in opened]
    from msgspec import UNSET

    from bootmap.image.recording import MOMENTS, read_recording

    recording = read_recording(words[0])
    found = []
    for name in MOMENTS:
        memory = next((each.memory for state, each in opened if state == name), None)
        if memory is None:
            continue
        memblock = recording.moment(name).memblock
        if memblock is UNSET:
            found.append(ImageMoment(name, memory))
        else:
            lists = memblock.memory.regions, memblock.reserved.regions
            found.append(ImageMoment(name, memory, *lists, memblock.current_limit))
    return found


def base_name(word: str) -> str:
    """A file without its folders, which are nobody else's business; anything else as it is."""
    return os.path.basename(word.rstrip(os.sep)) if os.sep in word else word
