"""``bootmap verify``: hold a prediction against what a real kernel did."""

from __future__ import annotations

import sys
from typing import Any

import click

import bootmap
from bootmap.cli.options import board_options, boot_options
from bootmap.cli.progress import Progress
from bootmap.errors import UsageError
from bootmap.output import folded


@click.command()
@click.argument("boards", nargs=-1, type=click.Path(), metavar="[BOARD]...")
@board_options
@click.option(
    "--log",
    "logs",
    multiple=True,
    type=click.Path(),
    help="A boot log, /proc/iomem, or a file of debugfs (memblock/*, kernel_page_tables); repeatable.",
)
@boot_options
@click.option(
    "--loader",
    type=click.Choice(("u-boot", "barebox", "efi", "bootefi", "kexec", "kdump")),
    help="Boot with U-Boot's bootz, barebox, EDK2, U-Boot's bootefi; or twice, by kexec -e or a panic.",
)
@click.option(
    "--loader-file", type=click.Path(), help="Its image for QEMU's virt; the folder of kexec.  [Debian's; .kernels]"
)
@click.option("--ramdisk", type=click.Path(), help="A ramdisk for --loader.")
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="NAME=VALUE",
    help="A variable for --loader; NAME= deletes it. For kexec: append, image-size.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    boards: tuple[str, ...],
    logs: tuple[str, ...],
    as_json: bool,
    loader: str | None,
    loader_file: str | None,
    ramdisk: str | None,
    changes: tuple[str, ...],
    **options: Any,
) -> int:
    """Compare the prediction for BOARD with a real boot: under QEMU, or the log of a real board.

    With --kernel zImage the kernel is booted on QEMU's --machine with BOARD's device tree (without BOARD: the one that
    QEMU makes), read at the entry of paging_init and at its return, and compared word by word.  An xipImage is put
    into the machine's flash, at CONFIG_XIP_PHYS_ADDR.

    Where BOARD is an archive that `bootmap collect` made, everything in it is held against the prediction.

    With --log the log is held against the prediction, line by line.  Without --config and --system-map the kernel is
    then made of what the log tells, without BOARD the board too.

    With --loader u-boot the same kernel is booted by U-Boot on the virt machine: its messages, where it puts the tree
    and every byte of it are compared, then the kernel as above.  With barebox likewise: --loader-file is its
    barebox-dt-2nd.img.  With efi (EDK2) or bootefi memory comes from UEFI's
    map, which is read where the kernel's stub left it.  With kexec or kdump the kernel boots itself again: where kexec
    puts things and the second kernel are compared.

    Exit code 0: it boots and nothing differs; 1: something does, or the kernel dies.
    """
    if logs:
        from bootmap.cli.commands.verify_log import verify_log

        if len(boards) > 1:
            raise UsageError("--log is the log of one board; give one BOARD")
        for name in ("machine", "memory", "late", "place", "jobs", "timeout"):
            options.pop(name)
        return verify_log(boards[0] if boards else None, logs, as_json=as_json, **options)

    if loader is not None:
        from bootmap.report.chain_text import chain_json, chain_text

        with Progress(4 * max(len(boards), 1), sys.stderr) as bar:
            chains = bootmap.boot_with_loader(
                boards,
                loader=loader,
                loader_file=loader_file,
                ramdisk=ramdisk,
                changes=changes,
                progress=bar.step,
                **options,
            )
        click.echo(chain_json(chains) if as_json else folded("\n".join(chain_text(*row) for row in chains)))
        return 0 if all(chain.equal for _, chain in chains) else 1
    if loader_file or ramdisk or changes:
        raise UsageError("--loader-file, --ramdisk and --set go with --loader")
    if len(boards) == 1 and options["image"] is None and bootmap.open_archive(boards[0]) is not None:
        from bootmap.cli.commands.verify_log import verify_archive

        for name in ("machine", "memory", "late", "place", "jobs", "timeout"):
            options.pop(name)
        return verify_archive(boards[0], as_json=as_json, **options)

    from bootmap.report.verify_text import verify_json, verify_text

    with Progress(bootmap.BOOT_STEPS * max(len(boards), 1), sys.stderr) as bar:
        results = bootmap.boot_boards(boards, progress=bar.step, **options)
    booted = [result for result in results if not isinstance(result, Exception)]
    rows = [(one, one.compared()) for one in booted]
    if as_json:
        click.echo(verify_json(rows))
    else:
        for row in rows:
            click.echo(folded(verify_text(*row)))
    for failure in results:
        if isinstance(failure, Exception):
            raise failure
    return 0 if all(comparison.finding is bootmap.Comparison.EQUAL for _, comparison in rows) else 1
