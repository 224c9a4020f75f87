"""``bootmap features``: which of the kernel's rules apply to a version and a configuration, and why."""

from __future__ import annotations

import click

import bootmap
from bootmap.errors import UsageError
from bootmap.output import folded


@click.command()
@click.option(
    "--kernel-version",
    "versions",
    multiple=True,
    metavar="V",
    help="A version such as 3.10 or 6.1.55; several are put side by side.",
)
@click.option("--config", type=click.Path(), help="The kernel's .config (also .gz).")
@click.option("--kernel", "image", type=click.Path(), help="vmlinux or zImage, for its version and configuration.")
@click.option("--feature", "features", multiple=True, metavar="NAME=on|off", help="Override a rule.")
@click.option("--all", "whole", is_flag=True, help="Also the rules that do not apply.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (bootmap.features/1).")
def command(
    versions: tuple[str, ...],
    config: str | None,
    image: str | None,
    features: tuple[str, ...],
    whole: bool,
    as_json: bool,
) -> None:
    """List the rules by which kernels differ that apply to one, and say why.

    What a version has, what a stable release brought back, and what an option of the configuration decides.  A vendor
    kernel is a version with --feature for what it has taken from later ones.
    """
    from bootmap.report.features import features_columns, features_json, features_text

    if not versions and config is None and image is None:
        raise UsageError("which kernel? Give --kernel-version, --config or --kernel")
    tables = bootmap.features(versions, config=config, image=image, overrides=features)
    names, rows = [table.name for table in tables], [table.sections for table in tables]
    if as_json:
        click.echo(features_json(names, rows, whole=whole))
    elif len(tables) == 1:
        click.echo(folded(features_text(names[0], rows[0], whole=whole)), nl=False)
    else:
        click.echo(folded(features_columns(names, rows, whole=whole)))
