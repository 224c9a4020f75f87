"""Rows as a folder of Parquet parts, which the workers of a cluster write themselves where they share the folder.

A worker writes a batch's rows under a name that no reader looks at; that they count is for the sweep alone to say, by
giving the part its name once the batch has come back.  So a part is whole or not there, and a batch that a lost worker
had written already, or writes when another one has done its work, does not count twice.
"""

from __future__ import annotations

import contextlib
import io
import os
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from bootmap.errors import InputError
from bootmap.output import write_file
from bootmap.sweep.row import TRIED_AGAIN, parse_row
from bootmap.sweep.store import arrow, write_parquet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bootmap.sweep.row import Done, Row

_ENDING = ".parquet"
_GROUP = 1024
"""Rows of a part that the sweep writes itself."""


class PartsPlace(Struct, frozen=True):
    """Where the workers of one sweep put their parts.

    Attributes:
        folder: the folder, under the same path for all.
        run: name of the sweep's run; a file of that name, with a dot before it, is in the folder that it means.
    """

    folder: str
    run: str

    def write(self, rows: Sequence[Row]) -> str:
        """Write a part that does not count yet; its name, "" where this is not the sweep's folder or has no room."""
        if not os.path.exists(os.path.join(self.folder, f".{self.run}")):
            return ""
        name = f".{self.run}.{os.urandom(12).hex()}"
        path = os.path.join(self.folder, name)
        try:
            write_parquet(path, rows)
        except (InputError, MemoryError):
            with contextlib.suppress(OSError):
                os.unlink(path)
            return ""
        return name


class PartFolder:
    """A folder of parts that rows are added to: what `RowFile` is for a file.

    Args:
        path: the folder; made where it is missing.
        again: go on with the parts in it; else there may be none.

    Attributes:
        done: (trees, kernel, key) of each task whose rows are in it already.
        torn: 0: no part is torn.
        place: where workers write.

    Raises:
        InputError: it cannot be written, holds parts already, or something that is no part.
        ToolMissingError: pyarrow is not installed.
    """

    torn = 0

    def __init__(self, path: str, *, again: bool) -> None:
        arrow()
        self.path = path
        self.done: set[tuple[str, str, str]] = set()
        self.place = PartsPlace(os.path.abspath(path), f"sweep-{os.urandom(6).hex()}")
        self._waiting: list[Row] = []
        self._taken: set[str] = set()
        try:
            os.makedirs(path, exist_ok=True)
            there = self._parts()
            if there and not again:
                raise InputError("holds parts already; go on with --resume, or name another folder", file=path)
            for name in os.listdir(path):
                if name.startswith(".sweep-"):  # of a run that was interrupted
                    os.unlink(os.path.join(path, name))
            write_file(os.path.join(path, f".{self.place.run}"), b"")
        except OSError as error:
            raise InputError(f"cannot be written: {error.strerror}", file=path) from None
        self._filter(lambda _, status: status not in TRIED_AGAIN)

    def keep_only(self, wanted: set[tuple[str, str, str]]) -> None:
        """Drop rows of tasks that are not ``wanted`` any more: of boards that have changed or gone."""
        if not self.done <= wanted:
            self._filter(lambda place, _: place in wanted)

    def add(self, found: Done) -> None:
        """Add what came of a task: rows that a worker has written already, or sent back.

        Raises:
            InputError: see `take` and `append`.
        """
        if found.part:
            self.take(found.part)
        else:
            self.append(found.lines)

    def append(self, lines: bytes) -> None:
        """Add rows, which make parts of their own.

        Raises:
            InputError: the disk is full, for one.
        """
        self._waiting += map(parse_row, lines.splitlines())
        if len(self._waiting) >= _GROUP:
            self._flush()

    def take(self, name: str) -> None:
        """Let a part count that a worker has written.

        Raises:
            InputError: it is not there.
        """
        if name in self._taken:
            return
        self._taken.add(name)
        try:
            os.rename(
                os.path.join(self.path, name), os.path.join(self.path, f"part-{name.rpartition('.')[2]}{_ENDING}")
            )
        except OSError as error:
            reason = f"{error.strerror}; go on with --resume"
            raise InputError(f"a part that a worker wrote cannot be taken: {reason}", file=self.path) from None

    def close(self) -> None:
        """Write what still waits, and take away what does not count."""
        try:
            self._flush()
        finally:
            for name in os.listdir(self.path):
                if name.startswith(f".{self.place.run}"):
                    with contextlib.suppress(OSError):
                        os.unlink(os.path.join(self.path, name))

    def _flush(self) -> None:
        rows, self._waiting = self._waiting, []
        if rows:
            name = self.place.write(rows)
            if not name:
                raise InputError("cannot be written: no part can be made in it", file=self.path)
            self.take(name)

    def _parts(self) -> list[str]:
        names = sorted(name for name in os.listdir(self.path) if name.endswith(_ENDING) and name[0] not in "._")
        return [os.path.join(self.path, name) for name in names]

    def _filter(self, wanted: Callable[[tuple[str, str, str], str], bool]) -> None:
        """Keep the rows that are wanted, and note them as done: a part without any goes, one with some is replaced."""
        pyarrow, parquet = arrow()
        self.done = set()
        for path in self._parts():
            try:
                columns = parquet.read_table(path, columns=["trees", "kernel", "key", "status"]).to_pydict()
                places = list(zip(columns["trees"], columns["kernel"], columns["key"], strict=True))
                keep = [wanted(*row) for row in zip(places, columns["status"], strict=True)]
                if not all(keep):
                    self._replace(path, parquet.read_table(path).filter(pyarrow.array(keep)))
            except (OSError, KeyError, pyarrow.ArrowException) as error:
                raise InputError(f"is no Parquet file of rows: {error}", file=path) from None
            self.done.update(place for place, kept in zip(places, keep, strict=True) if kept)

    @staticmethod
    def _replace(path: str, table: Any) -> None:
        if not table.num_rows:
            os.unlink(path)
            return
        _, parquet = arrow()
        data = io.BytesIO()
        parquet.write_table(table, data, compression="zstd")
        write_file(path, data.getvalue())
