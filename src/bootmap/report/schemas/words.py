"""The words that schemas are written in: small functions that return JSON Schema (2020-12).

Every object is closed (``additionalProperties: false``) and every key is required unless it is named optional, so that
a key that is added, lost or renamed without its schema is seen at once.
"""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from enum import Enum

Schema = dict[str, Any]
Keys = dict[str, tuple[Schema, str]]

TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
NUMBER: Schema = {"type": "number"}
INTEGER: Schema = {"type": "integer"}
NATURAL: Schema = {"type": "integer", "minimum": 0}
"""An address, a size in bytes, a word, a count."""
LINE: Schema = {"type": "integer", "minimum": 1}
HEX: Schema = {"type": "string", "pattern": "^([0-9a-f]{2})*$"}
"""Bytes of memory."""
ADDRESS_KEY = "^0x[0-9a-f]+$"
TEXTS: Schema = {"type": "array", "items": TEXT}
NATURALS: Schema = {"type": "array", "items": NATURAL}


def record(keys: Keys, *, optional: Iterable[str] = ()) -> Schema:
    """An object with these keys: for each its schema, and what it holds in words."""
    left_out = set(optional)
    return {
        "type": "object",
        "properties": {name: {**schema, "description": about} for name, (schema, about) in keys.items()},
        "required": [name for name in keys if name not in left_out],
        "additionalProperties": False,
    }


def rows(keys: Keys, *, optional: Iterable[str] = ()) -> Schema:
    """A list of objects."""
    return many(record(keys, optional=optional))


def many(schema: Schema) -> Schema:
    """A list of any length."""
    return {"type": "array", "items": schema}


def tuple_of(*members: Schema) -> Schema:
    """A list with exactly these members."""
    return {"type": "array", "prefixItems": list(members), "items": False, "minItems": len(members)}


def table_of(schema: Schema, pattern: str | None = None) -> Schema:
    """An object whose keys are names that the schema cannot know, or addresses."""
    if pattern is None:
        return {"type": "object", "additionalProperties": schema}
    return {"type": "object", "patternProperties": {pattern: schema}, "additionalProperties": False}


def maybe(schema: Schema) -> Schema:
    """The same, or null where it is not known."""
    if isinstance(schema.get("type"), str) and "enum" not in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def either(*schemas: Schema) -> Schema:
    """One of these, which exclude each other."""
    return {"oneOf": list(schemas)}


def one_of(*values: str) -> Schema:
    """One of these words."""
    return {"enum": list(values)}


def values_of(kind: type[Enum]) -> Schema:
    """One of an enumeration's values."""
    return {"enum": [member.value for member in kind]}


def names_of(kind: type[Enum], *, lower: bool = False) -> Schema:
    """One of the names of an enumeration's members."""
    return {"enum": [member.name.lower() if lower else member.name for member in kind]}


def document(name: str, keys: Keys, *, about: str, optional: Iterable[str] = ()) -> Schema:
    """A whole schema: its first key is the document's own name."""
    whole = record({"schema": ({"const": name}, "The document and its version."), **keys}, optional=optional)
    return {
        "$schema": DIALECT,
        "$id": f"urn:{name.replace('.', ':').replace('/', ':')}",
        "title": name,
        "description": about,
        **whole,
    }


DIALECT = "https://json-schema.org/draft/2020-12/schema"


def keys_of(kind: type, *, omits_defaults: bool = False) -> tuple[Keys, list[str]]:
    """The keys of a class whose objects are printed as they are, with the words of its docstring.

    Returns:
        The keys, and those that are left out where they have their default.
    """
    import msgspec

    (schema,), components = msgspec.json.schema_components([kind])
    found = _resolved(components[schema["$ref"].rpartition("/")[2]], components, omits_defaults)
    keys = {name: (inner, inner["description"]) for name, inner in found["properties"].items()}
    return keys, [name for name in keys if name not in found["required"]]


def class_record(kind: type, *, omits_defaults: bool = False) -> Schema:
    """An object of a class that is printed as it is."""
    keys, optional = keys_of(kind, omits_defaults=omits_defaults)
    return record(keys, optional=optional)


def _resolved(schema: Schema, components: Mapping[str, Schema], omits: bool) -> Schema:
    """Msgspec's schema with its references put in, closed, and without defaults."""
    if "$ref" in schema:
        return _resolved(components[schema["$ref"].rpartition("/")[2]], components, omits)
    found: Schema = {}
    for key, value in schema.items():
        if key == "properties":
            about = _attributes(inspect.cleandoc(schema.get("description", "")))
            found[key] = {
                name: {**_resolved(inner, components, omits), "description": about.get(name, "")}
                for name, inner in value.items()
            }
        elif key in ("anyOf", "prefixItems"):
            found[key] = [_resolved(inner, components, omits) for inner in value]
        elif isinstance(value, dict) and key in ("items", "additionalProperties"):
            found[key] = _resolved(value, components, omits)
        elif key not in ("default", "title", "description"):
            found[key] = value
    if "properties" in found:
        found["additionalProperties"] = False
        found["required"] = schema.get("required", []) if omits else list(found["properties"])
    return found


def _attributes(doc: str) -> dict[str, str]:
    """What a docstring says of each attribute."""
    _, _, part = doc.partition("Attributes:\n")
    part = part.partition("\n\n")[0]
    found = re.findall(r"(?m)^ {4}(\w+): (.+(?:\n {8}.+)*)", part)
    return {name: " ".join(text.split()).replace("``", "`") for name, text in found}
