"""Two sides of a sweep held against each other, board by board, and the changes grouped by cause.

Where the sweep has each set of trees with each kernel, a change of the tree is told apart from one of the kernel:

    old trees, old kernel  --kernel-->  old trees, new kernel  --tree-->  new trees, new kernel
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from bootmap.errors import UsageError
from bootmap.shown import Shown
from bootmap.sweep.changes import LEAST, Kind, RowChange, Weight, changes_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bootmap.sweep.row import Row

    Rows = Mapping[str, Row]

KERNEL, TREE, BOTH, EITHER = "kernel", "tree", "tree and kernel", "tree or kernel"


class SweepSide(Shown, Struct, frozen=True):
    """One side of a comparison: a set of trees with a kernel."""

    trees: str
    kernel: str

    def __str__(self) -> str:
        return f"{self.trees} with {self.kernel}" if self.trees else self.kernel


class BoardChange(Struct, frozen=True):
    """A board that changed.

    Attributes:
        board: its name.
        change: what changed.
        due: what it is due to: "kernel", "tree", both or either.
        old: its row on the old side.
        new: its row on the new side.
    """

    board: str
    change: RowChange
    due: str
    old: Row
    new: Row


class Group(Shown, Struct, frozen=True):
    """Boards that changed alike.

    Attributes:
        kind: what changed.
        weight: better, worse or neither.
        text: the change and its cause.
        due: what it is due to.
        boards: each of them, by name.
    """

    kind: Kind
    weight: Weight
    text: str
    due: str
    boards: tuple[BoardChange, ...]


class SweepComparison(Shown, Struct, frozen=True):
    """What changed between two sides.

    Attributes:
        old: the old side.
        new: the new side.
        releases: the kernels' versions.
        groups: the worst first.
        same: boards on both sides of which nothing changed that counts.
        boards: boards on both sides.
        gone: boards only the old side has.
        added: boards only the new side has.
        unanswered: boards without an answer on either side.
        given: boards that were given RAM on the new side.
    """

    old: SweepSide
    new: SweepSide
    releases: tuple[str, str]
    groups: tuple[Group, ...]
    same: int
    boards: int
    gone: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    unanswered: int = 0
    given: int = 0

    @property
    def worse(self) -> bool:
        """Whether anything got worse."""
        return any(group.weight is Weight.WORSE for group in self.groups)


class Cells(Struct):
    """Rows by side and board."""

    rows: dict[SweepSide, dict[str, Row]] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Cells:
        """Rows sorted into sides."""
        cells = cls()
        for row in rows:
            cells.rows.setdefault(SweepSide(row.trees, row.kernel), {})[row.board] = row
        return cells

    def only(self) -> SweepSide:
        """The side, where there is one.

        Raises:
            UsageError: there are several, or none.
        """
        if len(self.rows) != 1:
            sides = "; ".join(map(str, self.rows)) or "none"
            raise UsageError(f"one set of trees with one kernel was expected, found: {sides}")
        return next(iter(self.rows))


def compare(
    old: Rows, new: Rows, sides: tuple[SweepSide, SweepSide], between: Rows | None = None, least: int = LEAST
) -> SweepComparison:
    """What changed from ``old`` to ``new``.

    Args:
        old: rows of the old side by board.
        new: rows of the new side.
        sides: what they are.
        between: the old trees with the new kernel, to tell the tree's changes from the kernel's.
        least: see :func:`changes_of`.
    """
    grouped: dict[tuple[int, Kind, str, str], list[BoardChange]] = {}
    same = unanswered = 0
    shared = sorted(old.keys() & new.keys())
    for board in shared:
        before, after = old[board], new[board]
        unanswered += not (before.answered or after.answered)
        changes = changes_of(before, after, least)
        same += not changes and (before.answered or after.answered)
        middle = between.get(board) if between is not None else None
        for change in changes:
            due = _due(change, before, after, middle, least)
            key = -change.weight, change.kind, change.text, due
            grouped.setdefault(key, []).append(BoardChange(board, change, due, before, after))
    groups = [
        Group(kind, Weight(-weight), text, due, tuple(found)) for (weight, kind, text, due), found in grouped.items()
    ]
    groups.sort(
        key=lambda group: (
            -group.weight,
            group.kind,
            -max(each.change.amount for each in group.boards),
            -len(group.boards),
            group.text,
        )
    )
    releases = [next((row.release for row in rows.values()), "") for rows in (old, new)]
    return SweepComparison(
        *sides,
        releases=(releases[0], releases[1]),
        groups=tuple(groups),
        same=same,
        boards=len(shared),
        gone=tuple(sorted(old.keys() - new.keys())),
        added=tuple(sorted(new.keys() - old.keys())),
        unanswered=unanswered,
        given=sum(bool(new[board].ram_given) for board in shared),
    )


def _due(change: RowChange, old: Row, new: Row, middle: Row | None, least: int) -> str:
    """What the change is due to: seen from the old tree with the new kernel, else from what is the same."""
    if old.tree_hash == new.tree_hash:
        return KERNEL
    if old.kernel_hash == new.kernel_hash:
        return TREE
    if middle is None:
        return EITHER
    by_kernel = change.text in {each.text for each in changes_of(old, middle, least)}
    by_tree = change.text in {each.text for each in changes_of(middle, new, least)}
    if by_kernel != by_tree:
        return KERNEL if by_kernel else TREE
    return BOTH


def compare_rows(rows: Iterable[Row], old: SweepSide, new: SweepSide, least: int = LEAST) -> SweepComparison:
    """The comparison of two sides of one sweep.

    Raises:
        UsageError: the rows have no such side.
    """
    cells = Cells.of(rows)
    for side in (old, new):
        if side not in cells.rows:
            raise UsageError(f"the sweep has no rows of {side}; it has {'; '.join(map(str, cells.rows))}")
    between = cells.rows.get(SweepSide(old.trees, new.kernel)) if old.trees != new.trees else None
    return compare(cells.rows[old], cells.rows[new], (old, new), between, least)


def compare_files(old: Iterable[Row], new: Iterable[Row], least: int = LEAST) -> list[SweepComparison]:
    """The comparisons of two sweeps: of the one side of each, or of every kernel that both have.

    Raises:
        UsageError: they have several kernels, and none in common.
    """
    before, after = Cells.of(old), Cells.of(new)
    if len(before.rows) == len(after.rows) == 1:
        pairs = [(before.only(), after.only())]
    else:
        pairs = [
            (one, other)
            for one in before.rows
            for other in after.rows
            if one.kernel == other.kernel
            and (one.trees == other.trees or len({side.trees for side in before.rows}) == 1)
        ]
    if not pairs:
        names = [", ".join(sorted({side.kernel for side in cells.rows})) for cells in (before, after)]
        raise UsageError(f"the sweeps have no kernel in common: {names[0]} against {names[1]}")
    return [
        compare(
            before.rows[one],
            after.rows[other],
            (one, other),
            before.rows.get(SweepSide(one.trees, other.kernel)) or after.rows.get(SweepSide(one.trees, other.kernel)),
            least,
        )
        for one, other in pairs
    ]
