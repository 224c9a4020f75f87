"""U-Boot's shell as a boot script meets it: commands in order, blocks, scripts and variables that run others.

What a script returns is no shell's either.  In the older parser a text of several lines gets another end of line, and a
line without a command returns 0: so `source` returns 0 whatever the last command said, unless that is the only line, or
ends without an end of line.

Source: common/cli_hush.c ``run_list_real``, ``run_pipe_real``, ``parse_string_outer``; common/cli.c
``run_command_list``, ``do_run``; cmd/exit.c (2021.01 to 2026.10).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.errors import InputError
from bootmap.inputs import hush
from bootmap.inputs.hush_nodes import Braced, For, If, ModernCommand, ScriptWord, Simple, While
from bootmap.plan.script.commands import COMMANDS, starts
from bootmap.plan.script.values import is_known

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.facts.loaders.uboot import Release
    from bootmap.inputs.hush_nodes import Listing, Node
    from bootmap.plan.script.state import ScriptState

_MOST_COMMANDS = 4096
_MOST_RUNS = 16  # of run and source within each other
_EXIT_IS_A_STATUS: tuple[Release, Release] = ((2021, 7), (2023, 4))  # commits 8c4e3b79bd0, 721307eba0e
_EMPTY_UNSETS: Release = (2023, 7)  # commit 930ef109928


class EndedError(Exception):
    """``exit`` ends the script, or the variable, that runs; ``status`` is what it returns."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status


