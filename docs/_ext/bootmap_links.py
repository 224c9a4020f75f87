"""Links of a page to files of the repository that are no pages.

Beside the source such a link opens the file.  The site holds the pages alone, so there the link becomes its text; a
path that is not in the repository is a warning, and with that an error of the build.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from sphinx.util import logging

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_LOG = logging.getLogger(__name__)
_DOCS = Path(__file__).parents[1]
_LINK = re.compile(r"(?<!!)\[([^\]\[]+)\]\((\.\./[^)#\s]+)(?:#[^)]*)?\)")


def without_files(text: str, page: Path) -> tuple[str, list[str]]:
    """The page with links that leave the documentation as text, and the links that lead nowhere at all."""
    missing: list[str] = []

    def say(link: re.Match[str]) -> str:
        target = (page.parent / link[2]).resolve()
        if target.is_relative_to(_DOCS):
            return link[0]
        if not target.exists():
            missing.append(link[2])
        return link[1]

    return _LINK.sub(say, text), missing


def _read(app: Sphinx, page: str, source: list[str]) -> None:
    source[0], missing = without_files(source[0], Path(app.env.doc2path(page)))
    for target in missing:
        _LOG.warning("%s is not in the repository", target, location=page)


def setup(app: Sphinx) -> dict[str, bool]:
    """Look at each page as it is read."""
    app.connect("source-read", _read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
