"""``bootmap verify --log``: the prediction against the boot log of a real board, with or without its device tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from bootmap.errors import InputError, MissingInputError, UsageError

if TYPE_CHECKING:
    from bootmap.boot.sequence import Replay
    from bootmap.bootlog.given import Given
    from bootmap.bootlog.judgement import LogReport
    from bootmap.bootlog.log import Log
    from bootmap.bootlog.predict import FromLog


def verify_log(board: str | None, logs: tuple[str, ...], *, as_json: bool, **options: Any) -> int:
    """Compare and print; 0 where nothing is contradicted, 1 where something is.

    Args:
        board: the device tree or ATAG list; None to make a board of what the first log tells.
        logs: files: boot logs, /proc/iomem, files of debugfs, told apart by what they hold.
        as_json: whether to print bootmap.verify-log/1.
        options: those of ``board_options``.

    Raises:
        BootmapError: something cannot be read or is missing.
    """
    from bootmap.report.verify_log import verify_log_json, verify_log_text

    report = check_logs(board, logs, **options)
    click.echo(verify_log_json(report) if as_json else verify_log_text(report), nl=as_json)
    return 1 if report.contradicted or report.outcome else 0


def check_logs(board: str | None, logs: tuple[str, ...], **options: Any) -> LogReport:
    """Read the files, predict, compare.

    Raises:
        BootmapError: see :func:`verify_log`.
    """
    from bootmap.bootlog.capture import read_boots
    from bootmap.bootlog.check import check_log
    from bootmap.bootlog.claims.context import Basis
    from bootmap.bootlog.diagnose import shown_by
    from bootmap.bootlog.files import FileChecker, kind_of
    from bootmap.bootlog.judgement import LogReport
    from bootmap.bootlog.log import messages_of
    from bootmap.bootlog.predict import areas_of

    texts = read_texts(logs)
    kinds = {name: kind_of(text) for name, text in texts.items()}
    boots = {name: read_boots(text)[0] for name, text in texts.items() if kinds[name] == "log"}
    parsed = {name: messages_of(boot) for name, boot in boots.items()}
    for name, log in parsed.items():
        if not log.said:
            raise InputError(
                "holds no line of the kernel's about memory; expected a boot log, /proc/iomem, or debugfs' "
                "memblock/memory, memblock/reserved or kernel_page_tables",
                file=name,
            )
    first = next(iter(parsed.values()), None)
    prediction, made = _predict(board, first, options)
    basis = made.basis if made else Basis()
    areas = areas_of(prediction)
    report = LogReport([], 0, _outcome(prediction), list(prediction.state.assumptions), prediction.hazards)
    several = len(texts) > 1
    for name, text in texts.items():
        shown = name if several else ""
        if name in parsed:
            report.add(check_log(prediction, areas, parsed[name], basis), parsed[name].lines, shown)
            report.findings += shown_by(boots[name], parsed[name], made)
        else:
            known = kinds[name] == "page_tables" and made is None
            tables = _page_tables(board, options) if known else None
            judged = FileChecker(prediction, tables, kernel_known=made is None).judge(kinds[name], text)
            report.add(judged, text.count("\n"), shown)
    return report


def read_texts(paths: tuple[str, ...]) -> dict[str, str]:
    """The texts of files, by their names.

    Raises:
        InputError: one cannot be read, or is too large.
    """
    from bootmap.inputs.console import MOST_BYTES, console_text
    from bootmap.inputs.fs import file_name, read_file

    return {file_name(path): console_text(read_file(path, MOST_BYTES, gunzip=True)) for path in paths}


def _predict(board: str | None, log: Log | None, options: dict[str, Any]) -> tuple[Replay, FromLog | None]:
    """The prediction, and what of its input was made of ``log``: the board, or the kernel that the user does not give.

    Raises:
        BootmapError: too little is known.
    """
    if board is None and log is None:
        raise UsageError("without a board there must be a boot log to make one from; give BOARD too")
    if board is not None:
        from bootmap.cli.inputs import predict

        try:
            return predict(board, **_with_log(board, log, options)), None
        except MissingInputError:
            if log is None or (options.get("config") and options.get("system_map")):
                raise
    assert log is not None
    found = from_log(board, log, options)
    return found.replay, found


def _with_log(board: str, log: Log | None, options: dict[str, Any]) -> dict[str, Any]:
    """The options, with what the log says of where things lie in place of what is not given."""
    from bootmap.bootlog.board import seen_places

    if log is None:
        return options
    seen = seen_places(log, read_given(board, options))
    return options | {name: value for name, value in seen.items() if options.get(name) is None}


def from_log(board: str | None, log: Log, options: dict[str, Any]) -> FromLog:
    """The prediction for a log, with what the options say.

    Raises:
        BootmapError: the log does not tell enough, or an option cannot be read.
    """
    from bootmap.bootlog.fit import best_prediction

    return best_prediction(log, read_given(board, options))


def read_given(board: str | None, options: dict[str, Any]) -> Given:
    """What the options of ``board_options`` say, read.

    Raises:
        BootmapError: one cannot be read.
    """
    from bootmap.bootlog.given import Given
    from bootmap.cli import inputs
    from bootmap.cli.static_maps import parse_static_maps
    from bootmap.cli.tcm_options import parse_tcm
    from bootmap.facts.arm.cpus import cpu_by_midr, cpu_by_name
    from bootmap.facts.arm.tcm import DTCM, ITCM
    from bootmap.inputs.board import read_board
    from bootmap.inputs.symbols import read_system_map
    from bootmap.units import memparse

    named = options.get("cpu")
    cpu = cpu_by_name(named) if named else None
    if named and cpu is None:
        number, rest = memparse(named) if named[:1].isdigit() else (0, named)
        cpu = cpu_by_midr(number) if not rest else None
        if cpu is None:
            raise UsageError(f"--cpu {named}: not modelled; give a like one, such as cortex-a7, or the value of MIDR")
    image = inputs.read_kernel_file(options.get("kernel_file"))
    system_map = options.get("system_map")
    maps = tuple(options.get("static_maps") or ())
    tcm = {
        kind: tuple(memparse(part)[0] for part in options[kind.name.lower()].split(",") if part != "0")
        if cpu is None
        else parse_tcm(options[kind.name.lower()], kind, cpu)
        for kind in (DTCM, ITCM)
        if options.get(kind.name.lower()) is not None
    }
    return Given(
        board=read_board(board) if board is not None else None,
        config=inputs.read_config_option(options.get("config"), image),
        symbols=read_system_map(system_map) if system_map else image.symbols if image else None,
        image=image,
        version=options.get("kernel_version"),
        cpu=cpu,
        cpus=options.get("cpus"),
        phys_offset=options.get("phys_offset"),
        params=options.get("dtb_addr"),
        initrd=inputs.parse_initrd(options.get("initrd")),
        cmdline=options.get("cmdline"),
        machine_id=options.get("machine_id"),
        static_maps=parse_static_maps(maps) if maps else None,
        dtcm=tcm.get(DTCM),
        itcm=tcm.get(ITCM),
        features=inputs.feature_overrides(tuple(options.get("features") or ())),
    )


def _page_tables(board: str | None, options: dict[str, Any]) -> list[str] | None:
    """The lines of kernel_page_tables as this kernel will print them; None where that cannot be said."""
    if board is None:
        return None
    from bootmap.cli.kernel_view import ptdump_of
    from bootmap.cli.source import SourceOptions, open_source
    from bootmap.mmu.bulk import snapshot

    try:
        with open_source(board, SourceOptions(options, "mark_rodata_ro")) as source:
            return ptdump_of(source, snapshot(source.memory, source.regs))[0].splitlines()
    except UsageError:  # the boot does not come so far, or the version has no such file
        return None


def _outcome(prediction: Replay) -> str:
    outcome = prediction.outcome
    return "" if outcome.all_well else f"{outcome.headline}: {outcome.stage}: {outcome.reason}"
