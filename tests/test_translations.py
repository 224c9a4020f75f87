"""Pages in Chinese: none falls behind its original, and both use one word for one thing."""

from __future__ import annotations

import re

import pytest
from support.translations import ROOT, TRANSLATIONS, blocks_of, digest_of, noted, original_of

IDS = [str(page.relative_to(ROOT)) for page in TRANSLATIONS]
_LINK = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)")
_TERM = re.compile(r"(?m)^- \*\*([^*]+)\*\*(?: ?[(（]([^)）]+)[)）])?[：:]")


@pytest.mark.parametrize("page", TRANSLATIONS, ids=IDS)
def test_translation_was_held_against_its_original(page: object) -> None:
    """After a change of the original: change the page, then ``python tests/support/translations.py --read PAGE``."""
    (found,) = (each for each in TRANSLATIONS if each is page)
    original = original_of(found)
    assert noted(found) == (str(original.relative_to(ROOT)), digest_of(original)), f"{original} says something else now"


@pytest.mark.parametrize("page", TRANSLATIONS, ids=IDS)
def test_translation_shows_what_its_original_shows(page: object) -> None:
    """After a change of outputs: ``python tests/support/translations.py``."""
    (found,) = (each for each in TRANSLATIONS if each is page)
    assert blocks_of(found) == blocks_of(original_of(found))


@pytest.mark.parametrize("page", TRANSLATIONS, ids=IDS)
def test_translation_links_to_what_is_there(page: object) -> None:
    (found,) = (each for each in TRANSLATIONS if each is page)
    missing = [link for link in _LINK.findall(found.read_text()) if not (found.parent / link).exists()]
    assert not missing


def test_every_step_of_the_boot_is_translated() -> None:
    there = {path.name for path in (ROOT / "docs" / "zh" / "boot").glob("*.md")}
    assert there == {path.name for path in (ROOT / "docs" / "boot").glob("*.md")}


@pytest.mark.parametrize("page", TRANSLATIONS, ids=IDS)
def test_bank_has_one_word(page: object) -> None:
    """That of the glossary; 段 is a section of the page tables."""
    (found,) = (each for each in TRANSLATIONS if each is page)
    assert re.findall("内存库|内存块|段内存|段可用的|段 RAM", found.read_text().replace("一段 RAM，内核尚未", "")) == []


def test_glossaries_have_the_same_terms() -> None:
    """Term by term, in the same order; the English page names the Chinese term, and the other way round."""
    english = _TERM.findall((ROOT / "docs" / "glossary.md").read_text())
    chinese = _TERM.findall((ROOT / "docs" / "zh" / "glossary.md").read_text())
    assert len(english) == len(chinese) > 50

    def words(text: str) -> set[str]:
        return {word.strip() for word in re.split(r"[,，、]", text)}

    for (term, its_chinese), (other, its_english) in zip(english, chinese, strict=True):
        assert words(term) == words(its_english or other)
        assert words(its_chinese or term) == words(other)
