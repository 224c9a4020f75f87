"""Every JSON document that any test has printed is held against its schema."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import jsonschema

from bootmap.report.schemas.table import SCHEMAS_BY_NAME

_NAME = re.compile(r'\s*\{\s*"schema":\s*"bootmap\.([a-z-]+)/\d+"')


@cache
def validator(name: str) -> Any:
    """The schema of the document ``name``, ready to be held against documents."""
    schema = SCHEMAS_BY_NAME[name].schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def hold(document: Any) -> None:
    """Fail with the place where a document is not what its schema says."""
    name = document["schema"].removeprefix("bootmap.").partition("/")[0]
    wrong = [f"{error.json_path}: {error.message[:300]}" for error in validator(name).iter_errors(document)]
    assert not wrong, f"{document['schema']}: " + "; ".join(wrong[:5])


def hold_text(text: str) -> None:
    """The same for what a command printed, if that is one of bootmap's documents, or lines of them."""
    found = _NAME.match(text)
    if found is None:
        return
    try:
        documents = [json.loads(text)]
    except json.JSONDecodeError:
        documents = [json.loads(line) for line in text.splitlines()]
    for document in documents:
        hold(document)
