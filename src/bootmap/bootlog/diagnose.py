"""A capture, diagnosed: each boot by itself.

    boot -> messages -> prediction -> faults, last words, what is predicted, silence -> the cause, the rest behind it

Nothing is refused: where the log does not tell enough for a prediction, what the lines say is said without one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from bootmap.bootlog.alone import alone
from bootmap.bootlog.attempts import given_up, of_this_attempt
from bootmap.bootlog.board import loose_weights
from bootmap.bootlog.case import LogCase
from bootmap.bootlog.check import check_log
from bootmap.bootlog.diagnosis import Diagnosis
from bootmap.bootlog.exact import with_values
from bootmap.bootlog.faults import fault_findings, function_of
from bootmap.bootlog.findings import LogFinding, Reason
from bootmap.bootlog.fit import best_prediction
from bootmap.bootlog.given import Given
from bootmap.bootlog.handed_over import handover_findings, initrd_reasons
from bootmap.bootlog.harmless import harmless
from bootmap.bootlog.judgement import Judgement, LogReport
from bootmap.bootlog.last_words import last_words
from bootmap.bootlog.log import messages_of
from bootmap.bootlog.neighbours import neighbours
from bootmap.bootlog.plan import plan
from bootmap.bootlog.predict import areas_of, beside
from bootmap.bootlog.predicted import own_areas, predicted_findings
from bootmap.bootlog.progress import BootProgress, Ending, progress_of
from bootmap.bootlog.silence import silence_finding
from bootmap.bootlog.weights.used import worded
from bootmap.errors import BootmapError
from bootmap.inputs.oops_log import oopses_in

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bootmap.boot.sequence import Replay
    from bootmap.bootlog.capture import Boot
    from bootmap.bootlog.case import Checked
    from bootmap.bootlog.log import Log
    from bootmap.bootlog.predict import FromLog
    from bootmap.inputs.oops_log import Oops

    Whole = Callable[[Log], tuple[Replay, tuple[Checked, ...]]]

_INITRD_LOST = ("initrd-damaged", "initrd-no-memory", "initrd-in-use")
_SAME = {
    "below-phys-offset": "ram-below-phys-offset",
    "rmem-full": "reserved-memory-full",
    "initrd-in-use": "initrd-disabled",
    "initrd-no-memory": "initrd-disabled",
}
"""Last words -> the rule of `check`, or the hazard, that says the same with the board's numbers."""
_LOST_INITRD = ("initrd-disabled",)
_MISSED_WITHOUT_INITRD = ("no-root", "no-init")


def diagnose(boot: Boot, given: Given | None = None, whole: Whole | None = None) -> Diagnosis:
    """What happened in ``boot``, why, and what to change.

    Args:
        boot: one boot of a capture.
        given: what the user knows of board and kernel.
        whole: predicts, and checks, a board and a kernel that are given whole; None where they are not.
    """
    case, refused = open_case(boot, given, whole)
    found = _findings(case)
    report = _report(case)
    return Diagnosis(
        boot=boot.number,
        first=boot.first,
        title=_title(case),
        progress=case.progress,
        headline=_headline(case, found),
        findings=tuple(found),
        harmless=tuple(harmless(case.lines(), own_areas(case), given_up(case))),
        values=case.found.values if case.found else tuple(worded(loose_weights(case.log, given or Given()))),
        others=tuple(map(str, case.found.replay.state.assumptions)) if case.found else (),
        report=report,
        refused=refused,
        plan=tuple(plan(case))
        if case.progress.ending is Ending.LOADER or not case.progress.reached("unpacking")
        else (),
    )


def diagnose_file(kind: str, text: str) -> Diagnosis:
    """What a file of a running system says by itself; ``kind`` as :func:`bootmap.bootlog.files.kind_of` says."""
    lines = text.count("\n")
    progress = BootProgress(None, 0, Ending.CUT, 0, "", lines, "")
    names = {"iomem": "/proc/iomem", "memblock": "debugfs memblock", "page_tables": "debugfs kernel_page_tables"}
    return Diagnosis(1, 1, names[kind], progress, "a file of a running system", plan=tuple(alone(kind, text)))


