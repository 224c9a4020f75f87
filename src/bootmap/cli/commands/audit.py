"""``bootmap audit``: what is wrong with page tables, as text, JSON or SARIF."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

import bootmap
from bootmap.cli.options import tables_arguments, tables_options
from bootmap.output import folded

if TYPE_CHECKING:
    from collections.abc import Sequence

FORMATS = ("text", "json", "sarif")
_SEVERITIES = ("error", "warning", "note")


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="SOURCE")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="For people, bootmap's own (bootmap.audit/1), or SARIF 2.1.0.",
)
@click.option(
    "--fail-on",
    type=click.Choice(_SEVERITIES),
    default="warning",
    show_default=True,
    help="Exit with 1 where a finding is this bad or worse.",
)
@tables_options
def command(words: tuple[str, ...], form: str, fail_on: str, **options: Any) -> int:
    """Look for what is wrong with the page tables of SOURCE.

    SOURCE is as for `bootmap tables`.  Findings are errors, warnings and notes; a note is what something explains.
    """
    with bootmap.open(*words, **tables_arguments(options)) as tables:
        found = bootmap.audit(tables, cpu=options["cpu"], stage=options["stage"])
        click.echo(_content(tables, found, form, [*tables.assumptions, *tables.incomplete]))
    return 1 if found.at_least(bootmap.Severity[fail_on.upper()]) else 0


def _content(source: bootmap.Tables, found: bootmap.Audit, form: str, assumptions: Sequence[str]) -> str:
    from bootmap.report.audit_text import audit_text
    from bootmap.report.source_text import assumptions_text, registers_text, source_document

    if form == "text":
        parts = [
            f"{source.name}: {source.kind}{f' after {source.snapshot.name}' if source.snapshot is not None else ''}\n"
            f"{registers_text(source.regs, source.named_registers)}",
            audit_text(found),
            assumptions_text(assumptions),
        ]
        return folded("\n\n".join(filter(None, parts)))
    import msgspec

    if form == "sarif":
        from bootmap.report.sarif import sarif_document

        return msgspec.json.encode(sarif_document(found, source.name, bootmap.__version__, assumptions)).decode()
    from bootmap.report.audit_json import SCHEMA, audit_document

    head = source_document(source.name, source.kind, source.regs, source.named_registers, assumptions)
    return msgspec.json.encode({"schema": SCHEMA, **head, **audit_document(found)}).decode()
