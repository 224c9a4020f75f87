"""Pages in a second language, and the state of the original that each was written from.

A translated page ends with a comment that names its original and a digest of the original's words.  What its console
blocks show is the original's, which is run again by `support.pages`; so blocks do not count as words; neither do the
lists of pages that only the site has.

    python tests/support/translations.py               copies the blocks of today into every translation
    python tests/support/translations.py --read PAGE   notes that PAGE says what its original says now
"""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"(?m)^```console\n(?:.*\n)*?```$")
_NO_WORDS = re.compile(r"(?m)^```(?:console|\{toctree\})\n(?:.*\n)*?```$")
_MARK = re.compile(r"\n<!-- original: (\S+) ([0-9a-f]{16}) -->\n\Z")

TRANSLATIONS = [ROOT / "README.zh-CN.md", *sorted((ROOT / "docs" / "zh").rglob("*.md"))]


def original_of(page: Path) -> Path:
    """Where the English page is."""
    if page.parent == ROOT:
        return ROOT / page.name.replace(".zh-CN", "")
    return ROOT / "docs" / page.relative_to(ROOT / "docs" / "zh")


def digest_of(original: Path) -> str:
    """Of the words of a page: what its console blocks print, and the order of the site, may change."""
    return hashlib.sha256(_NO_WORDS.sub("", original.read_text()).encode()).hexdigest()[:16]


def blocks_of(page: Path) -> list[str]:
    """The console blocks of a page, in order."""
    return _BLOCK.findall(page.read_text())


def noted(page: Path) -> tuple[str, str] | None:
    """Original and digest that the page's last line names."""
    mark = _MARK.search(page.read_text())
    return (mark[1], mark[2]) if mark else None


def with_blocks(page: Path) -> str:
    """The page's text with its original's blocks in place of its own."""
    blocks = iter(blocks_of(original_of(page)))
    return _BLOCK.sub(lambda _: next(blocks), page.read_text())


def read(page: Path) -> None:
    """Note that the page was held against its original as it is now."""
    original = original_of(page)
    mark = f"\n<!-- original: {original.relative_to(ROOT)} {digest_of(original)} -->\n"
    page.write_text(_MARK.sub("", page.read_text()).rstrip("\n") + "\n" + mark)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--read"]:
        for name in sys.argv[2:]:
            read(Path(name).resolve())
    else:
        for each in TRANSLATIONS:
            each.write_text(with_blocks(each))