def open_case(boot: Boot, given: Given | None = None, whole: Whole | None = None) -> tuple[LogCase, str]:
    """Everything that is known of a boot, and why nothing could be predicted, "" where it could."""
    log = messages_of(boot)
    found: FromLog | None = None
    refused, checked = "", None
    try:
        if whole is not None:
            replay, checked = whole(log)
            found = beside(replay, log, given or Given())
        else:
            found = best_prediction(log, given)
    except BootmapError as error:
        refused = str(error)
    return LogCase(boot, log, progress_of(boot), _oopses(boot), found, checked), refused


def _oopses(boot: Boot) -> tuple[Oops, ...]:
    """The faults of a boot, with the numbers of lines that they have in the capture."""
    oopses = oopses_in(boot.text)
    return tuple(replace(oops, line=oops.line + boot.first - 1) for oops in oopses)


def shown_by(boot: Boot, log: Log, found: FromLog | None) -> list[LogFinding]:
    """What the lines of a boot themselves show, for which a prediction may be made already."""
    case = LogCase(boot, log, progress_of(boot), _oopses(boot), found)
    return [finding for finding in _findings(case) if finding.certain and finding.id != "silence"]


def _findings(case: LogCase) -> list[LogFinding]:
    """The cause first: a fault, then what was handed over, the line with which the boot ended, what is predicted."""
    faults = fault_findings(case)
    early = not case.progress.reached("memory types")
    handed = of_this_attempt(case, handover_findings(case))
    words = [with_values(case, _with_places(case, word)) for word in last_words(list(case.lines()), case.stamped)]
    words = of_this_attempt(case, words)
    told = {finding.id for finding in [*faults, *handed]}
    told |= {"machine-unknown"} if "no-tags-no-dtb" in told else set()
    words = [word for word in words if word.id not in told]
    words = _what_follows(words)
    told |= {finding.id for finding in words}
    words, predicted = _joined(words, [finding for finding in predicted_findings(case) if finding.id not in told])
    handed, predicted = _proven(handed, predicted)
    if any(finding.id != "oops" for finding in faults):
        predicted = [finding for finding in predicted if not finding.fatal]
    causes = [*faults, *(each for each in handed if each.fatal and early), *(word for word in words if word.fatal)]
    causes = causes or _last_line(case)
    deaths = [finding for finding in predicted if finding.fatal]
    if causes and case.progress.ending in (Ending.PANIC, Ending.OOPS):  # what it died of is known
        deaths = []
    rest = [each for each in handed if each not in causes and not faults]
    rest += [*(word for word in words if not word.fatal), *(finding for finding in predicted if not finding.fatal)]
    if case.progress.ending in (Ending.RUNS, Ending.LOADER, Ending.CUT):
        return [*causes, *rest]
    silence = silence_finding(case) if not causes and not deaths else None
    return [*causes, *deaths, *rest, *([silence] if silence else [])]


def _proven(handed: list[LogFinding], predicted: list[LogFinding]) -> tuple[list[LogFinding], list[LogFinding]]:
    """A device tree above lowmem is told once: with the changes that were predicted again, where there are any."""
    same = next((each for each in predicted if each.id == "dtb-unmapped" and each.changes), None)
    if same is None or not any(each.id == "dtb-above-lowmem" for each in handed):
        return handed, predicted
    found = [replace(each, changes=same.changes) if each.id == "dtb-above-lowmem" else each for each in handed]
    return found, [each for each in predicted if each is not same]


def _last_line(case: LogCase) -> list[LogFinding]:
    """A panic or a fault of which no more is known than what it says: no line about memory is blamed for it."""
    progress = case.progress
    if progress.ending not in (Ending.PANIC, Ending.OOPS):
        return []
    said = progress.end_text.strip()
    text = "no known sign of the memory map's; what stands before it about memory need not have to do with it"
    return [LogFinding(progress.ending.value, True, said, (Reason(progress.end_line, f'"{said}"'), Reason(0, text)))]


