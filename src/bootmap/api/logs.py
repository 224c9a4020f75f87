"""Logs: held against a prediction line by line, and diagnosed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from bootmap.api.archives import open_archive, unpacked
from bootmap.api.check import check
from bootmap.assemble import kernel as kernels
from bootmap.assemble import texts
from bootmap.assemble.handover import replay
from bootmap.assemble.load import load
from bootmap.bootlog.board import seen_places
from bootmap.bootlog.capture import read_boots
from bootmap.bootlog.case import Checked
from bootmap.bootlog.check import check_log
from bootmap.bootlog.claims.context import Basis
from bootmap.bootlog.diagnose import diagnose, diagnose_file, shown_by
from bootmap.bootlog.files import FileChecker, kind_of
from bootmap.bootlog.findings import LogChange, LogFinding, Reason
from bootmap.bootlog.fit import best_prediction
from bootmap.bootlog.given import Given
from bootmap.bootlog.judgement import LogReport
from bootmap.bootlog.log import messages_of
from bootmap.bootlog.neighbours import neighbours
from bootmap.bootlog.predict import areas_of
from bootmap.errors import InputError, MissingInputError, UnsupportedError, UsageError
from bootmap.facts.arm.cpus import cpu_by_midr, cpu_by_name
from bootmap.facts.arm.tcm import DTCM, ITCM
from bootmap.facts.audit_rules import Severity
from bootmap.inputs.board import read_board
from bootmap.inputs.console import MOST_BYTES, console_text
from bootmap.inputs.fs import STDIN, file_name, read_file
from bootmap.units import memparse, whole_number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bootmap.boot.sequence import Replay
    from bootmap.bootlog.diagnosis import Diagnosis
    from bootmap.bootlog.log import Log
    from bootmap.bootlog.predict import FromLog
    from bootmap.checks.finding import Finding as CheckFinding
    from bootmap.facts.arm.cpus import Cpu
    from bootmap.facts.arm.tcm import TcmKind


def diagnose_log(log: str, board: str | None = None, *, boot: int | None = None, **options: Any) -> list[Diagnosis]:
    """What happened in each boot of a capture, why, and what to change.

    Args:
        log: the file, ``-`` for standard input.
        board: the device tree or ATAG list, None to make a board of what the log tells.
        boot: which boot of the capture, from 1; None for all.
        options: arguments of :func:`bootmap.load`, as far as they are known.

    Raises:
        InputError: a file cannot be read, or is empty.
        UsageError: there is no such boot.
    """
    collected = open_archive(log) if log != STDIN else None
    if collected is not None:
        with unpacked(collected, options) as (tree, files, merged):
            if not collected.log.strip():  # dmesg is missing: what the other files say by themselves
                texts = [text for text in read_texts(files).values() if kind_of(text) != "log"]
                alone = [diagnose_file(kind_of(text), text) for text in texts]
                return [replace(each, boot=number) for number, each in enumerate(alone, 1)] or _nothing(log)
            return _diagnosed(log, collected.log, boot, board or tree, merged)
    (text,) = read_texts([log]).values()
    return _diagnosed(log, text, boot, board, options)


def _diagnosed(log: str, text: str, boot: int | None, board: str | None, options: Mapping[str, Any]) -> list[Diagnosis]:
    given = read_given(board, options)
    kind = kind_of(text)
    if kind != "log":
        return [diagnose_file(kind, text)]
    if not text.strip():
        raise InputError("is empty; expected what the console of a board showed", file=file_name(log))
    boots = read_boots(text)
    if boot is not None and not 0 < boot <= len(boots):
        raise UsageError(f"--boot {boot}: {file_name(log)} has {len(boots)} boot{'s' if len(boots) > 1 else ''}")
    whole = None
    if board is not None and given.config is not None and given.symbols is not None:
        named = board

        def whole(log: Log) -> tuple[Replay, tuple[Checked, ...]]:
            result = check(*load(named, **_with_log(named, log, options)))
            assert result.case is not None  # just checked
            found = [each for each in result.findings if each.severity >= Severity.WARNING]
            return result.case.replay, tuple(map(_checked, found))

    return [diagnose(each, given, whole) for each in (boots if boot is None else boots[boot - 1 : boot])]


def _nothing(log: str) -> list[Diagnosis]:
    what = "dmesg, /proc/iomem or files of debugfs"
    raise InputError(f"holds nothing that a running board shows of its memory; expected {what}", file=file_name(log))


def _checked(found: CheckFinding) -> Checked:
    """A finding of `check` as a diagnosis tells it."""
    places = [Reason(0, f"{where.text} ({where})") for where in found.where[:2]]
    changes = [
        LogChange(change.text + (f" ({change.note})" if change.note else ""), change.after, bool(change.after))
        for change in found.changes
    ]
    changes += [LogChange(text) for text in found.advice]
    reasons = (Reason(0, f"predicted for this board: {found.cause or found.title}"), *places)
    fatal = found.severity >= Severity.ERROR and (found.decides or bool(found.hazard and found.hazard.fatal))
    return Checked(LogFinding(found.id, fatal, found.title, reasons, tuple(changes), certain=False), found.hazard)


def verify_log(
    board: str | None, logs: Sequence[str], *, ptdump: Callable[..., str] | None = None, **options: Any
) -> LogReport:
    """Hold logs and files of a running system against the prediction.

    Args:
        board: the device tree or ATAG list; None to make a board of what the first log tells.
        logs: files: boot logs, /proc/iomem, files of debugfs, told apart by what they hold.
        ptdump: prints lines of a listing as kernel_page_tables does, for that file; None leaves rights out.
        options: arguments of :func:`bootmap.load`, as far as they are known.

    Raises:
        BootmapError: a file cannot be read, or too little is known for a prediction.
    """
    named = read_texts(logs)
    kinds = {name: kind_of(text) for name, text in named.items()}
    captures = {name: read_boots(text) for name, text in named.items() if kinds[name] == "log"}
    boots = {name: found[0] for name, found in captures.items()}
    parsed = {name: messages_of(boot) for name, boot in boots.items()}
    for name, log in parsed.items():
        if not log.said:
            raise InputError(
                "holds no line of the kernel's about memory; expected a boot log, /proc/iomem, or debugfs' "
                "memblock/memory, memblock/reserved or kernel_page_tables",
                file=name,
            )
    prediction, made = _predict(board, next(iter(parsed.values()), None), options)
    basis = made.basis if made else Basis()
    areas = areas_of(prediction)
    assumptions = made.assumptions if made else [str(each) for each in prediction.state.assumptions]
    report = LogReport([], 0, _outcome(prediction), assumptions, prediction.hazards)
    report.assumptions += [
        f"of the {len(found)} boots in {name} the first is compared (bootmap diagnose looks at each)"
        for name, found in captures.items()
        if len(found) > 1
    ]
    several = len(named) > 1
    for name, text in named.items():
        shown = name if several else ""
        if name in parsed:
            judged = check_log(prediction, areas, parsed[name], basis)
            report.add(judged, parsed[name].lines, shown)
            report.neighbours += neighbours(parsed[name], made, judged) if made else []
            report.findings += shown_by(boots[name], parsed[name], made)
        else:
            known = kinds[name] == "page_tables" and made is None
            tables = _page_tables(board, options, ptdump) if known and ptdump else None
            judged = FileChecker(prediction, tables, kernel_known=made is None).judge(kinds[name], text)
            report.add(judged, text.count("\n"), shown)
    return report


def verify_archive(path: str, *, ptdump: Callable[..., str] | None = None, **options: Any) -> LogReport:
    """Hold everything in an archive against the prediction for its board.

    Args:
        path: the archive.
        ptdump: see :func:`bootmap.verify_log`.
        options: arguments of :func:`bootmap.load`; what is not given is taken from the archive.

    Raises:
        BootmapError: it is none, or holds too little for a prediction.
    """
    found = open_archive(path)
    if found is None:
        raise InputError("is no archive of `bootmap collect`", file=file_name(path))
    with unpacked(found, options) as (board, logs, merged):
        report = verify_log(board, logs, ptdump=ptdump, **merged)
    report.name_files(lambda name: Path(name).name)
    return report


def read_texts(paths: Sequence[str]) -> dict[str, str]:
    """The texts of files, by their names.

    Raises:
        InputError: one cannot be read, or is too large.
    """
    return {file_name(path): console_text(read_file(path, MOST_BYTES, gunzip=True)) for path in paths}


def _predict(board: str | None, log: Log | None, options: Mapping[str, Any]) -> tuple[Replay, FromLog | None]:
    """The prediction, and what of its input was made of ``log``: the board, or the kernel that the user does not give.

    Raises:
        BootmapError: too little is known.
    """
    if board is None and log is None:
        raise UsageError("without a board there must be a boot log to make one from; give BOARD too")
    if board is not None:
        try:
            return replay(*load(board, **_with_log(board, log, options))), None
        except MissingInputError:
            if log is None or (options.get("config") and options.get("system_map")):
                raise
    assert log is not None
    found = best_prediction(log, read_given(board, options))
    return found.replay, found


def _with_log(board: str, log: Log | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options, with what the log says of where things lie in place of what is not given."""
    if log is None:
        return dict(options)
    seen = seen_places(log, read_given(board, options))
    return dict(options) | {name: value for name, value in seen.items() if options.get(name) is None}


