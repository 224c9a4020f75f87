"""The prediction that fits a log best, among those that the log leaves open.

Not here: how one of them is made (``predict``), or how a line is judged (``check``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.bootlog.check import checker_of
from bootmap.bootlog.judgement import Judgement
from bootmap.bootlog.predict import predict_from_log

if TYPE_CHECKING:
    from bootmap.bootlog.given import Given
    from bootmap.bootlog.log import Log
    from bootmap.bootlog.predict import FromLog


def best_prediction(log: Log, given: Given | None = None) -> FromLog:
    """The board of a log, with the largest block of the buddy allocator that its CMA area fits.

    Raises:
        BootmapError: see :func:`bootmap.bootlog.predict.predict_from_log`.
    """
    areas = log.all("cma", "cma_failed")[-1:]

    def fits(found: FromLog) -> bool:
        checker = checker_of(found.replay, {}, log, found.basis)
        return all(checker.judge(said).verdict in (Judgement.MATCHED, Judgement.INPUT) for said in areas)

    return predict_from_log(log, given, fits)
