"""One board with one kernel becomes one row.  A pure function of its task, and it never raises."""

from __future__ import annotations

import hashlib
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

from msgspec import Struct

import bootmap
from bootmap.errors import BootmapError, InputError, MissingInputError, UnsupportedError
from bootmap.sweep.row import FindingRow, Row, Status, ZoneRow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bootmap import Board, CheckResult, Prediction
    from bootmap.sweep.kernels import SweepKernel
    from bootmap.sweep.memory import MemoryRules
    from bootmap.units import Span

_PAGE = 4096
_LONGEST = 2000
"""Characters of an error or a reason that a row keeps."""
_SEVERITIES = {"NOTE": "info", "WARNING": "warning", "ERROR": "error"}
_SIZE_MASK = (1 << 64) - 1


class SweepSettings(Struct, frozen=True):
    """What holds for every board of a sweep.

    Attributes:
        memory: RAM for trees that have none.
        cmdline: the command line in place of each tree's.
    """

    memory: MemoryRules
    cmdline: str | None = None


class Task(Struct, frozen=True):
    """A board and what is known of it before anything is worked out.

    Attributes:
        key: see `Row`.
        board: its name.
        trees: the set of trees it is from.
        path: its file.
        data: the file's bytes where it is a device tree blob; None where it must be opened by its path.
        tree_hash: SHA-256 of the file.
        kernel: the kernel's name.
    """

    key: str
    board: str
    trees: str
    path: str
    data: bytes | None
    tree_hash: str
    kernel: str


def measure(
    task: Task, kernel: SweepKernel, settings: SweepSettings, boards_read: SweptBoards | None = None
) -> list[Row]:
    """The rows of a file: one, or one for each configuration of a FIT.

    Args:
        task: the file.
        kernel: the kernel.
        settings: of the sweep.
        boards_read: who has read the file already, where somebody keeps it for the next kernel.
    """
    begun = time.perf_counter()
    try:
        boards = (boards_read or SweptBoards()).of(task, settings)
    except BootmapError as error:
        return [_row(task, kernel, begun, _refusal(error))]
    rows = []
    for swept in boards:
        columns: dict[str, Any] = {"board": swept.name}
        try:
            columns |= swept.columns
            columns |= _answer(swept, kernel)
        except BootmapError as error:
            columns |= _refusal(error)
        rows.append(_row(task, kernel, begun, columns))
    return rows


class SweptBoards:
    """The boards of one file, kept while its tasks come: one a kernel, one after the other."""

    def __init__(self) -> None:
        self._of: tuple[str, str] | None = None
        self._boards: list[SweptBoard] = []

    def of(self, task: Task, settings: SweepSettings) -> list[SweptBoard]:
        """The boards of the task's file.

        Raises:
            BootmapError: it cannot be read.
        """
        wanted = task.path, task.tree_hash
        if self._of != wanted:
            self._of = None
            self._boards = [SweptBoard(row_name(task, board), board, settings) for board in boards_of(task)]
            self._of = wanted
        return self._boards


class SweptBoard:
    """A board as the sweep predicts it, whatever the kernel.

    Attributes:
        name: the row's name.
        given: the board as its file has it.
    """

    def __init__(self, name: str, board: Board, settings: SweepSettings) -> None:
        self.name, self.given, self._settings = name, board, settings

    @property
    def columns(self) -> dict[str, Any]:
        """What a row says of the board itself."""
        return {"model": " ".join(_text(self.given, "model")[:1]), "compatible": _text(self.given, "compatible")}

    @cached_property
    def prepared(self) -> tuple[Board, Span | None, int]:
        """The board with what the sweep adds to it, the bank of RAM that it was given, and the bytes of RAM it has.

        Raises:
            BootmapError: it cannot have that RAM.
        """
        board, bank = prepared(self.given, self._settings)
        declared = board.declared_ram if bank is None else [bank]
        return board, bank, sum(each.size for each in declared)


def _row(task: Task, kernel: SweepKernel, begun: float, columns: dict[str, Any]) -> Row:
    seconds = round(time.perf_counter() - begun, 6)
    return Row(**{**_blank(task, kernel), **columns, "seconds": seconds})


def _blank(task: Task, kernel: SweepKernel) -> dict[str, Any]:
    """What a row says of its task."""
    return {
        "key": task.key,
        "board": task.board,
        "trees": task.trees,
        "kernel": kernel.name,
        "release": kernel.kernel.release if kernel.kernel is not None else kernel.version or "",
        "tree_hash": task.tree_hash,
        "kernel_hash": kernel.hash,
    }


def failed_row(task: Task, kernel: SweepKernel, status: Status, error: str) -> Row:
    """The row of a board that something outside of the prediction went wrong with."""
    return Row(**_blank(task, kernel), status=status, error=error[:_LONGEST])


