"""The language of U-Boot's scripts: from text to commands, ``if`` and loops, and from a command to its words.

It is hush, cut down, and differs from a shell in what matters here:

- the text is read and run one complete command at a time, so what stands behind the command that boots is never read;
- where one of ``a || b && c`` is left out, so is all that follows it in the line;
- values of variables are split at blanks and have their quotes read again, but no ``$`` of theirs is expanded;
- a backslash before the end of a line does not join lines: the end of the line becomes part of a word, and where the
  command has a variable in it, its words end there.

Source: common/cli_hush.c ``parse_stream``, ``done_word``, ``make_string``, ``run_list_real`` (2018.01 to 2026.10).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.errors import InputError
from bootmap.inputs.hush_nodes import For, If, ScriptWord, Simple, While

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bootmap.inputs.hush_nodes import Listing, Node

MOST_NESTED = 16
_BLANKS, _ESCAPED_IN_QUOTES = " \t\n", "*?[\\"
_MARK = "\x03"  # around the name of a variable in a word, as in U-Boot; no text of a script holds it
_FOLLOWERS = {
    "while": ("do",),
    "until": ("do",),
    "if": ("then",),
    "then": ("elif", "else", "fi"),
    "elif": ("then",),
    "else": ("fi",),
    "do": ("done",),
}
_RESERVED = frozenset(("if", "then", "elif", "else", "fi", "for", "while", "until", "in", "do", "done"))


class _Token(Struct, frozen=True):
    word: ScriptWord | None
    mark: str
    line: int


def commands(text: str, first_line: int = 1) -> Iterator[Listing]:
    """The complete commands of a text, each read when it is asked for: one line, or several that belong together.

    Raises:
        InputError: U-Boot would say "syntax error" here.
    """
    reader = _Reader(_tokens(text, first_line))
    while reader.peek() is not None:
        yield reader.listing((), 0)


def expanded(command: tuple[ScriptWord, ...], value: Callable[[str], str | None]) -> list[str]:
    """The words that a command gets.

    Args:
        command: the words as they are written.
        value: what a variable is; None where it is not set.  It gets what stands in the braces.
    """
    if not has_variables(command):
        return [word.plain for word in command]
    line = []
    for word in command:
        text = substituted(word, value)
        text = text.replace("\n", " ") if _MARK in word.text else text
        line.append(f"'{text}'" if word.quoted else text)
    found = (token.word for token in _tokens(" ".join(line), 1, reading_again=True))
    return [word.plain for word in found if word is not None]


def has_variables(command: tuple[ScriptWord, ...]) -> bool:
    """Whether a command has variables: U-Boot then reads it a second time, by itself."""
    return any(_MARK in word.text for word in command)


def substituted(word: ScriptWord, value: Callable[[str], str | None]) -> str:
    """A word with the values of its variables."""
    parts = word.plain.split(_MARK)
    return "".join((value(part) or "") if i % 2 else part for i, part in enumerate(parts))


def _tokens(text: str, line: int, *, reading_again: bool = False) -> Iterator[_Token]:
    """Words and the marks between them; a mark is a newline, ``;``, ``&&`` or ``||``."""
    word: list[str] = []
    quoted = in_quotes = False
    at, begun = 0, line
    while at < len(text):
        char, after = text[at], text[at + 1 : at + 2]
        at += 1
        if char == "\\":
            if not after:
                raise InputError("the script ends with a backslash", line=line)
            word += (("\\\\" if in_quotes else "\\"), _escaped(after, in_quotes))
            at += 1
            line += after == "\n"
        elif char == "$" and not reading_again:
            name, at = _variable(text, at, line)
            word.append(name)
        elif char == "'":  # begins a quotation in double quotes too
            end = _quote(text, at, line, word)
            quoted, line, at = True, line + text.count("\n", at, end), end
        elif char == '"':
            quoted, in_quotes = True, not in_quotes
        elif in_quotes:
            word.append(_escaped(char, True))
            line += char == "\n"
        elif char in _BLANKS or (char in ";&|" and not reading_again):
            if word or quoted:
                yield _Token(ScriptWord("".join(word), quoted), "", begun)
            word, quoted = [], False
            if char == "\n" and reading_again:
                return
            if char in "&|":
                if after != char:
                    raise InputError(f"syntax error: U-Boot has no {char!r}, only {char * 2!r}", line=line)
                at += 1
                char *= 2
            if char not in " \t" and not reading_again:
                yield _Token(None, char, line)
            line += char == "\n"
            begun = line
        elif char == "#" and not word:
            end = text.find("\n", at)
            at = len(text) if end < 0 else end
        else:
            begun = begun if word or quoted else line
            word.append(char)
    if in_quotes:
        raise InputError("a double quote that is never closed", line=begun)
    if word or quoted:
        yield _Token(ScriptWord("".join(word), quoted), "", begun)


def _escaped(char: str, in_quotes: bool) -> str:
    return f"\\{char}" if in_quotes and char in _ESCAPED_IN_QUOTES else char


def _quote(text: str, at: int, line: int, word: list[str]) -> int:
    """Take what single quotes hold; the place behind them."""
    end = text.find("'", at)
    if end < 0:
        raise InputError("a single quote that is never closed", line=line)
    word.append(text[at:end])
    return end + 1


def _variable(text: str, at: int, line: int) -> tuple[str, int]:
    """A variable's name between marks, and the place behind it; the dollar sign itself where no name follows."""
    if text[at : at + 1] == "{":
        end = text.find("}", at)
        if end < 0:
            raise InputError("syntax error: '${' without '}'", line=line)
        return f"{_MARK}{text[at + 1 : end]}{_MARK}", end + 1
    if text[at : at + 1] == "?":
        return f"{_MARK}?{_MARK}", at + 1
    end = at
    while end < len(text) and text[end].isascii() and (text[end].isalnum() or text[end] == "_"):
        end += 1
    if end == at or not text[at].isalpha():
        return "$", at
    return f"{_MARK}{text[at:end]}{_MARK}", end


