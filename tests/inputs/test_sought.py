"""Seeking only where a word stands: the same is found as without."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bootmap.bootlog import capture, handed_over, log, progress
from bootmap.facts.linux.last_words import LAST_WORDS, WORTH
from bootmap.facts.linux.log_lines import LINES
from bootmap.inputs.sought import Sought, words_of

DATA = Path(__file__).parents[1] / "data"
PATTERNS = {
    pattern.pattern: pattern
    for pattern in (
        *(row.pattern for row in LINES),
        *(row.pattern for row in LAST_WORDS),
        *(row.pattern.pattern for row in progress.MILESTONES),
        *(
            found.pattern
            for module in (capture, handed_over, log, progress)
            for found in vars(module).values()
            if isinstance(found, Sought)
        ),
        WORTH,
    )
}


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (r"Linux version \d", ("Linux version ",)),
        (r"\b(?:cma|CMA): [Rr]eserved \d+ MiB", (": Reserved ", ": reserved ")),
        (r"^(?:one|three) ?times+\s*$", ("times",)),
        (r"a long way|x", ("a long way", "x")),
        (r"(?:ab)?c{2}d{0,3}", ("c",)),
        (r"ab*c+d", ("a",)),
        (r"(?!never)(?<=nor)\d\.5", (".5",)),
        (r"[^a]b\x41z", ("b",)),
        (r"(?:word|)", ()),
        (r"\d+|word", ()),
        (r"x*", ()),
        (r"word|a word", ("word",)),
        (r"(?P<start>[]x])\[(?P<name>mem|ram)\]", ("mem", "ram")),
    ],
)
def test_words(pattern: str, words: tuple[str, ...]) -> None:
    assert words_of(re.compile(pattern)) == words


@pytest.mark.parametrize("flag", [re.IGNORECASE, re.VERBOSE])
def test_no_words_where_letters_are_not_themselves(flag: re.RegexFlag) -> None:
    sought = Sought(re.compile(r"so me", flag))
    assert sought.words == ()
    assert sought.search("SO ME some") is not None


@settings(max_examples=400)
@given(st.data())
def test_what_matches_has_a_word(data: st.DataObject) -> None:
    """Of every pattern that logs are looked through with."""
    pattern = PATTERNS[data.draw(st.sampled_from(sorted(PATTERNS)))]
    text = data.draw(st.from_regex(pattern))
    words = words_of(pattern)
    assert not words or any(word in text for word in words)


def test_most_patterns_have_words() -> None:
    """What has none is sought everywhere, which is slow."""
    assert [text for text, pattern in PATTERNS.items() if not words_of(pattern)] == []


@pytest.mark.parametrize("name", ["am335x-3.8.13-bone.log", "am335x-5.15-rc1.log", "am5728-5.13-rc2.log"])
def test_same_matches_in_logs(name: str) -> None:
    lines = (DATA / "logs" / name).read_text(errors="replace").splitlines()
    for pattern in PATTERNS.values():
        sought = Sought(pattern)
        assert [bool(sought.search(line)) for line in lines] == [bool(pattern.search(line)) for line in lines]
