"""Rows in a file: JSON Lines that only ever grow by whole rows, and Parquet made of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import msgspec

from bootmap.errors import InputError, ToolMissingError
from bootmap.output import write_file
from bootmap.sweep.row import TRIED_AGAIN, Done, Row, parse_row, row_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LONGEST_LINE = 1 << 20
_GROUP = 1024
"""Rows of a row group."""


def read_rows(path: str) -> Iterator[Row]:
    """The rows of a file of JSON Lines or Parquet, or of a folder of Parquet parts.

    Raises:
        InputError: it cannot be read, or a line of it is no row.
    """
    if os.path.isdir(path) or path.endswith(".parquet"):
        yield from _parquet_rows(path)
        return
    try:
        with open(path, "rb") as stream:
            number = 0
            while line := stream.readline(_LONGEST_LINE):
                number += 1
                try:
                    yield parse_row(line)
                except InputError as error:
                    error.line = number
                    raise error.in_file(path) from None
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read: {getattr(error, 'strerror', None) or error}", file=path) from None


class RowFile:
    """A file that rows are appended to, each task's with one write.

    Args:
        path: the file.
        again: go on with what is in it; else it is begun anew.

    Attributes:
        done: (trees, kernel, key) of each task whose rows are in it already.
        torn: bytes of a row that an interruption left behind, and that were cut off.
        place: where workers write rows themselves: nowhere.

    Raises:
        InputError: it cannot be opened, or holds something that is no row.
    """

    place = None

    def __init__(self, path: str, *, again: bool) -> None:
        self.path = path
        self.done: set[tuple[str, str, str]] = set()
        self.torn = 0
        if again and os.path.exists(path):
            self._go_on()
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | (0 if again else os.O_TRUNC)
        try:
            self._file = os.open(path, flags, 0o666)
        except OSError as error:
            raise InputError(f"cannot be written: {error.strerror}", file=path) from None

    def _go_on(self) -> None:
        with open(self.path, "rb") as stream:
            data = stream.read()
        whole = data[: data.rfind(b"\n") + 1]
        self.torn = len(data) - len(whole)
        lines = whole.splitlines(keepends=True)
        rows = []
        for number, line in enumerate(lines, 1):
            try:
                rows.append(parse_row(line))
            except InputError as error:
                error.line = number
                raise error.in_file(self.path) from None
        last = rows[-1].key if rows and self.torn else None  # of a task with several rows, some may be missing
        kept = [n for n, row in enumerate(rows) if row.key != last and row.status not in TRIED_AGAIN]
        self.done = {(rows[n].trees, rows[n].kernel, rows[n].key) for n in kept}
        if len(kept) < len(rows) or self.torn:
            write_file(self.path, b"".join(lines[n] for n in kept))

    def keep_only(self, wanted: set[tuple[str, str, str]]) -> None:
        """Drop rows of tasks that are not ``wanted`` any more: of boards that have changed or gone."""
        if self.done <= wanted:
            return
        kept = [row for row in read_rows(self.path) if (row.trees, row.kernel, row.key) in wanted]
        os.close(self._file)
        write_file(self.path, b"".join(map(row_line, kept)))
        self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND)
        self.done &= wanted

    def add(self, found: Done) -> None:
        """Write what came of a task; see `append`."""
        self.append(found.lines)

    def append(self, lines: bytes) -> None:
        """Write lines in one piece.

        Raises:
            InputError: the disk is full, for one.
        """
        try:
            written = os.write(self._file, lines)
            while written < len(lines):
                written += os.write(self._file, lines[written:])
        except OSError as error:
            raise InputError(f"cannot be written: {error.strerror}", file=self.path) from None

    def close(self) -> None:
        """Let the file go."""
        os.close(self._file)


# -- Parquet -------------------------------------------------------------------------------------------------------


def write_parquet(path: str, rows: Iterable[Row]) -> int:
    """Write rows as Parquet; the number of them.

    Raises:
        ToolMissingError: pyarrow is not installed.
        InputError: the file cannot be written.
    """
    pyarrow, parquet = arrow()
    schema = arrow_schema()
    count = 0
    try:
        with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
            group: list[dict[str, Any]] = []
            for row in rows:
                group.append(_record(row))
                if len(group) == _GROUP:
                    writer.write_table(pyarrow.Table.from_pylist(group, schema))
                    count += len(group)
                    group.clear()
            writer.write_table(pyarrow.Table.from_pylist(group, schema))
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror or error}", file=path) from None
    return count + len(group)


def arrow_schema() -> Any:
    """The columns as pyarrow's schema: those of `Row`, ``taken`` as a map.

    Raises:
        ToolMissingError: pyarrow is not installed.
    """
    pa, _ = arrow()
    text, number, flag = pa.string(), pa.int64(), pa.bool_()
    zone = pa.struct([("name", text), ("start", number), ("end", number), ("managed", number)])
    finding = pa.struct([("rule", text), ("severity", text), ("count", number)])
    kinds = {
        "compatible": pa.list_(text),
        "assumptions": pa.list_(text),
        "zones": pa.list_(zone),
        "findings": pa.list_(finding),
        "taken": pa.map_(text, number),
        "seconds": pa.float64(),
        "smp": flag,
        "without_initrd": flag,
    }
    numbers = (
        "phys_offset",
        "ram",
        "lowmem",
        "highmem",
        "lost",
        "nomap",
        "free",
        "cma_base",
        "cma_size",
        "table_bytes",
        "sections",
    )
    kinds |= dict.fromkeys(numbers, number)
    return pa.schema([(name, kinds.get(name, text)) for name in Row.__struct_fields__])


def _record(row: Row) -> dict[str, Any]:
    record: dict[str, Any] = msgspec.to_builtins(row)
    record["taken"] = list(row.taken.items())
    return record


def _parquet_rows(path: str) -> Iterator[Row]:
    arrow()
    from pyarrow import ArrowException, dataset

    try:
        for batch in dataset.dataset(path, format="parquet").to_batches():
            for record in batch.to_pylist():
                record["taken"] = dict(record["taken"])
                yield msgspec.convert(record, Row)
    except (OSError, ArrowException, msgspec.ValidationError) as error:
        raise InputError(f"is no Parquet file of rows: {error}", file=path) from None


def arrow() -> tuple[Any, Any]:
    """The modules pyarrow and pyarrow.parquet.

    Raises:
        ToolMissingError: pyarrow is not installed.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise ToolMissingError("Parquet needs pyarrow; install it with: pip install 'bootmap[sweep]'") from None
    return pyarrow, parquet
