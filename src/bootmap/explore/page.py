"""The page itself: the built front end with the documents in it, compressed."""

from __future__ import annotations

import base64
import gzip
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import msgspec

from bootmap.explore.document import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bootmap.explore.journal import Journal

_SLOT = "<!--bootmap-data-->"


def document_of(sides: Sequence[tuple[dict[str, Any], Journal]], version: str) -> tuple[bytes, list[bytes]]:
    """The document as JSON, and each side's words."""
    document = {"schema": SCHEMA, "bootmap": version, "sides": [side for side, _ in sides]}
    return msgspec.json.encode(document), [journal.words() for _, journal in sides]


def page_of(sides: Sequence[tuple[dict[str, Any], Journal]], version: str) -> str:
    """One self-contained HTML file.

    Args:
        sides: one boot, or two that are compared.
        version: of bootmap, for the page's foot.
    """
    document, words = document_of(sides, version)
    blocks = [_block("document", document)] + [_block(f"words-{n}", block) for n, block in enumerate(words)]
    template = files("bootmap.explore").joinpath("page.html").read_text("utf-8")
    before, slot, after = template.partition(_SLOT)
    assert slot, "page.html has no place for the data"
    return "".join([before, *blocks, after])


def _block(name: str, data: bytes) -> str:
    """Bytes as a script element that no browser runs; base64 holds nothing that could end it."""
    text = base64.b64encode(gzip.compress(data, 9, mtime=0)).decode()
    return f'<script type="application/gzip;base64" id="{name}">{text}</script>\n'
