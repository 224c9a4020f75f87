"""A boot script replayed: what ``boot.scr`` sets and loads where, and the command with which it boots.

Files are taken to be there and commands to succeed, which is noted with their lines where the script asks; what only
the board can tell (a file's size, a partition's UUID) is a value of its own that no condition may hang on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct

from bootmap.errors import InputError
from bootmap.facts.loaders import uboot_commands as facts
from bootmap.inputs import hush
from bootmap.inputs.hush import For, If, While
from bootmap.inputs.uboot_env import hextoul
from bootmap.plan.script_state import ScriptState, is_number
from bootmap.plan.script_tests import compared, is_true
from bootmap.plan.script_values import is_known, known_part

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bootmap.inputs.hush import Listing, Simple
    from bootmap.plan.script_values import Load

_MOST_COMMANDS = 4096
_MOST_RUNS = 16  # of run within run
_DECIDE = ("fdt_high", "initrd_high", "bootm_low", "bootm_size", "bootm_mapsize")
_MOST_NAMED = 8
_SHOWN = 200


class ScriptRun(Struct, frozen=True):
    """What a script comes to.

    Attributes:
        command: the boot command's words; ``sysboot`` and the file of its menu for that.
        line: its line.
        env: the variables then.
        loads: what was loaded, in order.
        ramdisk_size_of: the load whose ``filesize`` is the ramdisk's size; None where it is a number, or none.
        assumptions: what was taken for granted, each with its lines.
        file: the script's name; "" where it has none.
    """

    command: tuple[str, ...]
    line: int
    env: Mapping[str, str]
    loads: tuple[Load, ...]
    ramdisk_size_of: Load | None
    assumptions: tuple[str, ...]
    file: str = ""


class _BootedError(Exception):
    """The script has come to its boot command."""


class _EndedError(Exception):
    """The script has come to ``exit``."""


def replay(text: str, env: Mapping[str, str], changes: Mapping[str, str]) -> ScriptRun:
    """Run a script.

    Args:
        text: the script.
        env: the variables before.
        changes: variables that the user sets; what ``env import`` brings is taken from them.

    Raises:
        InputError: a line cannot be replayed, or the script boots nothing.
    """
    run = _Run(env, changes)
    try:
        for listing in hush.commands(text):
            run.listing(listing)
    except _BootedError:
        return run.result()
    except _EndedError:
        raise InputError("the script ends with 'exit' before it boots anything", line=run.state.line) from None
    raise InputError("no bootz, bootm or sysboot is reached: the script boots nothing", line=run.state.line)


class _Run:
    """The state of a script that runs."""

    def __init__(self, env: Mapping[str, str], changes: Mapping[str, str]) -> None:
        self.state = ScriptState(env, changes)
        self._commands = self._deep = 0
        self._line_is_fixed = False
        self._boot: tuple[str, ...] = ()

    def listing(self, listing: Listing) -> bool:
        """Run commands; whether the last that ran succeeded."""
        skipped = False
        for node, mark in listing:
            if skipped:
                skipped = mark != ";"
                continue
            matters = mark != ";"
            self.state.last = self._node(node, matters)
            skipped = (mark == "||" and self.state.last) or (mark == "&&" and not self.state.last)
        return self.state.last

    def _node(self, node: Simple | If | For | While, matters: bool) -> bool:
        if isinstance(node, If):
            for condition, then in node.arms:
                if self._condition(condition):
                    return self.listing(then)
            return self.listing(node.otherwise)
        if isinstance(node, For):
            for value in self._values(node):
                self.state.assign(node.name, value)
                self.listing(node.body)
            return self.state.last
        if isinstance(node, While):
            while self._condition(node.condition) != node.until:
                self._count()
                self.listing(node.body)
            return self.state.last
        return self._simple(node, matters)

    def _condition(self, listing: Listing) -> bool:
        last = len(listing) - 1
        return self.listing(
            tuple((node, mark if i < last or mark != ";" else "") for i, (node, mark) in enumerate(listing))
        )

    def _values(self, node: For) -> list[str]:
        self._at(node.line)
        found = []
        for word in node.values:
            text = hush.substituted(word, self.state.value)
            if not is_known(text):
                raise self.state.unknown.undecided(text, "what the loop goes through", self.state.line)
            found += text.split(" ")
        return [each for each in found if each]

    def _at(self, line: int) -> None:
        if not self._line_is_fixed:
            self.state.line = line

    def _simple(self, node: Simple, matters: bool) -> bool:
        self._at(node.line)
        self._count()
        words = hush.expanded(node.words, self.state.value)
        while words and _is_assignment(words[0]):
            name, _, value = words.pop(0).partition("=")
            self.state.assign(name, value)
        return not words or self._command(words, matters)

    def _count(self) -> None:
        self._commands += 1
        if self._commands > _MOST_COMMANDS:
            raise InputError(f"more than {_MOST_COMMANDS} commands are run", line=self.state.line)

    def _command(self, words: list[str], matters: bool) -> bool:
        name, known = words[0], self._known
        if not is_known(name):
            raise self.state.unknown.undecided(name, "the command", self.state.line)
        handler = known.get(name)
        if handler is not None:
            return handler(self, words)
        if name in facts.STARTS:
            raise InputError(f"{name!r} is not replayed: {facts.STARTS[name]}", line=self.state.line)
        self.state.effects(name, words)
        if matters:
            self.state.taken(words)
        return True

    # What is run of each command that is known.

    def _setenv(self, words: list[str]) -> bool:
        arguments = [word for i, word in enumerate(words[1:]) if i or word != "-f"]
        if not arguments:
            return False
        name, values = arguments[0], arguments[1:]
        if not is_known(name):
            raise self.state.unknown.undecided(name, "the variable's name", self.state.line)
        if values:
            self.state.env[name] = self.state.short(" ".join(values))
        else:
            self.state.env.pop(name, None)
        return True

    def _env_command(self, words: list[str]) -> bool:
        sub = words[1] if len(words) > 1 else ""
        if sub == "set":
            return self._setenv(words[1:])
        if sub == "delete":
            for name in words[2:]:
                self.state.env.pop(name, None)
            return True
        if sub == "exists":
            return words[-1] in self.state.env
        if sub in ("import", "default", "load", "select"):
            for name, value in self.state.changes.items():
                self.state.env[name] = value
                if not value:
                    del self.state.env[name]
            self.state.notes[f"line {self.state.line}: what 'env {sub}' brings is not known: --set is taken for it"] = (
                None
            )
        return True

    def _test(self, words: list[str]) -> bool:
        answer, files = is_true(words)
        for file in files:
            self.state.taken(["test -e", file])
        for word in words[1:]:
            # -n and -z of an unknown value: whatever it is, a command that succeeds sets something
            if not is_known(word) and not (len(words) == 3 and words[1] in ("-n", "-z")):
                raise self.state.unknown.undecided(word, "the condition", self.state.line)
        return answer

    def _itest(self, words: list[str]) -> bool:
        for word in words:
            if not is_known(word):
                raise self.state.unknown.undecided(word, "the condition", self.state.line)
        answer = compared(words)
        if answer is None:
            raise InputError(
                f"{self.state.shown(' '.join(words))!r} compares what is in memory, which is not known",
                line=self.state.line,
            )
        return answer

    def _setexpr(self, words: list[str]) -> bool:
        name, operands = words[1] if len(words) > 1 else "", words[2:]
        if len(operands) == 1 or (len(operands) == 3 and operands[1] in _ARITHMETIC):
            numbers = operands[::2]
            if all(is_number(each) for each in numbers):
                left, right = hextoul(numbers[0]), hextoul(numbers[-1])
                if len(operands) == 1:
                    value = left
                elif operands[1] in "/%" and not right:
                    return False
                else:
                    value = _ARITHMETIC[operands[1]](left, right)
                self.state.env[name] = f"{value & 0xFFFFFFFF:x}"
                return True
        self.state.set_unknown(name, words)
        return True

    def _fdt(self, words: list[str]) -> bool:
        sub = words[1] if len(words) > 1 else ""
        if sub == "get" and len(words) > 3:
            self.state.set_unknown(words[3], words)
        elif sub in facts.TREE_CHANGES:
            self.state.notes[f"'fdt {sub}' changes the tree: BOARD is taken to be the tree after that"] = None
        return True

    def _run(self, words: list[str]) -> bool:
        for name in words[1:]:
            value = self.state.text_of(name)
            if value is None:
                return False
            if not is_known(value):
                raise self.state.unknown.undecided(value, f"what 'run {name}' runs", self.state.line)
            self._deep += 1
            if self._deep > _MOST_RUNS:
                raise InputError(f"more than {_MOST_RUNS} 'run' in each other", line=self.state.line)
            fixed, self._line_is_fixed = self._line_is_fixed, True
            for listing in hush.commands(value, self.state.line):
                self.listing(listing)
            self._line_is_fixed = fixed
            self._deep -= 1
        return self.state.last

    def _start(self, words: list[str]) -> bool:
        self._boot = tuple(words)
        raise _BootedError

    def _exit(self, _words: list[str]) -> bool:
        raise _EndedError

    _known: ClassVar[dict[str, Callable[[_Run, list[str]], bool]]] = {
        "setenv": _setenv,
        "env": _env_command,
        "test": _test,
        "itest": _itest,
        "setexpr": _setexpr,
        "fdt": _fdt,
        "run": _run,
        "exit": _exit,
        "bootz": _start,
        "bootm": _start,
        "sysboot": _start,
        "echo": lambda _self, _words: True,
        "true": lambda _self, _words: True,
        "false": lambda _self, _words: False,
    }

    def result(self) -> ScriptRun:
        """What the script came to, at its boot command."""
        words = list(self._boot)
        notes = [*self.state.notes]
        if words[0] == "sysboot":
            menu = words[5] if len(words) > 5 else "its menu"
            return ScriptRun(
                ("sysboot", self.state.shown(menu)),
                self.state.line,
                self._variables(notes),
                tuple(self.state.loads),
                None,
                self._told(notes),
            )
        if len(words) == 1:
            raise InputError(f"{words[0]!r} without an address is not replayed", line=self.state.line)
        size_of = None
        if len(words) > 2 and ":" in words[2]:
            start, _, size = words[2].partition(":")
            size_of = self.state.unknown.load(size)
            words[2] = words[2] if size_of is None else start
        for i, word in enumerate(words):
            if not is_known(word):
                raise self.state.unknown.undecided(word, f"{words[0]!r}", self.state.line)
            if i and word != "-" and not is_number(word.split("#")[0].split(":")[0]):
                raise InputError(f"{self.state.shown(word)!r} of {words[0]!r} is no address", line=self.state.line)
        for what, word in zip(("kernel", "ramdisk", "device tree"), words[1:], strict=False):
            at = word.split("#")[0].split(":")[0]
            if at != "-" and all(load.address != hextoul(at) for load in self.state.loads):
                notes.append(
                    f"line {self.state.line}: the {what} is taken to be at {hextoul(at):#010x}: no line loads it there"
                )
        return ScriptRun(
            tuple(words), self.state.line, self._variables(notes), tuple(self.state.loads), size_of, self._told(notes)
        )

    def _variables(self, notes: list[str]) -> dict[str, str]:
        """The variables, without what only the board can tell."""
        for name in _DECIDE:
            if not is_known(self.state.env.get(name, "")):
                raise self.state.unknown.undecided(self.state.env[name], name, self.state.line)
        if not is_known(self.state.env.get("bootargs", "")):
            shown = self.state.unknown.shown(self.state.env["bootargs"])[:_SHOWN]
            notes.append(f"bootargs has a value that only the board can tell, and is taken without it: {shown!r}")
        return {name: known_part(value) for name, value in self.state.env.items()}

    def _told(self, notes: list[str]) -> tuple[str, ...]:
        lines = []
        if self.state.succeeds:
            lines.append(f"the script's commands succeed: {_named(self.state.succeeds)}")
        if self.state.passed:
            lines.append(
                f"commands of the script that are not followed leave what is loaded alone: {_named(self.state.passed)}"
            )
        return (*lines, *notes[:_MOST_NAMED])


_ARITHMETIC = {
    "+": int.__add__,
    "-": int.__sub__,
    "*": int.__mul__,
    "/": int.__floordiv__,
    "%": int.__mod__,
    "&": int.__and__,
    "|": int.__or__,
    "^": int.__xor__,
}


def _named(rows: Mapping[str, None]) -> str:
    shown = [*rows][:_MOST_NAMED]
    more = len(rows) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _is_assignment(word: str) -> bool:
    name, equals, _ = word.partition("=")
    return bool(equals) and name.isidentifier() and name.isascii() and name[0] != "_"
