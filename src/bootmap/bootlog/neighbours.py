"""Rules of neighbouring versions: what a vendor took over, or left out, shows in lines that do not fit.

    line 38 fits if fixmap_table_always (3.19) was taken: --feature fixmap_table_always=on

Each rule that the prediction asked for and that changed within a few releases of this version is turned over, by
itself, and kept where lines fit that did not and none is lost.

Not here: how a line is judged (``check``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.bootlog.check import check_log
from bootmap.bootlog.judgement import Judgement
from bootmap.bootlog.predict import areas_of, repredict
from bootmap.errors import BootmapError
from bootmap.facts.features.table import ROWS_BY_NAME
from bootmap.units import GIB, MIB, PAGE_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bootmap.bootlog.judgement import Judged
    from bootmap.bootlog.log import Log
    from bootmap.bootlog.predict import FromLog
    from bootmap.facts.features.feature import Version

_MOST = 48
_NEAR = 12
"""Releases before and after: vendors take patches of a few years."""
_MAJORS = {3: 20, 4: 21, 5: 20, 6: 20}
"""Major version -> its minor releases, to count across."""


def neighbours(log: Log, found: FromLog, judged: Iterable[Judged]) -> list[str]:
    """What rules of other versions would make fit, a sentence each; [] where everything fits."""
    wrong = {row.line for row in judged if row.verdict is Judgement.CONTRADICTED}
    if not wrong:
        return []
    told = _with_vmalloc(log, found, wrong)
    for name, on, release in list(_candidates(found))[:_MOST]:
        try:
            again = repredict(found, log, features={**found.given.features, name: on})
            left = check_log(again.replay, areas_of(again.replay), log, again.basis)
        except (BootmapError, LookupError, ValueError, AssertionError):  # rules that do not go together
            continue
        still = {row.line for row in left if row.verdict is Judgement.CONTRADICTED}
        fits = sorted(wrong - still)
        if fits and not still - wrong:
            lines = f"line {fits[0]} fits" if len(fits) == 1 else f"lines {', '.join(map(str, fits))} fit"
            word = "taken" if on else "left out"
            told.append(f"{lines} if {name} ({release}) was {word}: --feature {name}={'on' if on else 'off'}")
    return told


def _with_vmalloc(log: Log, found: FromLog, wrong: set[int]) -> list[str]:
    """What vmalloc= would make fit, where the log does not show the command line: lowmem's size tells it."""
    identity = found.board.identity
    pages = sum(s.number("pages") for s in log.all("memmap", "zone_pages") if s.word("name") != "HighMem")
    high = any(said.word("name") == "HighMem" for said in log.all("memmap", "zone_pages"))
    kernel = found.replay.state.kernel
    room = kernel.vmalloc_end - kernel.page_offset - pages * PAGE_SIZE
    if identity.cmdline_known or not high or not 0 < room < GIB or room % MIB:
        return []
    option = f"vmalloc={room // MIB}M"
    try:
        again = repredict(found, log, cmdline=option)
        left = check_log(again.replay, areas_of(again.replay), log, again.basis)
    except BootmapError:
        return []
    still = {row.line for row in left if row.verdict is Judgement.CONTRADICTED}
    fits = sorted(wrong - still)
    if not fits or still - wrong:
        return []
    lines = f"line {fits[0]} fits" if len(fits) == 1 else f"lines {', '.join(map(str, fits))} fit"
    return [f"{lines} with {option}, which the command line that the log does not show may have (--cmdline)"]


def _candidates(found: FromLog) -> Iterator[tuple[str, bool, str]]:
    """Rules whose version is near this kernel's: name, what it is turned to, the release that changed it."""
    kernel = found.replay.state.kernel
    here = _number(kernel.version)
    rows = []
    for rule in list(kernel.rules.values()):
        if rule.because != "version":
            continue
        for row in ROWS_BY_NAME[rule.feature]:
            edges = [edge for edge in (row.since, row.until) if edge is not None]
            near = [edge for edge in edges if abs(_number(edge) - here) <= _NEAR]
            if near and kernel.configured(row.kconfig):
                distance = min(abs(_number(edge) - here) for edge in near)
                rows.append((distance, rule.feature, not rule.on, ".".join(map(str, near[0]))))
    return ((name, on, release) for _, name, on, release in sorted(set(rows)))


def _number(version: Version) -> int:
    """Releases since 2.6.38."""
    if version[0] == 2:
        return (version[2] if len(version) > 2 else 38) - 38
    number = 2
    for major in range(3, version[0]):
        number += _MAJORS.get(major, 20)
    return number + version[1]
