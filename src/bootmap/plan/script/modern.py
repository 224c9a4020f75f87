"""The newer parser's shell (CONFIG_HUSH_MODERN_PARSER), where it does otherwise than the older.

Nothing is run before the whole text is read; each of ``a || b && c`` decides on the next; a block whose condition does
not hold returns 0, and so does a loop; ``source`` returns what the last command did.  ``exit`` ends a variable, but in
a block only that, and a script that has ended so has U-Boot wait at its console.  ``!`` turns around a block alone.

Source: common/cli_hush_upstream.c ``run_list``, ``run_pipe``, ``parse_and_run_stream`` (2025.01 to 2026.10); seen in
2025.01.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.errors import InputError
from bootmap.inputs import hush_modern
from bootmap.inputs.hush_modern import UnclosedError
from bootmap.inputs.hush_nodes import Braced, ModernCommand, ModernWord
from bootmap.plan.script.shell import EndedError, Shell

if TYPE_CHECKING:
    from bootmap.inputs.hush_nodes import For, If, Listing, Node, While

_EXITED = -2  # common/cli_hush_modern.c EXIT_RET_CODE
_FOR_SMALLEST, _FOR_STEP, _FOR_REST = 12, 8, 4


class ModernShell(Shell):
    """The newer parser's shell."""

    def script(self, text: str) -> int:
        """Run a script's text; what `source` returns for it."""
        try:
            return self._whole(text)
        except EndedError:
            raise self.state.error(
                "'exit' in a script that 'source' runs: the newer parser then reads on from the console, and waits"
            ) from None

    def _variable(self, text: str) -> int:
        try:
            return self._whole(text)
        except EndedError as ended:
            return ended.status

    def _whole(self, text: str) -> int:
        """Run a text that is read before; its last status."""
        try:
            found = hush_modern.commands(text, self.state.line if self._line_is_fixed else 1)
        except InputError as error:
            self._at(error.line or self.state.line)
            if not isinstance(error, UnclosedError) or not self._deep:
                raise self.state.error(error.message) from None
            self.state.notes[f"{self.state.at}: {error.message}: the newer parser runs nothing of it"] = None
            self.state.status = 1
            return 1
        self.state.status = self.listing(found) if found else 0
        return self.state.status

    def listing(self, listing: Listing) -> int:
        """Run commands; what the last that ran returned, ``$?`` where none did."""
        status, before = self.state.status, ";"
        for node, mark in listing:
            decides, before = before, mark
            if (decides == "||" and not status) or (decides == "&&" and status):
                continue
            status = self.node(node, matters=mark != ";")
        return status

    def _block(self, node: Node) -> int:
        try:
            return self._in_block(node)
        except EndedError as ended:
            return (_EXITED - ended.status) & 0xFF

    def _group(self, node: Braced) -> int:
        status = self.listing(node.body)
        return int(not status) if node.inverted else status

    def _if(self, node: If) -> int:
        for condition, then in node.arms:
            if not self._condition(condition):
                return self.listing(then)
            self.state.status = 0
        return self.listing(node.otherwise)

    def _for(self, node: For) -> int:
        self._at(node.line)
        self.state.status = status = 0
        words = (word for word in node.values if isinstance(word, ModernWord))
        for value in hush_modern.fields(words, lambda name: self._decided(self._value(name))):
            length = len(f"{node.name}={value}".encode())
            if length >= _FOR_SMALLEST and length % _FOR_STEP == _FOR_REST:
                raise self.state.error(
                    f"'for {node.name}' comes to {self.state.shown(value)!r}: with '=' between them that is {length} "
                    "characters, for which (12, 20, 28 ...) the newer parser writes behind its memory and resets the "
                    "board; take a name of another length"
                )
            self.state.assign(node.name, value)
            status = self.listing(node.body)
        return status

    def _while(self, node: While) -> int:
        while (self._condition(node.condition) == 0) != node.until:
            self._count()
            self.listing(node.body)
        self.state.status = 0
        return 0

    def _simple(self, node: Node, matters: bool) -> int:
        assert isinstance(node, ModernCommand)
        words = hush_modern.fields(node.words[node.assignments :], self._value)
        if words:
            return self.command(words, matters)
        for word in node.words[: node.assignments]:
            name, _, value = hush_modern.joined(word, self._value).partition("=")
            self.state.assign(name, value)
        return self.state.status if len(node.words) > node.assignments else 0

    def _value(self, name: str) -> str:
        """What a variable stands for, by what is in its braces."""
        if name in ("@", "*") or name[0].isdigit():
            return ""
        if name[0] == "?":
            return str(self.state.status)
        if name == "#":
            return "0"
        return self.state.expanded(name.removeprefix("#")) or ""
