"""``bootmap verify --log``: the prediction against the boot log of a real board, with or without its device tree."""

from __future__ import annotations

from typing import Any

import click

import bootmap
from bootmap.output import folded


def verify_log(board: str | None, logs: tuple[str, ...], *, as_json: bool, **options: Any) -> int:
    """Compare and print; 0 where nothing is contradicted and the board boots, 1 otherwise.

    Args:
        board: the device tree or ATAG list; None to make a board of what the first log tells.
        logs: files: boot logs, /proc/iomem, files of debugfs, told apart by what they hold.
        as_json: whether to print bootmap.verify-log/1.
        options: those of ``board_options``.

    Raises:
        BootmapError: something cannot be read or is missing.
    """
    from bootmap.report.ptdump_text import ptdump_text

    return _print(bootmap.verify_log(board, logs, ptdump=ptdump_text, **options), as_json=as_json)


def verify_archive(archive: str, *, as_json: bool, **options: Any) -> int:
    """Compare everything in an archive of a running board and print; exit codes as above.

    Raises:
        BootmapError: something cannot be read or is missing.
    """
    from bootmap.report.ptdump_text import ptdump_text

    return _print(bootmap.verify_archive(archive, ptdump=ptdump_text, **options), as_json=as_json)


def _print(report: bootmap.LogReport, *, as_json: bool) -> int:
    from bootmap.report.verify_log import verify_log_json, verify_log_text

    click.echo(verify_log_json(report) if as_json else folded(verify_log_text(report)), nl=as_json)
    ended = any(finding.fatal for finding in report.findings)
    return 1 if report.contradicted or report.outcome or ended else 0
