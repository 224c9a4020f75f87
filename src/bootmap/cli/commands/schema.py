"""``bootmap schema``: the JSON Schema of what a command prints."""

from __future__ import annotations

import json

import click

from bootmap.errors import UsageError


@click.command()
@click.argument("name", required=False)
@click.option("--output", "-o", type=click.Path(dir_okay=False), help="Write there in place of standard output.")
def command(name: str | None, output: str | None) -> int:
    """Print the JSON Schema (2020-12) of the document NAME, or list the documents.

    NAME is what stands between the dot and the slash in the document's first key: `predict` for bootmap.predict/1.
    The schema needs no other and no network.  Of JSON Lines it describes one line.
    """
    from bootmap.output import write_file
    from bootmap.report.schemas.table import SCHEMAS, SCHEMAS_BY_NAME

    if name is None:
        if output is not None:
            raise UsageError("--output is for one schema: name it")
        widest = max(len(row.name) for row in SCHEMAS)
        for row in SCHEMAS:
            click.echo(f"{row.name:<{widest}}  bootmap {row.printed_by}{', each line' if row.lines else ''}")
        return 0
    found = SCHEMAS_BY_NAME.get(name)
    if found is None:
        raise UsageError(f"no document is called {name!r}; bootmap schema lists them")
    text = json.dumps(found.schema(), indent=1, ensure_ascii=False) + "\n"
    if output is None:
        click.echo(text, nl=False)
    else:
        write_file(output, text.encode())
    return 0
