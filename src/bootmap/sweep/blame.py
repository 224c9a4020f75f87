"""Which options of the configuration make a change: a bisection between two kernels.

The factors are every option in which the kernels differ, the version, and the symbols (the size of the image).  Of the
new kernel's factors those are sought of which none can be left out: put on the old kernel, they make the change.

Source of the search: Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002 (ddmin).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from bootmap.shown import Shown
from bootmap.sweep.changes import LEAST, Weight, changes_of
from bootmap.sweep.compare import BOTH, KERNEL
from bootmap.sweep.measure import SweepSettings, Task, measure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bootmap import Kernel
    from bootmap.sweep.compare import SweepComparison
    from bootmap.sweep.kernels import SweepKernel
    from bootmap.sweep.row import Row
    from bootmap.sweep.run import Sweep

_VERSION, _SYMBOLS = "the version", "the image's size and layout (System.map)"
_MOST = 2000
"""Predictions that a search may take."""


class Blame(Shown, Struct, frozen=True):
    """What makes a change on a board.

    Attributes:
        board: the board.
        text: the change.
        factors: what of the new kernel it takes; () where nothing was found.
        note: what else is to be known.
        predictions: boots that were predicted.
    """

    board: str
    text: str
    factors: tuple[str, ...]
    note: str
    predictions: int


class _TooLongError(Exception):
    """The search takes more predictions than it may."""


def blame(task: Task, board: str, text: str, old: SweepKernel, new: SweepKernel, settings: SweepSettings) -> Blame:
    """What of kernel ``new`` makes the change ``text`` on a board.

    Args:
        task: the board's file.
        board: the row's name; of a FIT one configuration.
        text: the change, as :func:`changes_of` words it.
        old: the old kernel.
        new: the new kernel.
        settings: what held for the sweep.
    """
    if old.kernel is None or new.kernel is None:
        return Blame(board, text, (), "the kernels are typical ones that differ from board to board: name one", 0)
    search = _Search(task, board, text, old, old.kernel, new.kernel, settings)
    try:
        found = search.smallest()
    except _TooLongError:
        return Blame(board, text, (), f"nothing was found in {_MOST} predictions", search.count)
    if found is None:
        return Blame(board, text, (), "the kernel alone does not make it: the tree has a part in it", search.count)
    note = f"{search.count} predictions over {len(search.factors)} differences"
    return Blame(board, text, tuple(search.words(name) for name in found), note, search.count)


class _Search:
    def __init__(
        self, task: Task, board: str, text: str, named: SweepKernel, old: Kernel, new: Kernel, settings: SweepSettings
    ) -> None:
        self.task, self.board, self.text = task, board, text
        self.named, self.old, self.new, self.settings = named, old, new, settings
        differing = [
            name for name in sorted({*old.config, *new.config}) if old.config.get(name) != new.config.get(name)
        ]
        self.factors = [_VERSION, _SYMBOLS, *differing]
        self.count = 0
        self.known: dict[frozenset[str], bool] = {}
        self.before = self._row(old)

    def smallest(self) -> list[str] | None:
        """The factors of which none can be left out; None where all together do not make the change."""
        if self.before is None or not self.makes(self.factors):
            return None
        left, parts = list(self.factors), 2
        while len(left) > 1:
            size = -(-len(left) // parts)
            pieces = [left[at : at + size] for at in range(0, len(left), size)]
            smaller = next((piece for piece in pieces if self.makes(piece)), None)
            if smaller is not None:
                left, parts = smaller, 2
                continue
            rests = ([name for name in left if name not in piece] for piece in pieces)
            rest = next((each for each in rests if len(pieces) > 2 and self.makes(each)), None)
            if rest is not None:
                left, parts = rest, max(parts - 1, 2)
            elif parts >= len(left):
                break
            else:
                parts = min(2 * parts, len(left))
        return left

    def makes(self, names: Sequence[str]) -> bool:
        """Whether the old kernel with these factors of the new one makes the change."""
        key = frozenset(names)
        if key not in self.known:
            row = self._row(self._mixed(key))
            assert self.before is not None
            changes = changes_of(self.before, row, LEAST) if row is not None else []
            self.known[key] = any(change.text == self.text for change in changes)
        return self.known[key]

    def _mixed(self, names: frozenset[str]) -> Kernel:
        options = {name: self.new.config.get(name) for name in names - {_VERSION, _SYMBOLS}}
        kernel = replace(self.old, config=self.old.config.changed(options))
        if _VERSION in names:
            kernel = replace(kernel, version=self.new.version, sublevel=self.new.sublevel)
        if _SYMBOLS in names:
            kernel = replace(kernel, symbols=self.new.symbols)
        return kernel

    def _row(self, kernel: Kernel) -> Row | None:
        if self.count >= _MOST:
            raise _TooLongError
        self.count += 1
        rows = measure(self.task, replace(self.named, kernel=kernel), self.settings)
        return next((row for row in rows if row.board == self.board), None)

    def words(self, name: str) -> str:
        """A factor as people read it."""
        if name == _VERSION:
            return f"Linux {self.old.release} -> {self.new.release}"
        if name == _SYMBOLS:
            return name
        values = [config.get(name) for config in (self.old.config, self.new.config)]
        return f"CONFIG_{name} " + " -> ".join("not set" if value is None else value for value in values)


def blames(sweep: Sweep, comparison: SweepComparison, most: int) -> list[Blame]:
    """What makes the worst changes that are due to the kernel: one board of each group is looked at.

    Args:
        sweep: what was swept.
        comparison: what changed.
        most: groups.
    """
    old, new = (sweep.kernels[side.kernel] for side in (comparison.old, comparison.new))
    groups = [group for group in comparison.groups if group.weight is Weight.WORSE and group.due in (KERNEL, BOTH)]
    found = []
    for group in groups[:most]:
        row = group.boards[0].old
        task = next(task for task in sweep.tasks() if task.trees == row.trees and task.key == row.key)
        found.append(blame(task, row.board, group.text, old, new, sweep.settings))
    return found
