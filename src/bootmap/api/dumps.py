"""Dumps and oopses: what can be asked without a board."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bootmap.analysis.locate.locate import search
from bootmap.analysis.oops.expected import expected
from bootmap.analysis.oops.oops import judge
from bootmap.image.open import open_image
from bootmap.inputs.oops_log import read_oopses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bootmap.analysis.locate.located import Search
    from bootmap.analysis.oops.expected import Expected
    from bootmap.analysis.oops.oops import OopsJudgement
    from bootmap.api.prediction import Prediction


class Found(NamedTuple):
    """What a search of a dump gives.

    Attributes:
        kind: what the dump is: raw, ELF core or LiME.
        search: the kernels that were found, best first.
        problems: what is wrong with the dump, a sentence each.
    """

    kind: str
    search: Search
    problems: Sequence[str]


def locate(*dump: str) -> Found:
    """Find the page tables in a dump of which nothing is known.

    Args:
        dump: FILE or FILE@ADDRESS; several make one image.

    Raises:
        ImageError: it cannot be read.
    """
    with open_image(*dump) as image:
        return Found(image.kind, search(image.memory, base_known=image.base_known), tuple(image.memory.problems))


def oopses(
    log: str, *, arch: str | None = None, prediction: Prediction | None = None
) -> list[tuple[OopsJudgement, Expected | None]]:
    """What each oops of a log says of the page tables, beside what ``prediction`` has at its address.

    Args:
        log: the file, ``-`` for standard input.
        arch: version of the architecture, where the log does not tell.
        prediction: the board, None for the log alone.

    Raises:
        InputError: the file cannot be read or holds no oops.
    """
    judged = [judge(oops, "v7lpae" if arch == "lpae" else arch) for oops in read_oopses(log)]
    return [(one, expected(prediction.replay, one) if prediction is not None else None) for one in judged]