class Shell:
    """The older parser's shell.

    Attributes:
        state: what the script has done so far.
        release: U-Boot's.
        ended: whether ``exit`` has ended the first text.
    """

    def __init__(self, state: ScriptState, release: Release) -> None:
        self.state, self.release = state, release
        self.ended = False
        self._commands = self._deep = 0
        self._line_is_fixed = False
        self._has_variables = False  # the command that runs has some

    # A text: the first script, one that is run by it, a variable.

    def script(self, text: str) -> int:
        """Run a script's text; what `source` returns for it."""
        if not text:
            return 0
        _, end, more = text.partition("\n")
        status = 0
        try:
            for listing in self._listings(text + "\n" if not end or more else text, 1):
                status = self.listing(listing)
        except EndedError as ended:
            return self._left(ended)
        return int(status != 0)

    def sourced(self, file: str, text: str) -> int:
        """Run a script that another one runs."""
        state = self.state
        before = state.file, state.line, state.variable, self._line_is_fixed
        self._deeper("source")
        state.file, state.variable, self._line_is_fixed = file, "", False
        state.spend(len(text))
        status = self.script(text)
        state.file, state.line, state.variable, self._line_is_fixed = before
        self._deep -= 1
        return status

    def variable(self, name: str, text: str) -> int:
        """Run a variable."""
        state = self.state
        before = state.variable, self._line_is_fixed
        self._deeper("run")
        state.variable, self._line_is_fixed = name, True
        state.spend(len(text))
        status = self._variable(text)
        state.variable, self._line_is_fixed = before
        self._deep -= 1
        return status

    def _variable(self, text: str) -> int:
        status = 0
        try:
            for listing in list(self._listings(text, self.state.line)):
                status = self.listing(listing) if listing else status
        except EndedError as ended:
            return self._left(ended)
        return int(status != 0)

    def _left(self, ended: EndedError) -> int:
        return ended.status if self.release >= _EXIT_IS_A_STATUS[1] else 0

    def _listings(self, text: str, line: int) -> Iterator[Listing]:
        """The text's commands; a mistake has the place of the text."""
        found = hush.commands(text, line)
        while True:
            try:
                listing = next(found, None)
            except InputError as error:
                self._at(error.line or self.state.line)
                raise self.state.error(error.message) from None
            if listing is None:
                return
            yield listing

    def _deeper(self, name: str) -> None:
        self._deep += 1
        if self._deep > _MOST_RUNS:
            raise self.state.error(f"more than {_MOST_RUNS} 'run' and 'source' in each other, the last is {name!r}")

    # Commands in order.

    def listing(self, listing: Listing) -> int:
        """Run commands; what the last that ran returned, 0 where none did."""
        status, skipped = 0, False
        for node, mark in listing:
            if skipped:
                skipped = mark != ";"
                continue
            status = self.node(node, matters=mark != ";")
            skipped = (mark == "||" and not status) or (mark == "&&" and status != 0)
        return status

    def node(self, node: Node, *, matters: bool) -> int:
        """Run one; what it returned is ``$?`` then."""
        if isinstance(node, Simple | ModernCommand):
            self._at(node.line)
            self._count()
            status = self._simple(node, matters)
        else:
            status = self._block(node)
        self.state.status = status if self.release >= _EXIT_IS_A_STATUS[1] else int(status != 0)
        return status

    def _block(self, node: Node) -> int:
        try:
            return self._in_block(node)
        except EndedError:
            raise EndedError(0) from None  # the number is lost on its way out of a block

    def _in_block(self, node: Node) -> int:
        if isinstance(node, If):
            return self._if(node)
        if isinstance(node, For):
            return self._for(node)
        if isinstance(node, Braced):
            return self._group(node)
        assert isinstance(node, While)
        return self._while(node)

    def _group(self, node: Braced) -> int:
        return self.listing(node.body)

    def _if(self, node: If) -> int:
        status = 0
        for condition, then in node.arms:
            status = self._condition(condition)
            if not status:
                return self.listing(then)
        return self.listing(node.otherwise) if node.otherwise else status

    def _for(self, node: For) -> int:
        self._at(node.line)
        status = 0
        for value in self._values(node):
            self.state.assign(node.name, value)
            self.state.status = 0
            status = self.listing(node.body)
        return status

    def _while(self, node: While) -> int:
        while True:
            status = self._condition(node.condition)
            if (status == 0) == node.until:
                return status
            self._count()
            self.listing(node.body)

    def _condition(self, listing: Listing) -> int:
        last = len(listing) - 1
        return self.listing(
            tuple((node, mark if i < last or mark != ";" else "") for i, (node, mark) in enumerate(listing))
        )

    def _values(self, node: For) -> list[str]:
        found = []
        for word in node.values:
            assert isinstance(word, ScriptWord)
            found += self._decided(hush.substituted(word, self.state.value)).split(" ")
        return [each for each in found if each]

    def _decided(self, text: str) -> str:
        if not is_known(text):
            raise self.state.undecided(text, "what the loop goes through")
        return text

    def _at(self, line: int) -> None:
        if not self._line_is_fixed:
            self.state.line = line

    def _count(self) -> None:
        self._commands += 1
        if self._commands > _MOST_COMMANDS:
            raise self.state.error(f"more than {_MOST_COMMANDS} commands are run")

    # One command.

    def _simple(self, node: Node, matters: bool) -> int:
        assert isinstance(node, Simple)
        begin = 0
        while begin < len(node.words) and _is_assignment(node.words[begin].plain):  # its value is not split
            self._assign(hush.substituted(node.words[begin], self.state.value).replace("\n", " "))
            begin += 1
        rest = node.words[begin:]
        if not rest:
            return 0
        words = hush.expanded(rest, self.state.value)
        assigns = False
        while words and _is_assignment(words[0]):
            self._assign(words.pop(0))
            assigns = True
        if not words:
            return 0 if assigns else self.state.status
        self._has_variables = hush.has_variables(rest)
        return self.command(words, matters)

    def _assign(self, word: str) -> None:
        name, _, value = word.partition("=")
        if value:
            self.state.assign(name, value)
        elif self.release >= _EMPTY_UNSETS:
            self.state.unassign(name)

    def command(self, words: list[str], matters: bool) -> int:
        """Run one command's words."""
        if not is_known(words[0]):
            raise self.state.undecided(words[0], "the command")
        name = words[0].partition(".")[0]
        handler = COMMANDS.get(name)
        if handler is not None:
            return handler(self, words)
        if starts(name):
            raise self.state.error(f"{name!r} is not replayed: {starts(name)}")
        if "=" in name:
            return COMMANDS["!"](self, words)
        status = self.state.effects(name, words)
        if status is None and matters:
            self.state.taken(words)
        return status or 0

    def exit(self, status: int) -> int:
        """``exit``: ends what runs, but for a command with variables, which U-Boot reads a second time by itself."""
        first, last = _EXIT_IS_A_STATUS
        if self._has_variables:
            return status
        if first <= self.release < last:
            self.state.notes[
                f"{self.state.at}: 'exit' ends nothing in U-Boot 2021.07 to 2023.01: what follows is run"
            ] = None
            return status
        self.ended = not self._deep
        raise EndedError(status)


def _is_assignment(word: str) -> bool:
    name, equals, _ = word.partition("=")
    return bool(equals) and name.isidentifier() and name.isascii() and name[0] != "_"
