r"""Seeking a pattern in very many lines: only where a word stands without which it cannot match.

    Sought(re.compile(r"\b(?:cma|CMA): [Rr]eserved \d+ MiB")).words      (": Reserved ", ": reserved ")

Whether a word is in a line, Python tells a hundred times as fast as a regular expression looks through it.
Not here: patterns.
"""

from __future__ import annotations

import re

_ANCHORS = frozenset("bBAZ")
_ESCAPE = re.compile(r"\\(?:x..|u.{4}|\d+|.)", re.DOTALL)
_MOST_WORDS = 8  # that a class of two letters, and one more, may multiply a word to
_AHEAD = ("(?=", "(?!", "(?<=", "(?<!")
_QUANTIFIER = re.compile(r"(?:([?*])|(\+)|\{(\d*)(?:,\d*)?\})[?+]?")
_GROUP = re.compile(r"\((?:\?(?::|P<\w+>|=|!|<=|<!))?")
_SET = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]")


class Sought:
    """A compiled pattern, and words of which any text that it matches has one; none where that cannot be told."""

    __slots__ = ("pattern", "words")

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self.pattern = pattern
        self.words = words_of(pattern)

    def may_be_in(self, text: str) -> bool:
        """Whether a line of ``text`` could match; False only where none does."""
        return not self.words or any(word in text for word in self.words)

    def search(self, text: str) -> re.Match[str] | None:
        """As the pattern's own."""
        if not self.words:
            return self.pattern.search(text)
        for word in self.words:
            if word in text:
                return self.pattern.search(text)
        return None


def words_of(pattern: re.Pattern[str]) -> tuple[str, ...]:
    """Words of which any text that ``pattern`` matches has one; empty where there are none.

    Patterns that ignore case, or are written with spaces of their own, have none.
    """
    if pattern.flags & (re.IGNORECASE | re.VERBOSE):
        return ()
    words = dict.fromkeys(_either(pattern.pattern, 0)[0])
    return tuple(word for word in words if not any(other != word and other in word for other in words))


def _either(text: str, at: int) -> tuple[list[str], int]:
    """The words of alternatives, up to the end of their group, and where that is: none where one has none."""
    words, at = _sequence(text, at)
    every = bool(words)
    while text[at : at + 1] == "|":
        more, at = _sequence(text, at + 1)
        every = every and bool(more)
        words = words + more
    return words if every else [], at


def _sequence(text: str, at: int) -> tuple[list[str], int]:
    """The same for what stands side by side: the words that are hardest to find."""
    best: list[str] = []
    runs = [""]  # spellings of the letters that stand there one behind another

    def better(words: list[str]) -> list[str]:
        return words if _worth(words) > _worth(best) else best

    while at < len(text) and text[at] not in "|)":
        letters, inside, at = _item(text, at)
        quantifier = _QUANTIFIER.match(text, at)
        needed = True
        if quantifier is not None:
            at = quantifier.end()
            needed = bool(quantifier[2]) or int(quantifier[3] or 0) > 0
        if letters == "":
            continue  # takes no place
        grown = [run + letter for run in runs for letter in letters or () if needed]
        if grown and len(grown) <= _MOST_WORDS:
            runs = grown
            if quantifier is None:
                continue
        best = better(runs)
        runs = [""]
        if needed and inside:
            best = better(inside)
    return better(runs), at


def _worth(words: list[str]) -> float:
    """Long words are rare, and each takes its time."""
    return min(map(len, words)) - len(words) / 4 if words and all(words) else -1000


def _item(text: str, at: int) -> tuple[str | None, list[str], int]:
    """What one thing is and where it ends: the letters that it may be (None: others too), and words inside."""
    if text[at] == "(":
        opening = _GROUP.match(text, at)
        assert opening is not None
        inside, end = _either(text, opening.end())
        return None, [] if opening[0] in _AHEAD else inside, end + 1
    if text[at] == "[":
        found = _SET.match(text, at)
        assert found is not None
        letters = found[0][1:-1]
        plain = len(letters) == 2 and not set(letters) & set("^\\")
        return letters if plain else None, [], found.end()
    if text[at] == "\\":
        escape = _ESCAPE.match(text, at)
        assert escape is not None
        letter = escape[0][1:]
        return "" if letter in _ANCHORS else None if letter[0].isalnum() else letter, [], escape.end()
    if text[at] in ".^$":
        return None if text[at] == "." else "", [], at + 1
    return text[at], [], at + 1