def _joined(words: list[LogFinding], predicted: list[LogFinding]) -> tuple[list[LogFinding], list[LogFinding]]:
    """A line and the rule that explains it become one finding: the rule's, with the line as its first reason."""
    lines = {_SAME[word.id]: word for word in words if word.id in _SAME}
    if any(word.id == "initrd-damaged" for word in words):  # it was not given up: it was unpacked
        predicted = [each for each in predicted if each.id not in _LOST_INITRD]
    joined: list[LogFinding] = []
    lost: dict[str, LogFinding] = {}
    for each in predicted:
        word = lines.get(each.id)
        if word is None:
            joined.append(each)
        elif each.id in _LOST_INITRD:  # the line says which initrd, the rule why and where it may lie
            reasons = (*word.reasons[:-1], *each.reasons)
            lost[word.id] = replace(word, reasons=reasons, changes=each.changes or word.changes)
        else:
            joined.append(replace(each, reasons=(*word.reasons[:1], *each.reasons), certain=True))
    explained = {each.id for each in predicted}
    words = [lost.get(word.id, word) for word in words]
    return [word for word in words if word.id in lost or _SAME.get(word.id) not in explained], joined


def _what_follows(words: list[LogFinding]) -> list[LogFinding]:
    """The findings with an initrd that was lost before the root file system that was in it and is missed."""
    lost = [word for word in words if word.id in _INITRD_LOST]
    missed = [word for word in words if word.id in _MISSED_WITHOUT_INITRD]
    if not lost or not missed:
        return words
    others = [word for word in words if word not in lost and word not in missed]
    return [*(replace(word, fatal=True) for word in lost), *missed, *others]


def _with_places(case: LogCase, word: LogFinding) -> LogFinding:
    """A finding about the initrd with what the boot loader's sizes and addresses say of it."""
    if word.id not in ("initrd-in-use", "initrd-damaged"):
        return word
    reasons, changes = initrd_reasons(case)
    return replace(word, reasons=(*word.reasons[:1], *reasons, *word.reasons[1:]), changes=(*changes, *word.changes))


def _title(case: LogCase) -> str:
    model = case.log.first("model") or case.log.first("machine")
    banner = case.log.first("banner") or case.log.first("image_name") or case.log.first("release")
    board = model.word("name") if model else next((o.hardware for o in case.oopses if o.hardware), None)
    version = banner.word("release") if banner else None
    if board is None and version is None:
        return "a kernel" if case.progress.reached("handed over") or _of_kernel(case) else "no kernel"
    return ", ".join(filter(None, [board, f"Linux {version}" if version else ""]))


def _of_kernel(case: LogCase) -> bool:
    """Whether there is a line of a kernel, though none that every boot passes."""
    return case.progress.ending in (Ending.OOPS, Ending.PANIC) or bool(last_words(list(case.lines()), case.stamped))


def _headline(case: LogCase, findings: Sequence[LogFinding]) -> str:
    """What happened, in one sentence."""
    progress = case.progress
    cause = next((finding for finding in findings if finding.fatal and finding.id != "silence"), None)
    lost = next((finding for finding in findings if not finding.fatal), None)
    silence = next((finding for finding in findings if finding.id == "silence"), None)
    if progress.ending is Ending.CUT and cause is None:
        return f"the log goes on to {progress.last.who if progress.last else 'nothing'}" + (
            f"; {lost.headline}" if lost else ""
        )
    if progress.ending is Ending.RUNS:
        return f"boots; {lost.headline}" if lost and cause is None else "boots" if cause is None else cause.headline
    if cause is not None and cause.certain:
        return cause.headline
    if cause is not None and progress.last is not None:
        return f"silent after {progress.last.who}, as predicted: {cause.headline}"
    if silence is not None:
        return f"{silence.headline}; before that: {lost.headline}" if lost else silence.headline
    if progress.ending is Ending.OOPS and case.oopses:
        return f"faulted in {function_of(case.oopses[0]) or 'the kernel'}"
    if lost is not None:
        return lost.headline
    if progress.ending is Ending.LOADER and progress.last is not None:
        return "the capture ends before a kernel is started"
    return f"ended after {progress.last.who}" if progress.last else "no line of a boot"


def _report(case: LogCase) -> LogReport | None:
    """The lines, judged."""
    found = case.found
    if found is None:
        return None
    replay = found.replay
    outcome = replay.outcome
    text = "" if outcome.all_well else f"{outcome.headline}: {outcome.stage}: {outcome.reason}"
    judged = check_log(replay, areas_of(replay), case.log, found.basis)
    report = LogReport(judged, case.boot.total, text, found.assumptions, replay.hazards)
    report.neighbours = neighbours(case.log, found, judged)
    return report


def contradictions(diagnosis: Diagnosis) -> int:
    """How many lines the prediction contradicts."""
    return diagnosis.report.count(Judgement.CONTRADICTED) if diagnosis.report else 0
