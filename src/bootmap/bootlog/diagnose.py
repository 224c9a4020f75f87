"""A capture, diagnosed: each boot by itself.

    boot -> messages -> prediction -> faults, last words, what is predicted, silence -> the cause, the rest behind it

Nothing is refused: where the log does not tell enough for a prediction, what the lines say is said without one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bootmap.bootlog.case import Case
from bootmap.bootlog.check import check_log
from bootmap.bootlog.diagnosis import Diagnosis
from bootmap.bootlog.faults import fault_findings, function_of
from bootmap.bootlog.fit import best_prediction
from bootmap.bootlog.harmless import harmless
from bootmap.bootlog.judgement import Judgement, LogReport
from bootmap.bootlog.last_words import last_words
from bootmap.bootlog.log import messages_of
from bootmap.bootlog.plan import plan
from bootmap.bootlog.predict import areas_of
from bootmap.bootlog.predicted import own_areas, predicted_findings
from bootmap.bootlog.progress import Ending, progress_of
from bootmap.bootlog.silence import silence_finding
from bootmap.errors import BootmapError
from bootmap.inputs.oops_log import parse_oopses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bootmap.bootlog.capture import Boot
    from bootmap.bootlog.findings import Finding
    from bootmap.bootlog.given import Given
    from bootmap.bootlog.log import Log
    from bootmap.bootlog.predict import FromLog
    from bootmap.inputs.oops_log import Oops


def diagnose(boot: Boot, given: Given | None = None) -> Diagnosis:
    """What happened in ``boot``, why, and what to change.

    Args:
        boot: one boot of a capture.
        given: what the user knows of board and kernel.
    """
    case, refused = open_case(boot, given)
    found = _findings(case)
    report = _report(case)
    return Diagnosis(
        boot=boot.number,
        first=boot.first,
        title=_title(case),
        progress=case.progress,
        headline=_headline(case, found),
        findings=tuple(found),
        harmless=tuple(harmless(case.lines(), own_areas(case))),
        values=(case.found.board.phys,) if case.found else (),
        report=report,
        refused=refused,
        plan=tuple(plan(case))
        if case.progress.ending is Ending.LOADER or not case.progress.reached("unpacking")
        else (),
    )


def open_case(boot: Boot, given: Given | None = None) -> tuple[Case, str]:
    """Everything that is known of a boot, and why nothing could be predicted, "" where it could."""
    log = messages_of(boot)
    found: FromLog | None = None
    refused = ""
    try:
        found = best_prediction(log, given)
    except BootmapError as error:
        refused = str(error)
    return Case(boot, log, progress_of(boot), _oopses(boot), found), refused


def _oopses(boot: Boot) -> tuple[Oops, ...]:
    """The faults of a boot, with the numbers of lines that they have in the capture."""
    oopses = parse_oopses("\n".join(line.text for line in boot.lines))
    return tuple(replace(oops, line=oops.line + boot.first - 1) for oops in oopses)


def shown_by(boot: Boot, log: Log, found: FromLog | None) -> list[Finding]:
    """What the lines of a boot themselves show, for which a prediction may be made already."""
    case = Case(boot, log, progress_of(boot), _oopses(boot), found)
    return [*fault_findings(case), *last_words(list(case.lines()))]


def _findings(case: Case) -> list[Finding]:
    """The cause first: a fault, then the line with which the boot ended, then what is predicted, then silence."""
    faults = fault_findings(case)
    words = last_words(list(case.lines()))
    told = {finding.id for finding in [*faults, *words]}
    predicted = [finding for finding in predicted_findings(case) if finding.id not in told]
    fatal = [*faults, *(word for word in words if word.fatal)]
    if any(finding.id != "oops" for finding in faults):
        predicted = [finding for finding in predicted if not finding.fatal]
    silence = silence_finding(case) if not fatal else None
    deaths = [finding for finding in predicted if finding.fatal]
    rest = [*(word for word in words if not word.fatal), *(finding for finding in predicted if not finding.fatal)]
    if any(finding.id == "ram-lost" for finding in rest):
        rest = [finding for finding in rest if finding.id != "bank-cut"]
    if case.progress.ending in (Ending.RUNS, Ending.LOADER):
        return [*fatal, *rest]
    return [*fatal, *deaths, *([silence] if silence else []), *rest]


def _title(case: Case) -> str:
    model = case.log.first("model") or case.log.first("machine")
    banner = case.log.first("banner") or case.log.first("release")
    board = model.word("name") if model else next((o.hardware for o in case.oopses if o.hardware), None)
    version = banner.word("release") if banner else None
    if board is None and version is None:
        return "no kernel" if not case.progress.reached("started") else "a kernel"
    return ", ".join(filter(None, [board, f"Linux {version}" if version else ""]))


def _headline(case: Case, findings: Sequence[Finding]) -> str:
    """What happened, in one sentence."""
    progress = case.progress
    if progress.ending is Ending.LOADER:
        return "the capture ends before a kernel is started"
    if progress.last is None:
        return "no line of a boot"
    cause = next((finding for finding in findings if finding.fatal), None)
    lost = [finding for finding in findings if not finding.fatal]
    if cause is None and progress.ending is Ending.RUNS:
        what = f"boots; {lost[0].headline}" if lost else "boots"
    elif cause is None:
        what = f"ended after {progress.last.who}"
    elif cause.id == "silence" or cause.certain:
        what = cause.headline
    else:
        what = f"silent after {progress.last.who}, as predicted: it {cause.headline}"
    if progress.ending is Ending.OOPS and cause is None and case.oopses:
        what = f"faulted in {function_of(case.oopses[0]) or 'the kernel'}"
    return what


def _report(case: Case) -> LogReport | None:
    """The lines, judged."""
    found = case.found
    if found is None:
        return None
    replay = found.replay
    outcome = replay.outcome
    text = "" if outcome.all_well else f"{outcome.headline}: {outcome.stage}: {outcome.reason}"
    judged = check_log(replay, areas_of(replay), case.log, found.basis)
    return LogReport(judged, case.boot.total, text, [str(each) for each in replay.state.assumptions], replay.hazards)


def contradictions(diagnosis: Diagnosis) -> int:
    """How many lines the prediction contradicts."""
    return diagnosis.report.count(Judgement.CONTRADICTED) if diagnosis.report else 0
