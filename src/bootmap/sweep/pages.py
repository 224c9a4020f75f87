"""Pages of boards, for the page of a sweep to open: what `bootmap explore` writes, a file a row."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import quote

import bootmap
from bootmap.errors import BootmapError
from bootmap.output import write_file
from bootmap.sweep.measure import boards_of, prepared, row_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bootmap.sweep.run import Sweep

    Place = tuple[str, str, str]


def write_pages(
    sweep: Sweep, wanted: set[Place], folder: str, told: Callable[[str], None] | None = None
) -> dict[Place, str]:
    """Write the page of each row; where it can be drawn, its address relative to the folder above ``folder``.

    Args:
        sweep: what was swept.
        wanted: rows by trees, board and kernel.
        folder: where the pages go; it is made.
        told: is called with the board's name as each page is there.

    Raises:
        InputError: a page cannot be written.
    """
    found = {}
    for place, page in _pages(sweep, wanted):
        name = "/".join(filter(None, place)).replace("..", "_") + ".html"
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write_file(path, page.encode())
        found[place] = quote(f"{os.path.basename(folder)}/{name}")
        if told is not None:
            told(place[1])
    return found


def _pages(sweep: Sweep, wanted: set[Place]) -> Iterator[tuple[Place, str]]:
    files = {(trees, board.partition(":")[0], kernel) for trees, board, kernel in wanted}
    for task in sweep.tasks():
        if (task.trees, task.board, task.kernel) not in files:
            continue
        try:
            for board in boards_of(task):
                place = task.trees, row_name(task, board), task.kernel
                if place in wanted:
                    board, _ = prepared(board, sweep.settings)
                    prediction = bootmap.predict(sweep.kernels[task.kernel].of(board), board)
                    yield place, bootmap.explore_page(bootmap.explore_prediction(prediction, place[1]))
        except BootmapError:
            continue  # the row says why
