"""``bootmap plan``: where U-Boot puts kernel, ramdisk and device tree, and addresses that are safe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from bootmap.cli.inputs import ADDRESS
from bootmap.errors import InputError, UsageError
from bootmap.units import Span, memparse

if TYPE_CHECKING:
    from bootmap.plan.setup import Image, Setup, Told

_FORMS = ("setenv", "extlinux", "fit", "header")


@click.command()
@click.argument("boards", metavar="[BOARD]...", nargs=-1, type=click.Path())
@click.option("--printenv", type=click.Path(), help="U-Boot's variables: what printenv prints, or the image in flash.")
@click.option("--bdinfo", type=click.Path(), help="What bdinfo prints; a whole console log will do.")
@click.option("--uboot", "version", default="", help="U-Boot's release: 2023.01, or the line that it begins with.")
@click.option("--dram", multiple=True, metavar="BASE,SIZE", help="A bank of RAM, where bdinfo is not given.")
@click.option(
    "--boot", "words", default="", metavar="COMMAND", help="What is typed, such as 'bootz ADDR ADDR:SIZE ADDR'."
)
@click.option("--set", "changes", multiple=True, metavar="NAME=VALUE", help="Set a variable; NAME= deletes it.")
@click.option("--extlinux", type=click.Path(), help="extlinux.conf, for its command line and whether it has a ramdisk.")
@click.option("--ramdisk", metavar="FILE|SIZE", help="The ramdisk.")
@click.option("--dtb-size", type=ADDRESS, help="Bytes of the device tree, where BOARD is not given.")
@click.option("--propose", is_flag=True, help="Print addresses that are safe, for all BOARDs at once.")
@click.option(
    "--times",
    default=1.5,
    type=click.FloatRange(1, 16),
    help="With room for kernels so much larger.",
    show_default=True,
)
@click.option(
    "--format",
    "form",
    default="setenv",
    type=click.Choice(_FORMS),
    help="How a proposal is printed.",
    show_default=True,
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (bootmap.plan/1, bootmap.proposal/1).")
@click.option("--config", type=click.Path(), help="The kernel's .config (also .gz).")
@click.option("--system-map", type=click.Path(), help="Its System.map.")
@click.option("--kernel", "kernel_file", type=click.Path(), help="zImage, uImage or vmlinux.")
@click.option("--kernel-version", help="Version, where the configuration does not say it: 3.10 or 6.1.55.")
@click.option("--feature", "features", multiple=True, metavar="NAME=on|off", help="Override a rule of the kernel.")
@click.option("--cpu", help="CPU: a name such as cortex-a9, or the value of MIDR.")
@click.option("--zimage", metavar="FILE|SIZE", help="The zImage, where --kernel is not it.")
def command(boards: tuple[str, ...], **options: Any) -> int:
    """Say where U-Boot puts everything for BOARD, and whether that boots.

    Prints the load map from the boot loader's first byte to the decompressor's heap, the messages that U-Boot will
    print, and the verdict of the prediction where a kernel is given.  With --propose prints safe addresses instead.
    """  # fmt: skip
    told = _told(options)
    if options["propose"]:
        return _propose(boards, told, options)
    if len(boards) > 1:
        raise UsageError("several boards go with --propose only")
    from bootmap.plan.chain import chain

    setup = _setup(boards[0] if boards else None, told, options)
    result = chain(setup)
    assumptions = list(setup.board.assumptions)
    if options["as_json"]:
        from bootmap.report.plan_json import plan_json

        known = assumptions if result.replay is None else list(result.replay.state.assumptions)
        click.echo(plan_json(result, known))
    else:
        from bootmap.report.plan_text import plan_text

        click.echo(plan_text(result, setup.name, assumptions), nl=False)
    return 1 if result.placed.failed or result.load_map.damage or (result.replay is not None and not result.safe) else 0


def _propose(boards: tuple[str, ...], told: Told, options: dict[str, Any]) -> int:
    from bootmap.plan.propose import propose

    if not boards:
        raise UsageError("--propose needs a BOARD: its reserved memory decides too")
    proposal = propose([_setup(name, told, options) for name in boards], options["times"])
    if options["as_json"]:
        from bootmap.report.plan_json import proposal_json

        click.echo(proposal_json(proposal))
        return 0
    from bootmap.report.plan_text import proposal_text

    ramdisk = options["ramdisk"] or ""
    files = ("zImage", "" if not ramdisk else "initrd" if ramdisk[:1].isdigit() else ramdisk, boards[0])
    click.echo(proposal_text(proposal, options["form"], *files), nl=False)
    return 0


def _read(path: str) -> bytes:
    from bootmap.inputs.fs import read_file

    return read_file(path)


def _told(options: dict[str, Any]) -> Told:
    from bootmap.inputs import bdinfo, uboot_env
    from bootmap.plan.setup import Told, version_in

    version, env, info = options["version"], {}, None
    if options["printenv"]:
        try:
            env = uboot_env.parse(_read(options["printenv"]))
        except InputError as error:
            raise error.in_file(options["printenv"]) from None
    if options["bdinfo"]:
        text = _read(options["bdinfo"]).decode("utf-8", "replace")
        version = version or version_in(text)
        try:
            info = bdinfo.parse(text)
        except InputError as error:
            raise error.in_file(options["bdinfo"]) from None
    changes = {}
    for change in options["changes"]:
        name, equals, value = change.partition("=")
        if not equals or not name:
            raise UsageError(f"--set {change}: expected NAME=VALUE, or NAME= to delete it")
        changes[name] = value
    if options["extlinux"]:
        changes.update(_extlinux(options))
    return Told(env, info, version, tuple(_bank(text) for text in options["dram"]), options["words"], changes)


def _extlinux(options: dict[str, Any]) -> dict[str, str]:
    """What sysboot takes from extlinux.conf: the command line."""
    from bootmap.inputs import extlinux

    try:
        label = extlinux.parse(_read(options["extlinux"]).decode("utf-8", "replace")).default
    except InputError as error:
        raise error.in_file(options["extlinux"]) from None
    if label.initrd and not options["ramdisk"]:
        raise UsageError(
            f"{options['extlinux']}: {label.name!r} has the ramdisk {label.initrd}; give it with --ramdisk"
        )
    return {"bootargs": label.append} if label.append else {}


def _bank(text: str) -> Span:
    start, rest = memparse(text)
    size, tail = memparse(rest[1:])
    if not rest.startswith(",") or tail or not size:
        raise UsageError(f"--dram {text}: expected BASE,SIZE such as 0x40000000,512M")
    return Span(start, start + size)


def _size(text: str | None, option: str) -> int | None:
    """A size, or that of a file."""
    if text is None:
        return None
    number, rest = memparse(text)
    if text[:1].isdigit() and not rest:
        return number
    data = _read(text)
    if not data:
        raise UsageError(f"--{option} {text}: the file is empty")
    return len(data)


def _setup(board: str | None, told: Told, options: dict[str, Any]) -> Setup:
    from dataclasses import replace

    from bootmap.cli.inputs import read_inputs
    from bootmap.inputs.board import read_board
    from bootmap.inputs.fdt import Fdt
    from bootmap.plan import setup as make

    uboot = make.loader(told)
    ram = make.board(told, uboot)
    ramdisk = _size(options["ramdisk"], "ramdisk")
    if board is None:
        tree = make.blank_tree(options["dtb_size"] or 0)
        boot = make.command(told, _image(options), ramdisk, tree)
        return make.Setup("a board without a tree", uboot, ram, boot)
    description = read_board(board)
    if not isinstance(description, Fdt):
        raise UsageError(f"{board}: is an ATAG list; U-Boot's placements are modelled for device trees")
    boot = make.command(told, _image(options), ramdisk, description)
    if not options["config"] and not options["kernel_file"]:
        return make.Setup(board, uboot, ram, boot)
    names = ("config", "system_map", "kernel_file", "kernel_version", "features", "cpu", "zimage")
    kernel, handover = read_inputs(
        board,
        **{name: options[name] for name in names},
        cmdline=None, cpus=None, dtb_addr=None, initrd=None, phys_offset=None, load_addr=boot.kernel.at,
        machine_id=None, static_maps=(),
    )  # fmt: skip
    kept = [text for text in handover.assumptions if not text.startswith(("PHYS_OFFSET", "the boot loader put"))]
    return make.Setup(board, uboot, ram, boot, kernel, replace(handover, assumptions=tuple(kept)))


def _image(options: dict[str, Any]) -> Image:
    """The kernel file as U-Boot sees it."""
    from bootmap.cli.inputs import read_kernel_file
    from bootmap.cli.zimage_options import read_zimage
    from bootmap.plan.setup import image_of

    packed = read_zimage(options["zimage"], read_kernel_file(options["kernel_file"]))
    if packed is None:
        raise UsageError("nothing says how large the zImage is; give --zimage FILE or SIZE")
    return image_of(packed)
