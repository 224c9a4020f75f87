"""The page itself: the built front end with the documents in it, compressed."""

from __future__ import annotations

import base64
import gzip
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import msgspec

from bootmap import __version__
from bootmap.explore.document import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bootmap.explore.journal import JournalSide

_SLOT = "<!--bootmap-data-->"
_CLOSED = "base-uri 'none'"
"""In the page's policy: where a served page, which asks for changes, gets a connection to its own server."""


def document_of(sides: Sequence[JournalSide], stage: str | None = None, live: str | None = None) -> bytes:
    """The document as JSON.

    Args:
        sides: one boot, or two that are compared.
        stage: where the page opens; the end of paging_init where not given.
        live: the address that tells a served page whether it is still the newest.
    """
    document: dict[str, Any] = {"schema": SCHEMA, "bootmap": __version__, "sides": [side.document for side in sides]}
    if stage is not None:
        document["stage"] = stage
    if live is not None:
        document["live"] = live
    return msgspec.json.encode(document)


def page_of(*sides: JournalSide, stage: str | None = None, live: str | None = None) -> str:
    """One self-contained HTML file; arguments as for :func:`document_of`."""
    blocks = [_block("document", document_of(sides, stage, live))]
    blocks += [_block(f"words-{n}", side.journal.words()) for n, side in enumerate(sides)]
    template = files("bootmap.explore").joinpath("page.html").read_text("utf-8")
    before, slot, after = template.partition(_SLOT)
    assert slot, "page.html has no place for the data"
    if live is not None:
        before = before.replace(_CLOSED, f"connect-src 'self'; {_CLOSED}", 1)
    return "".join([before, *blocks, after])


def _block(name: str, data: bytes) -> str:
    """Bytes as a script element that no browser runs; base64 holds nothing that could end it."""
    text = base64.b64encode(gzip.compress(data, 9, mtime=0)).decode()
    return f'<script type="application/gzip;base64" id="{name}">{text}</script>\n'
