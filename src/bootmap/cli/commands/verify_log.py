"""``bootmap verify --log``: the prediction against the boot log of a real board, with or without its device tree."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bootmap.errors import InputError, MissingInputError, UsageError
from bootmap.units import whole_number

if TYPE_CHECKING:
    from collections.abc import Callable

    from bootmap.boot.sequence import Replay
    from bootmap.bootlog.board import LogBoard
    from bootmap.bootlog.judgement import LogReport
    from bootmap.bootlog.log import Log

_T = TypeVar("_T")
_MAX_ORDERS = range(11, 15)
"""Orders of the largest block that configurations choose, besides the usual 10: 8 MiB to 64 MiB."""


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
    from bootmap.analysis.overview import virtual_layout
    from bootmap.bootlog.check import Checker, check_log
    from bootmap.bootlog.files import FileChecker, kind_of
    from bootmap.bootlog.judgement import LogReport
    from bootmap.bootlog.log import read_log
    from bootmap.inputs.fs import file_name, read_file
    from bootmap.units import MIB, Span

    texts = {}
    for path in logs:
        data = read_file(path, 64 * MIB, gunzip=True)
        texts[file_name(path)] = data.decode("utf-8", "replace")
    kinds = {name: kind_of(text) for name, text in texts.items()}
    parsed = {name: _named(name, read_log, text) for name, text in texts.items() if kinds[name] == "log"}
    for name, log in parsed.items():
        if not log.said:
            raise InputError(
                "holds no line of the kernel's about memory; expected a boot log, /proc/iomem, or debugfs' "
                "memblock/memory, memblock/reserved or kernel_page_tables",
                file=name,
            )
    first = next(iter(parsed.values()), None)
    prediction, made = _predict(board, first, options)
    areas = {area.name: Span(area.start, area.end) for area in virtual_layout(prediction, prediction.usual_stage)}
    report = LogReport(
        [], 0, _outcome(prediction), [str(each) for each in prediction.state.assumptions], prediction.hazards
    )
    several = len(texts) > 1
    for name, text in texts.items():
        if name in parsed:
            checker = Checker(
                prediction,
                areas,
                taken=frozenset(made.taken) if made else frozenset(),
                phys_known=made.phys_known if made else True,
                from_log=board is None,
                kernel_from_log=made is not None,
            )
            report.add(check_log(parsed[name], checker), parsed[name].lines, name if several else "")
        else:
            known = kinds[name] == "page_tables" and made is None
            tables = _page_tables(board, options) if known else None
            judged = _named(name, FileChecker(prediction, tables, kernel_known=made is None).judge, kinds[name], text)
            report.add(judged, text.count("\n"), name if several else "")
    return report


def _named(name: str, read: Callable[..., _T], *arguments: object) -> _T:
    """What ``read`` gives; its errors name the file."""
    try:
        return read(*arguments)
    except InputError as error:
        raise error.in_file(name) from None


def _predict(board: str | None, log: Log | None, options: dict[str, Any]) -> tuple[Replay, LogBoard | None]:
    """The prediction, and what of its input was made of ``log``: the board, or the kernel that the user does not give.

    Raises:
        BootmapError: too little is known.
    """
    if board is None:
        if log is None:
            raise UsageError("without a board there must be a boot log to make one from; give BOARD too")
        return _best_prediction(log, options)
    from bootmap.assemble.handover import replay
    from bootmap.assemble.load import load

    try:
        return replay(*load(board, **options)), None
    except MissingInputError:
        if log is None or (options.get("config") and options.get("system_map")):
            raise
    return _best_prediction(log, {"board": board, **options})


def _page_tables(board: str | None, options: dict[str, Any]) -> list[str] | None:
    """The lines of kernel_page_tables as this kernel will print them; None where that cannot be said."""
    if board is None:
        return None
    from bootmap.report.ptdump_text import ptdump_text
    from bootmap.source.listings import ptdump_of
    from bootmap.source.open import open_tables

    try:
        with open_tables(board, stage="mark_rodata_ro", **options) as source:
            listing = ptdump_of(source)
            return ptdump_text(listing.lines, listing.style).splitlines()
    except UsageError:  # the boot does not come so far, or the version has no such file
        return None


def _outcome(prediction: Replay) -> str:
    outcome = prediction.outcome
    return "" if outcome.all_well else f"{outcome.headline}: {outcome.stage}: {outcome.reason}"


def _best_prediction(log: Log, options: dict[str, Any]) -> tuple[Replay, LogBoard]:
    """The board of a log, with the largest block of the buddy allocator that its CMA area fits.

    No line of the log says how large that is, yet the area is aligned to it; Kconfig's default is 4 MiB, that of
    some SoCs 8 MiB and more (arch/arm/Kconfig ARCH_FORCE_MAX_ORDER).
    """
    from bootmap.bootlog.check import Checker
    from bootmap.bootlog.judgement import Judgement

    first = None
    areas = log.all("cma", "cma_failed")[-1:]
    orders = (None, *_MAX_ORDERS) if areas and not options.get("config") else (None,)
    for order in orders:
        prediction, made = predict_from_log(log, max_order=order, **options)
        first = first or (prediction, made)
        known = options.get("board") is not None
        checker = Checker(prediction, {}, taken=made.taken, phys_known=made.phys_known, from_log=not known)
        if all(checker.judge(said).verdict in (Judgement.MATCHED, Judgement.INPUT) for said in areas):
            return prediction, made
    assert first is not None
    return first


def predict_from_log(
    log: Log, *, max_order: int | None = None, board: str | None = None, **options: Any
) -> tuple[Replay, LogBoard]:
    """Make a board of ``log`` and predict its boot; options given by the user go before what the log says.

    Args:
        log: the log.
        max_order: order of the largest block of the buddy allocator, None for Kconfig's default.
        board: the device tree or ATAG list, None to make one of the log too.
        options: those of ``board_options``.

    Raises:
        BootmapError: the log does not tell enough, or what it tells is not modelled.
    """
    from bootmap.assemble import kernel as kernels
    from bootmap.assemble import texts
    from bootmap.assemble.guess import place_of_description
    from bootmap.assumptions import Assumption
    from bootmap.boot.decompressor.phys_offset import phys_offset as find_phys_offset
    from bootmap.boot.handover import Handover
    from bootmap.boot.kernel import KernelModel
    from bootmap.boot.sequence import boot
    from bootmap.bootlog.board import board_from_log
    from bootmap.errors import UnsupportedError
    from bootmap.facts.arm.cpus import cpu_by_midr, cpu_by_name
    from bootmap.inputs.board import parse_board, read_board
    from bootmap.inputs.kconfig import parse as parse_config
    from bootmap.inputs.symbols import parse as parse_symbols

    named = options.get("cpu")
    cpu = cpu_by_name(named) if named else None
    if named and cpu is None:
        midr = whole_number(named)
        cpu = cpu_by_midr(midr) if midr is not None else None
        if cpu is None:
            raise UnsupportedError(f"--cpu {named}: not modelled; a name such as cortex-a9, or a MIDR, was expected")
    made = board_from_log(
        log,
        version=options.get("version"),
        midr=cpu.midr if cpu else None,
        phys_offset=options.get("phys_offset"),
        cmdline=options.get("cmdline"),
        described=board is not None,
    )
    cpu = cpu or cpu_by_midr(made.midr)
    if cpu is None:
        raise UnsupportedError(f"the CPU {made.midr:#010x} of the log is not modelled; give a like one with --cpu")
    image = kernels.read_image(options.get("image"))
    config = kernels.read_config_of(options.get("config"), image) or parse_config(made.config.encode())
    symbols = parse_symbols(made.symbols.encode())
    if options.get("system_map") or (image is not None and image.symbols is not None):
        symbols = kernels.symbols_of(options.get("system_map"), image) or symbols
    version, sublevel = kernels.version_of(made.version, None, None)
    overrides = texts.parse_features(options.get("features") or ())
    kernel = KernelModel(version, sublevel, config, symbols, overrides, image)
    if max_order is not None:
        number = max_order + (0 if kernel.has("max_order_inclusive") else 1)
        config = parse_config(f"{made.config}CONFIG_ARCH_FORCE_MAX_ORDER={number}\n".encode())
        kernel = KernelModel(version, sublevel, config, symbols, overrides, image)
        made.assumptions.append(f"CONFIG_ARCH_FORCE_MAX_ORDER is {number}: so the CMA area lies where the log says")
    if made.vmalloc_end is not None and not kernel.has("vmalloc_end_ff0"):
        kernel.vmalloc_end = made.vmalloc_end
        made.taken.add("vmalloc.end")
    if made.cpus_from_policy and cpu.smp == "scu" and kernel.has("smp") and not options.get("cpus"):
        made.taken.add("policy")
        many = "two CPUs or more" if made.cpus == 2 else "one CPU"
        made.assumptions.append(f"{many}: so the cache policy is what the log says (--cpus)")
    tree = read_board(board) if board is not None else parse_board(made.description)
    if board is not None:
        made.assumptions.append("version, configuration and symbols of the kernel are what the log tells of them")
        if not made.phys_known:
            made.phys_offset = find_phys_offset(kernel, tree, options.get("load_addr"))[0] or 0
            made.phys_known = True
    params = options.get("dtb_addr") or made.params
    maps = tuple(options.get("static_maps") or ())
    handover = Handover(
        board=tree,
        params=params or 0,
        phys_offset=made.phys_offset,
        cpu=cpu,
        cpus=options.get("cpus") or made.cpus,
        machine_id=options.get("machine_id"),
        cmdline=made.cmdline if board is not None and log.first("cmdline") else options.get("cmdline"),
        initrd=texts.parse_initrd(options["initrd"]) if options.get("initrd") else made.initrd,
        static_maps=texts.parse_static_maps(maps) if maps else None,
    )
    if params is None:
        params, guessed = place_of_description(kernel, handover)
        handover = replace(handover, params=params)
        made.assumptions.append(str(guessed))
    handover = replace(handover, assumptions=tuple(map(Assumption, made.assumptions)))
    return boot(kernel, handover), made