class _Reader:
    """Tokens, put together to commands."""

    def __init__(self, tokens: Iterator[_Token]) -> None:
        self._tokens = tokens
        self._ahead: _Token | None = None
        self._line = 1

    def peek(self) -> _Token | None:
        """The next token; None at the end."""
        if self._ahead is None:
            self._ahead = next(self._tokens, None)
        return self._ahead

    def listing(self, ends: tuple[str, ...], depth: int) -> Listing:
        """Commands up to one of the words ``ends``, which is not taken; up to the end of the line for none."""
        found: list[tuple[Node, str]] = []
        while (token := self.peek()) is not None:
            if token.word is None:
                self._take()
                if found and found[-1][1] == "":
                    found[-1] = (found[-1][0], token.mark.replace("\n", ";"))
                elif token.mark in ("&&", "||"):
                    raise InputError(f"syntax error: nothing stands before {token.mark!r}", line=token.line)
                if token.mark == "\n" and not ends:
                    break
                continue
            if found and found[-1][1] == "":
                raise InputError("syntax error: words behind 'fi' or 'done'", line=token.line)
            if token.word.text in ends:
                return tuple(found)
            found.append((self._node(depth), ""))
        if ends:
            raise InputError(f"syntax error: the script ends before {' or '.join(map(repr, ends))}", line=self._line)
        return tuple((node, mark or ";") for node, mark in found)

    def _take(self) -> _Token:
        token = self.peek()
        if token is None:
            raise InputError("syntax error: the script ends too early", line=self._line)
        self._ahead, self._line = None, token.line
        return token

    def _node(self, depth: int) -> Node:
        token = self._take()
        assert token.word is not None
        name = token.word.text
        if depth >= MOST_NESTED:
            raise InputError(f"more than {MOST_NESTED} blocks in each other", line=token.line)
        if name == "if":
            return self._if(token.line, depth + 1)
        if name == "for":
            return self._for(token.line, depth + 1)
        if name in ("while", "until"):
            return self._while(name, token.line, depth + 1)
        if name in _RESERVED:
            raise InputError(f"syntax error: {name!r} where a command is expected", line=token.line)
        words = [token.word]
        while (ahead := self.peek()) is not None and ahead.word is not None:
            words.append(ahead.word)
            self._take()
        return Simple(tuple(words), token.line)

    def _if(self, line: int, depth: int) -> If:
        otherwise: Listing = ()
        arms, name = [], "if"
        while name != "fi":
            if name == "else":
                otherwise = self.listing(_FOLLOWERS["else"], depth)
            else:
                condition = self.listing(_FOLLOWERS[name], depth)
                self._take()
                arms.append((condition, self.listing(_FOLLOWERS["then"], depth)))
            word = self._take().word
            assert word is not None
            name = word.text
        return If(tuple(arms), otherwise, line)

    def _while(self, name: str, line: int, depth: int) -> While:
        condition = self.listing(_FOLLOWERS[name], depth)
        self._take()
        body = self.listing(_FOLLOWERS["do"], depth)
        self._take()
        return While(condition, body, name == "until", line)

    def _for(self, line: int, depth: int) -> For:
        name, into = self._take().word, self._take().word
        if name is None or into is None or into.text != "in":
            raise InputError("syntax error: expected 'for NAME in WORDS; do ...; done'", line=line)
        values = []
        while (token := self._take()).word is not None:
            values.append(token.word)
        while (ahead := self.peek()) is not None and ahead.word is None:
            self._take()
        word = self._take().word
        if word is None or word.text != "do":
            raise InputError("syntax error: 'do' expected", line=self._line)
        body = self.listing(_FOLLOWERS["do"], depth)
        self._take()
        return For(name.plain, tuple(values), body, line)
