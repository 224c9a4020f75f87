"""The prediction that fits a log best, among those that the log leaves open.

Not here: how one of them is made (``predict``), or how a line is judged (``check``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from bootmap.bootlog.banks import cut_at
from bootmap.bootlog.check import checker_of
from bootmap.bootlog.judgement import Judgement
from bootmap.bootlog.predict import predict_from_log, repredict
from bootmap.errors import BootmapError
from bootmap.units import GIB, MIB

if TYPE_CHECKING:
    from bootmap.bootlog.given import Given
    from bootmap.bootlog.log import Log
    from bootmap.bootlog.predict import FromLog


_VMALLOC_GAP = 8 * MIB
"""Between lowmem and the vmalloc area (asm/pgtable.h VMALLOC_OFFSET)."""


def best_prediction(log: Log, given: Given | None = None) -> FromLog:
    """The board of a log, with the largest block of the buddy allocator that its CMA area fits.

    Raises:
        BootmapError: see :func:`bootmap.bootlog.predict.predict_from_log`.
    """
    areas = log.all("cma", "cma_failed")[-1:]

    def fits(found: FromLog) -> bool:
        checker = checker_of(found.replay, {}, log, found.basis)
        return all(checker.judge(said).verdict in (Judgement.MATCHED, Judgement.INPUT) for said in areas)

    return _with_vmalloc(predict_from_log(log, given, fits), log)


def lowmem_end(log: Log) -> int | None:
    """Physical address at which the kernel cuts RAM off, None where it does not say so."""
    return min((cut_at(said) for said in log.all("truncating", "ignoring")), default=None)


def _with_vmalloc(found: FromLog, log: Log) -> FromLog:
    """The same with the vmalloc= with which lowmem ends where the log says, where the log shows no command line."""
    end, state = lowmem_end(log), found.replay.state
    if end is None or found.given.board is not None or found.given.cmdline is not None:
        return found
    if found.board.identity.cmdline_known or not found.board.phys_known or state.vars.arm_lowmem_limit == end:
        return found
    checker = checker_of(found.replay, {}, log, found.basis)
    rows = log.all("truncating", "ignoring")
    if not any(checker.judge(said).verdict is Judgement.CONTRADICTED for said in rows):
        return found
    room = state.kernel.vmalloc_end - state.kernel.page_offset - (end - found.board.phys_offset)
    sizes = [room - _VMALLOC_GAP, room] if room % MIB == 0 else []
    for size in sizes:
        if not 0 < size < GIB:
            continue
        option = f"vmalloc={size // MIB}M"
        text = (
            f"{option} is on the command line, which the log does not show: so lowmem ends where line {_line(log)} says"
        )
        board = replace(found.board, assumptions=(*found.board.assumptions, text))
        try:
            again = repredict(replace(found, board=board), log, cmdline=option)
        except BootmapError:
            continue
        if again.replay.state.vars.arm_lowmem_limit == end:
            return again
    return found


def _line(log: Log) -> int:
    return min(said.line for said in log.all("truncating", "ignoring"))