def read_given(board: str | None, options: Mapping[str, Any]) -> Given:
    """What the options say, read.

    Raises:
        BootmapError: one cannot be read.
    """
    image = kernels.read_image(options.get("image"))
    maps = tuple(options.get("static_maps") or ())
    cpu = _cpu(options.get("cpu"))
    return Given(
        board=read_board(board) if board is not None else None,
        config=kernels.read_config_of(options.get("config"), image),
        symbols=kernels.symbols_of(options.get("system_map"), image),
        image=image,
        version=options.get("version"),
        cpu=cpu,
        cpus=options.get("cpus"),
        phys_offset=options.get("phys_offset"),
        params=options.get("dtb_addr"),
        initrd=texts.parse_initrd(options["initrd"]) if options.get("initrd") else None,
        cmdline=options.get("cmdline"),
        machine_id=options.get("machine_id"),
        static_maps=texts.parse_static_maps(maps) if maps else None,
        dtcm=_tcm(options.get("dtcm"), DTCM, cpu),
        itcm=_tcm(options.get("itcm"), ITCM, cpu),
        features=texts.parse_features(options.get("features") or ()),
        cache=options.get("cache"),
    )


def _cpu(named: str | None) -> Cpu | None:
    if not named:
        return None
    midr = whole_number(named)
    cpu = cpu_by_name(named) or (cpu_by_midr(midr) if midr is not None else None)
    if cpu is None:
        raise UnsupportedError(f"--cpu {named}: not modelled; a name such as cortex-a9, or a MIDR, was expected")
    return cpu


def _tcm(text: str | None, kind: TcmKind, cpu: Cpu | None) -> tuple[int, ...] | None:
    """The banks that the user names; of a CPU that only the log names, whatever they are."""
    if text is None or cpu is not None:
        return texts.parse_tcm(text, kind, cpu) if cpu is not None else None
    return tuple(memparse(part)[0] for part in text.split(",") if part != "0")


def _page_tables(board: str | None, options: Mapping[str, Any], ptdump: Callable[..., str]) -> list[str] | None:
    """The lines of kernel_page_tables as this kernel will print them; None where that cannot be said."""
    if board is None:
        return None
    from bootmap.source.listings import ptdump_of
    from bootmap.source.open import open_tables

    try:
        with open_tables(board, stage="mark_rodata_ro", **options) as source:
            listing = ptdump_of(source)
            return ptdump(listing.lines, listing.style).splitlines()
    except UsageError:  # the boot does not come so far, or the version has no such file
        return None


def _outcome(prediction: Replay) -> str:
    outcome = prediction.outcome
    return "" if outcome.all_well else f"{outcome.headline}: {outcome.stage}: {outcome.reason}"
