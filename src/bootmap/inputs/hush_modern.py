"""The language of U-Boot's scripts as its newer parser reads it (CONFIG_HUSH_MODERN_PARSER, since 2024.04).

It is a later hush, cut down otherwise, and nearer to a shell: the whole text is read before any of it is run, lines are
joined by a backslash, values of variables are split but not read again, ``{ }`` and ``( )`` are groups.  Of ``${name``
with an operator behind it, the operator is taken for the name's last character, and what follows is text.

A mistake resets the board ("HUSH died!"), but for what is never closed: then nothing of the text is run.

Source: common/cli_hush_upstream.c ``parse_stream``, ``parse_dollar``, ``encode_string``, ``expand_vars_to_list``
(2025.01 to 2026.10).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bootmap.errors import InputError
from bootmap.inputs.hush import MOST_NESTED
from bootmap.inputs.hush_nodes import Braced, For, If, ModernCommand, ModernWord, Part, While

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bootmap.inputs.hush_nodes import Listing, Node

_BLANKS, _SPACES = " \t\n", " \t"
_OPERATORS, _SPECIAL, _ARGUMENTS = "%#:-=+?", "_*@$!?#-", ("@", "*")
_PIECE = re.compile(f"[^{_BLANKS}]+")
_RESERVED = frozenset(("if", "then", "elif", "else", "fi", "for", "while", "until", "in", "do", "done"))
_RESETS = "the newer parser resets the board there"


class UnclosedError(InputError):
    """Something is never closed: nothing of the text is run, and its status is 1."""


def commands(text: str, first_line: int = 1) -> Listing:
    """The commands of a whole text.

    Raises:
        UnclosedError: something is never closed.
        InputError: there is another mistake, or what is not replayed.
    """
    reader = _Reader(text, first_line)
    found = reader.listing((), 0)
    if reader.mark:
        raise InputError(f"syntax error: unexpected {reader.mark!r}: {_RESETS}", line=reader.line)
    return found


def fields(words: Iterable[ModernWord], value: Callable[[str], str]) -> list[str]:
    """The words that a command gets: variables out of quotes are split at blanks, and vanish where they are empty."""
    found: list[str] = []
    for word in words:
        found += _fields(word, value)
    return found


def joined(word: ModernWord, value: Callable[[str], str]) -> str:
    """A word that is not split, such as an assignment."""
    return "".join(value(part.text) if part.is_variable else part.text for part in word.parts)


def _fields(word: ModernWord, value: Callable[[str], str]) -> list[str]:
    done: list[str] = []
    now, kept, ended = "", False, False  # the field that is made; whether it stays where it is empty; a blank ended it
    for part in word.parts:
        if ended:
            done.append(now)
            now, kept, ended = "", False, False
        if part.is_variable and part.text in _ARGUMENTS:
            continue
        text = value(part.text) if part.is_variable else part.text
        if part.quoted or not part.is_variable:
            now += text
            kept = kept or part.quoted
            continue
        pieces = _PIECE.findall(text)
        if pieces and text[0] in _BLANKS and (now or kept):
            done.append(now)
            now, kept = "", False
        for piece in pieces[:-1]:
            done.append(now + piece)
            now, kept = "", False
        now += pieces[-1] if pieces else ""
        ended = bool(text) and text[-1] in _BLANKS
    return [*done, now] if now or kept else done


class _Reader:
    """Characters, put together to words and commands.

    Attributes:
        mark: the mark that was read last: a newline, ``;``, ``&&``, ``||``, a bracket, "" at the end.
        line: its line.
    """

    def __init__(self, text: str, line: int) -> None:
        self._text, self._at, self.line = text, 0, line
        self.mark = ""
        self._word: ModernWord | None = None

    def listing(self, ends: tuple[str, ...], depth: int) -> Listing:
        """Commands up to one of the words ``ends``, a closing bracket, or the end; that is taken."""
        found: list[tuple[Node, str]] = []
        self.mark = ";"
        while self._word is not None or self.mark not in ("", ")", "}"):
            self._next(starts=True)
            if self._word is None and self.mark in ("(", "{"):
                found.append((self._group(depth, inverted=False), self._behind_block()))
            elif self._word is not None:
                name = self._word.literal
                if name in ends:
                    break
                node, is_block = self._node(name, depth)
                found.append((node, self._behind_block() if is_block else self._mark_behind()))
            elif found and self.mark in ("&&", "||"):
                found[-1] = (found[-1][0], self.mark)
        return tuple(found)

    def _mark_behind(self) -> str:
        return self.mark if self.mark in ("&&", "||") else ";"

    def _behind_block(self) -> str:
        self._next(starts=False, closes=True)
        if self._word is not None:
            raise self._mistake(self._word.literal or "words")
        return self._mark_behind()

    def _node(self, name: str, depth: int) -> tuple[Node, bool]:
        """A command, whose mark is read then; or a block, whose is not."""
        line, inverted = self.line, False
        while name == "!":
            if inverted:
                raise self._mistake("! !")
            inverted = True
            self._next(starts=True)
            if self._word is None:
                if self.mark in ("(", "{"):
                    return self._group(depth, inverted=True), True
                return ModernCommand((), 0, line), False
            name = self._word.literal
        if depth >= MOST_NESTED:
            raise InputError(f"more than {MOST_NESTED} blocks in each other", line=self.line)
        block: Node
        if name == "if":
            block = self._if(line, depth + 1)
        elif name == "for":
            block = self._for(line, depth + 1)
        elif name in ("while", "until"):
            block = self._while(name, line, depth + 1)
        elif name in _RESERVED:
            raise self._mistake(name)
        else:
            return self._command(line), False
        return (Braced(((block, ";"),), True, line) if inverted else block), True

    def _command(self, line: int) -> ModernCommand:
        words: list[ModernWord] = []
        assignments = 0
        while self._word is not None:
            if self._word.assigns and assignments == len(words):
                assignments += 1
            words.append(self._word)
            self._next(starts=False)
        return ModernCommand(tuple(words), assignments, line)

    def _group(self, depth: int, *, inverted: bool) -> Braced:
        line, closing = self.line, {"{": "}", "(": ")"}[self.mark]
        if depth >= MOST_NESTED:
            raise InputError(f"more than {MOST_NESTED} blocks in each other", line=line)
        body = self.listing((), depth + 1)
        if not self.mark:
            raise UnclosedError(f"{closing!r} is missing", line=self.line)
        if self.mark != closing or not body:
            raise self._mistake(self.mark)
        return Braced(body, inverted, line)

    def _block(self, ends: tuple[str, ...], depth: int) -> tuple[Listing, str]:
        """Commands up to a word that goes on with the block, and that word."""
        body = self.listing(ends, depth)
        if self._word is None:
            if self.mark:
                raise self._mistake(self.mark)
            raise UnclosedError(f"the text ends before {' or '.join(map(repr, ends))}", line=self.line)
        return body, self._word.literal

    def _if(self, line: int, depth: int) -> If:
        otherwise: Listing = ()
        arms, name = [], "if"
        while name in ("if", "elif"):
            condition, _ = self._block(("then",), depth)
            then, name = self._block(("elif", "else", "fi"), depth)
            arms.append((condition, then))
        if name == "else":
            otherwise, _ = self._block(("fi",), depth)
        return If(tuple(arms), otherwise, line)

    def _while(self, name: str, line: int, depth: int) -> While:
        condition, _ = self._block(("do",), depth)
        body, _ = self._block(("done",), depth)
        return While(condition, body, name == "until", line)

    def _for(self, line: int, depth: int) -> For:
        self._next(starts=False)
        name = self._word.literal if self._word is not None else ""
        if not _is_name(name):
            raise self._mistake(name or self.mark)
        values: list[ModernWord] = []
        self._next_word()
        if self._word is not None and self._word.literal == "in":
            self._next(starts=False)
            while self._word is not None:
                values.append(self._word)
                self._next(starts=False)
            self._next_word()
        if self._word is None or self._word.literal != "do":
            raise self._mistake(self.mark if self._word is None else self._word.literal)
        body, _ = self._block(("done",), depth)
        return For(name, tuple(values), body, line)

    def _next_word(self) -> None:
        self._next(starts=True)
        while self._word is None and self.mark in (";", "\n"):
            self._next(starts=True)
        if self._word is None and not self.mark:
            raise UnclosedError("the text ends before 'do'", line=self.line)

    def _mistake(self, what: str) -> InputError:
        return InputError(f"syntax error at {what[:40]!r}: {_RESETS}", line=self.line)

    # Characters.

    def _next(self, *, starts: bool, closes: bool = False) -> None:
        """Read a word, or else a mark; ``starts``: a command may begin here; ``closes``: a bracket may close."""
        self._word = None
        text = self._text
        while self._at < len(text):
            char, after = text[self._at], text[self._at + 1 : self._at + 2]
            if char == "\\" and after == "\n":
                self._at += 2
                self.line += 1
            elif char in _SPACES:
                self._at += 1
            elif char == "#":
                end = text.find("\n", self._at)
                self._at = len(text) if end < 0 else end
            else:
                break
        else:
            self.mark = ""
            return
        if char in ";\n":
            self._take(char)
        elif char in "&|":
            if after != char:
                raise InputError(f"{char!r} is not replayed, only {char * 2!r}", line=self.line)
            self._take(char * 2)
        elif char == "(" or (char == "{" and starts and (not after or after in _BLANKS + ";()&|")):
            if not starts or (char == "{" and after not in (*_BLANKS, "(")):
                raise self._mistake(char)
            self._take(char)
        elif (char == ")" and (starts or closes)) or (
            char == "}" and (starts or closes) and (not after or after in _BLANKS + ";()&|")
        ):
            self._take(char)
        else:
            self._word = self._read_word()

    def _take(self, mark: str) -> None:
        self.mark = mark
        self._at += len(mark)
        self.line += mark == "\n"

    def _read_word(self) -> ModernWord:
        text, parts = self._text, list[Part]()
        letters: list[str] = []
        quoted = assigns = has_equals = False
        while self._at < len(text) and text[self._at] not in _BLANKS + ";&|":
            char = text[self._at]
            self._at += 1
            if char == "\\":
                after = text[self._at : self._at + 1]
                self._at += 1
                if after == "\n":
                    self.line += 1
                else:
                    letters.append(after or char)
                    quoted = quoted or bool(after)
            elif char == "'":
                quoted = True
                letters.append(self._single())
            elif char == '"':
                quoted = True
                parts += _text(letters)
                parts += self._double()
            elif char == "$":
                parts += _text(letters)
                parts.append(self._variable(quoted=False))
            elif char == "(":
                raise self._mistake(char)
            else:
                if char == "=" and not has_equals:
                    has_equals, assigns = True, not parts and _is_name("".join(letters))
                letters.append(char)
        return ModernWord((*parts, *_text(letters)), quoted, assigns)

    def _single(self) -> str:
        end = self._text.find("'", self._at)
        if end < 0:
            raise UnclosedError("a single quote that is never closed", line=self.line)
        held = self._text[self._at : end]
        self._at = end + 1
        self.line += held.count("\n")
        return held

    def _double(self) -> list[Part]:
        text, begun = self._text, self.line
        if text[self._at : self._at + 1] == '"':
            self._at += 1
            return [Part("", quoted=True)]
        parts: list[Part] = []
        letters: list[str] = []
        while self._at < len(text):
            char, after = text[self._at], text[self._at + 1 : self._at + 2]
            self._at += 1
            self.line += char == "\n"
            if char == '"':
                return [*parts, *_text(letters)]
            if char == "$":
                parts += _text(letters)
                parts.append(self._variable(quoted=True))
            elif char == "\\" and after and after in '"$`\\\n':
                self._at += 1
                self.line += after == "\n"
                letters.append("" if after == "\n" else after)
            else:
                letters.append(char)
        raise UnclosedError("a double quote that is never closed", line=begun)

    def _variable(self, *, quoted: bool) -> Part:
        """A variable behind its dollar sign; the sign itself where none follows."""
        text, begin = self._text, self._at
        char = text[begin : begin + 1]
        if char == "{":
            return Part(self._in_braces(), True, quoted)
        if char.isascii() and (char.isalpha() or char == "_"):
            end = begin + 1
            while end < len(text) and text[end].isascii() and (text[end].isalnum() or text[end] == "_"):
                end += 1
        elif char and (char in "?#*@-" or (char.isascii() and char.isdigit())):
            end = begin + 1
        else:
            return Part("$")
        self._at = end
        return Part(text[begin:end], True, quoted)

    def _in_braces(self) -> str:
        text, end = self._text, self._at + 1
        begin = end
        first = text[end : end + 1]
        if not first or not (first in _SPECIAL or (first.isascii() and first.isalnum())):
            raise UnclosedError("'${' without a name and '}'", line=self.line)
        while True:
            end += 1
            char = text[end : end + 1]
            if char == "}":
                break
            if not char or not char.isascii() or not (char.isalnum() or char in "_#"):
                if not char or char not in _OPERATORS:
                    raise UnclosedError("'${' without a name and '}'", line=self.line)
                end += text[end + 1 : end + 2] == "/"
                break
        self._at = end + 1
        return text[begin:end] if char == "}" else text[begin : end + 1]


def _text(letters: list[str]) -> list[Part]:
    """The letters as a part; they are taken."""
    text = "".join(letters)
    letters.clear()
    return [Part(text)] if text else []


def _is_name(text: str) -> bool:
    return text.isascii() and text.isidentifier()
