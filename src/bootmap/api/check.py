"""What is wrong with a board before its first boot, what to change, and what has been left out of account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from bootmap.checks.case import CheckCase
from bootmap.checks.engine import CheckResult, check_boot
from bootmap.checks.proof import collect
from bootmap.errors import FdtError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bootmap.api.prediction import Prediction
    from bootmap.assemble.board import Board
    from bootmap.assemble.kernel import Kernel
    from bootmap.checks.finding import Finding


def check(
    kernel: Kernel | None,
    board: Board,
    *,
    select: Iterable[str] = (),
    ignore: Mapping[str, str] | Iterable[str] = (),
    baseline: Iterable[str] = (),
    prove: bool = True,
) -> CheckResult:
    """Predict the boot, let every rule look at it, and prove what each says to change by predicting again.

    Args:
        kernel: the kernel; None for a typical one, which is then one of the assumptions.
        board: the board.
        select: ids of the rules that count; all where none is given.
        ignore: ids of rules that do not count, as a mapping with the reasons.
        baseline: fingerprints of findings that are known already.
        prove: without it findings have no changes; about five times as fast.

    Raises:
        MissingInputError: something is not given and cannot be assumed.
        InputError: the board's description is malformed where the kernel reads it.
        UnsupportedError: something is not modelled.
        UsageError: there is no such rule.

    >>> check(kernel, board)
    <CheckResult BOOTS: 0 findings on boards/imx6q-sabrelite.dtb>
    """
    from bootmap.assemble.profiles import profile
    from bootmap.checks.settings import selected

    try:
        result = check_boot(kernel or profile(board), board, prove=prove)
    except FdtError as error:
        raise error.in_file(board.name) from None
    return replace(result, findings=selected(result.findings, select, ignore, baseline))


def findings_of(prediction: Prediction) -> Sequence[Finding]:
    """What the rules of `check` say of a prediction that is at hand, without any change proven."""
    case = CheckCase(prediction.kernel, prediction.board, prediction.replay)
    return tuple(replace(found, changes=()) for found in collect(case))
