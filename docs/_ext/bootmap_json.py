"""Every JSON document's keys, written from its schema, and the schemas themselves as files of the site."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bootmap_facts import Written, cell

from bootmap.report.schemas.table import SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx

FOLDER = "schemas"
_MOST_WORDS = 8
_NAMES = {
    "string": "text",
    "integer": "number",
    "number": "number",
    "boolean": "true or false",
    "null": "null",
    "array": "list",
    "object": "object",
}


def _kinds(schema: dict[str, Any]) -> list[str]:
    """What a value may be, in words."""
    if "enum" in schema:
        words = [json.dumps(value) for value in schema["enum"]]
        return words if len(words) <= _MOST_WORDS else [f"one of {len(words)} words"]
    found: list[str] = []
    for inner in [*schema.get("anyOf", []), *schema.get("oneOf", [])] if "type" not in schema else []:
        found += [kind for kind in _kinds(inner) if kind not in found]
    types = schema.get("type", [])
    return found + [_NAMES[kind] for kind in ([types] if isinstance(types, str) else types)]


def outline(schema: dict[str, Any], path: str = "", about: str = "") -> Iterator[tuple[str, str, str]]:
    """Path, kind of value and meaning of every key; members of lists are ``[]``, any key is ``NAME`` or ``ADDRESS``."""
    about = schema.get("description", about) if path else ""
    inner = {name: one for name, one in schema.get("properties", {}).items() if path or name != "schema"}
    if path and not ("items" in schema and isinstance(schema["items"], dict) and "properties" in schema["items"]):
        yield path, " or ".join(_kinds(schema)), about
    elif path:
        yield path, "list", about
    for one in [*schema.get("anyOf", []), *schema.get("oneOf", [])]:
        yield from (row for row in outline(one, path, about) if row[0] != path)
    for name, one in inner.items():
        about = one["description"] if name in schema["required"] else f"{one['description']} Not always there."
        yield from outline({**one, "description": about}, f"{path}.{name}" if path else name)
    if isinstance(schema.get("items"), dict):
        yield from (row for row in outline(schema["items"], f"{path}[]") if row[2] or row[0] != f"{path}[]")
    for one, name in (
        (schema.get("additionalProperties"), "NAME"),
        *((one, "ADDRESS") for one in schema.get("patternProperties", {}).values()),
    ):
        if isinstance(one, dict):
            yield from (row for row in outline(one, f"{path}.{name}") if row[2] or row[0] != f"{path}.{name}")


class JsonDocuments(Written):
    """A table of keys for each document."""

    def lines(self) -> Iterator[str]:
        """A section a document."""
        folder = Path(self.env.app.outdir) / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        for row in SCHEMAS:
            schema = row.schema()
            (folder / f"{row.name}.json").write_text(json.dumps(schema, indent=1) + "\n")
            yield f"## {row.document}"
            yield ""
            yield f"{schema['description']} `bootmap {row.printed_by}`; "
            yield f'its schema: <a href="../{FOLDER}/{row.name}.json">{row.name}.json</a>, `bootmap schema {row.name}`.'
            yield ""
            yield "| key | value | meaning |"
            yield "| --- | --- | --- |"
            for path, kind, about in dict.fromkeys(outline(schema)):
                yield f"| `{path}` | {cell(kind)} | {cell(about)} |"
            yield ""


def setup(app: Sphinx) -> dict[str, bool]:
    """Name the directive."""
    app.add_directive("json-documents", JsonDocuments)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
