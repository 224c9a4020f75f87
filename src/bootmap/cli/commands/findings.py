"""``bootmap findings``: memory maps that kill real kernels, and how to see and report each."""

from __future__ import annotations

from pathlib import Path

import click

import bootmap


@click.command()
@click.argument("name", required=False)
@click.option("--letter", is_flag=True, help="Print a report that is ready for linux-arm-kernel.")
@click.option("--zimage", metavar="FILE", help="The zImage in QEMU's command line, or the Image where NAME is of that.")
@click.option("--run", is_flag=True, help="Boot the board with --zimage under QEMU and say what it died of.")
@click.option(
    "--timeout", type=click.FloatRange(1, 3600), default=60, show_default=True, help="Seconds that --run gives it."
)
def command(name: str | None, letter: bool, zimage: str | None, run: bool, timeout: float) -> int:
    """List the memory maps that kill real kernels, or tell of the one called NAME.

    Each was booted.  For NAME: what is special about the board, what the kernel does and why, which kernels died, what
    to change, and QEMU's command line that shows it with a zImage of yours.

    Exit code 1: with --run, the kernel does not come up.
    """
    from bootmap.report.kernel_findings_text import (
        finding_letter,
        finding_text,
        findings_list,
        reproduction_text,
    )

    if name is None:
        if letter or run or zimage is not None:
            raise click.UsageError("--letter, --zimage and --run are for one finding: name it")
        click.echo("\n".join(findings_list(bootmap.kernel_findings())))
        return 0
    record = next((each for each in bootmap.kernel_findings() if each.finding.name == name), None)
    if record is None:
        raise click.UsageError(f"no finding is called {name!r}; bootmap findings lists them")
    if run:
        if zimage is None:
            raise click.UsageError("--run needs the kernel: --zimage FILE")
        if not record.by_qemu:
            raise click.UsageError(f"{name}: a zImage would choose another PHYS_OFFSET; use bootmap verify")
        result = record.reproduce(Path(zimage), timeout)
        click.echo("\n".join(reproduction_text(record, result)))
        return int(not result.came_up)
    if letter:
        if not record.finding.change:
            raise click.UsageError(f"{name}: here the board is to be changed, not the kernel; there is no letter")
        click.echo("\n".join(finding_letter(record)))
        return 0
    click.echo("\n".join(finding_text(record, zimage)))
    return 0