def _refusal(error: BootmapError) -> dict[str, Any]:
    status = Status.MALFORMED
    if isinstance(error, UnsupportedError):
        status = Status.UNSUPPORTED
    elif isinstance(error, MissingInputError):
        status = Status.MISSING
    elif not isinstance(error, InputError):
        status = Status.UNSUPPORTED
    return {"status": status, "error": str(error)[:_LONGEST]}


def boards_of(task: Task) -> Iterable[Board]:
    """The boards of a file: one, or one for each configuration of a FIT.

    Raises:
        BootmapError: it cannot be read.
    """
    if task.data is not None:
        board = bootmap.Board.parse(task.data, task.board)
        root = getattr(board.description, "root", None)
        if root is None or root.child("images") is None or root.child("configurations") is None:
            return [board]
    return [board for _, board in bootmap.load_boards(task.path)]


def row_name(task: Task, board: Board) -> str:
    """The row's name; of a FIT with the configuration, which `load_boards` puts behind the file's name."""
    _, colon, configuration = board.name.rpartition(":")
    return f"{task.board}:{configuration}" if task.data is None and colon else task.board


def _text(board: Board, name: str) -> tuple[str, ...]:
    root = getattr(board.description, "root", None)
    prop = root.get(name) if root is not None else None
    return tuple(prop.value.rstrip(b"\0").decode("latin-1").split("\0")) if prop is not None and prop.value else ()


def _answer(swept: SweptBoard, kernel: SweepKernel) -> dict[str, Any]:
    """The columns of a board that has an answer."""
    board, bank, ram = swept.prepared
    result = bootmap.check(kernel.of(board), board, prove=False)
    assert result.case is not None
    prediction = bootmap.Prediction(result.case.kernel, result.case.board, result.case.replay)
    outcome = result.outcome
    hazard = next((each for each in prediction.hazards if each.message == outcome.reason), None)
    return {
        "ram_given": f"{bank.start:#x},{bank.size:#x}" if bank is not None else "",
        "status": Status.ANSWERED,
        "release": result.release,
        "verdict": outcome.verdict.name,
        "without_initrd": outcome.without_initrd,
        "stage": outcome.stage,
        "reason": outcome.reason[:_LONGEST] if outcome.reason else None,
        "cause": hazard.id if hazard is not None else None,
        "cpu": result.cpu.name,
        "smp": prediction.replay.state.smp,
        "phys_offset": prediction.replay.state.handover.phys_offset,
        "ram": ram,
        "findings": _findings(result),
        "assumptions": tuple(map(str, result.assumptions)),
        **_memory(prediction, result),
    }


def prepared(board: Board, settings: SweepSettings) -> tuple[Board, Span | None]:
    """The board as the sweep predicts it, and the bank of RAM that it was given; None where its tree has RAM."""
    if settings.cmdline is not None:
        board = board.replace(cmdline=settings.cmdline)
    names = _text(board, "compatible")
    if board.declared_ram or not names:
        return board, None
    bank = settings.memory.bank(names, board.ram_start)
    return (board.with_memory([bank]), bank) if bank is not None else (board, None)


def _findings(result: CheckResult) -> tuple[FindingRow, ...]:
    counts: dict[tuple[str, str], int] = {}
    for found in result.findings:
        kind = found.id, _SEVERITIES[found.severity.name]
        counts[kind] = counts.get(kind, 0) + 1
    return tuple(FindingRow(rule, severity, count) for (rule, severity), count in sorted(counts.items()))


def _memory(prediction: Prediction, result: CheckResult) -> dict[str, Any]:
    """The columns about memory, at the last stage up to the end of paging_init."""
    stage, state = prediction.last, prediction.replay.state
    regions = stage.memblock.memory.regions
    found: dict[str, Any] = {
        "nomap": sum(size for _, size, flags in regions if flags & _NOMAP),
        "lost": sum(row.end - row.start for row in prediction.lost),
        "zones": tuple(
            ZoneRow(zone.name, zone.start_pfn * _PAGE, zone.end_pfn * _PAGE, zone.managed * _PAGE)
            for zone in prediction.zones
        ),
        "memblock_hash": _hash(repr((regions, stage.memblock.reserved.regions)).encode()),
    }
    if prediction.zones:
        found["free"] = sum(zone.managed for zone in prediction.zones if zone.name in _LOWMEM_ZONES) * _PAGE
    area = state.default_cma
    found["cma_base"], found["cma_size"] = (area.base, area.size) if area is not None else (None, 0)
    if result.budget is not None:
        budget = result.budget
        found |= {"lowmem": budget.lowmem, "highmem": budget.highmem, "taken": dict(budget.items)}
    cost = prediction.overview.tables
    if cost is not None:
        found |= {"table_bytes": cost.bytes, "sections": cost.sections}
        pages = prediction.replay.table_bytes_at(stage.snapshot)
        found["tables_hash"] = _hash(*(page.to_bytes(8, "big") + pages[page] for page in sorted(pages)))
    return found


_LOWMEM_ZONES = ("DMA", "Normal")
_NOMAP = 4
"""MEMBLOCK_NOMAP (include/linux/memblock.h)."""


def _hash(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()
