"""What a boot script has set, loaded and taken for granted so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.errors import InputError
from bootmap.facts.loaders import uboot_commands as facts
from bootmap.inputs.uboot_env import hextoul
from bootmap.plan.script_values import Load, Unknowns, is_known

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST, _MOST_TEXT = 1 << 16, 2 << 20  # characters of a variable, and of all that are expanded
_SHOWN = 80  # characters of a word or a line that messages show


class ScriptState:
    """The variables and what lies in RAM; ``line`` is the one that runs.

    Attributes:
        line: the line, from 1.
        env: variables of the environment.
        changes: variables that the user sets.
        unknown: the values that only the board can tell.
        loads: what was loaded, in order.
        succeeds: commands that are taken to succeed, with their lines; the keys, in order.
        passed: commands that are not followed, likewise.
        notes: what else was taken for granted, likewise.
        last: whether the last command succeeded.
    """

    def __init__(self, env: Mapping[str, str], changes: Mapping[str, str]) -> None:
        self.line = 1
        self.env, self.changes = dict(env), changes
        self._local: dict[str, str] = {}
        self.unknown = Unknowns()
        self.loads: list[Load] = []
        self.succeeds: dict[str, None] = {}
        self.passed: dict[str, None] = {}
        self.notes: dict[str, None] = {}
        self.last = True
        self._text = 0

    def shown(self, text: str) -> str:
        """Text for people: not too long, and what only the board can tell in words."""
        return self.unknown.shown(text)[:_SHOWN]

    def text_of(self, name: str) -> str | None:
        """A variable's value; the shell's own where the environment has none of that name."""
        return self.env.get(name, self._local.get(name))

    def value(self, inside: str) -> str | None:
        """What `${inside}` stands for; None where it is not set."""
        name, colon, rest = inside.partition(":")
        if name == "?":
            return "0" if self.last else "1"
        value = self.text_of(name)
        self._text += len(value or "")
        if self._text > _MOST_TEXT:
            raise InputError(f"variables expand to more than {_MOST_TEXT >> 20} MiB", line=self.line)
        if not colon or rest[:1] not in tuple("-=+"):
            return value
        if rest[0] == "+":
            return "" if value else value
        if not value and rest[0] == "=":
            self.assign(name, rest[1:])
        return value or rest[1:]

    def assign(self, name: str, value: str) -> None:
        """``name=value``: a variable of the shell's own."""
        if name not in self.env:  # U-Boot refuses, and goes on
            self._local[name] = self.short(value)

    def short(self, value: str) -> str:
        """A variable's value, which has a bound."""
        if len(value) > _LONGEST:
            raise InputError(f"a variable of more than {_LONGEST} characters", line=self.line)
        return value

    def effects(self, name: str, words: list[str]) -> None:
        """What a command that is taken to succeed leaves."""
        if name in facts.BY_DEVICE:
            self.load(words[3:], of_disk=True)
        elif name in facts.BY_ADDRESS:
            loadaddr = self.env.get("loadaddr", "")
            self.load(words[1:] if len(words) != 2 or is_number(words[1]) else [loadaddr, words[1]])
        elif name in facts.RAW_READS and words[1:2] == ["read"]:
            self.load([*words[facts.RAW_READS[name] :][:1], f"a piece of {name}"])
        elif name == "part" and len(words) > 4 and words[1] in ("uuid", "list", "start", "size", "number", "type"):
            self.set_unknown(words[-1], words)
        elif name in ("fsuuid", "fstype", "size", "uuid", "guid", "read"):
            target = {"fsuuid": words[3:4], "fstype": words[3:4], "size": ["filesize"], "read": words[4:5]}
            for each in target.get(name, words[1:2]):
                self.set_unknown(each, words)
        elif name not in facts.HARMLESS:
            self.passed[f"{name[:_SHOWN]!r} (line {self.line})"] = None

    def load(self, words: list[str], *, of_disk: bool = False) -> None:
        """A file goes to an address: the words from the address on."""
        text = words[0] if words else self.env.get("loadaddr", "")
        file = words[1] if len(words) > 1 else self.env.get("bootfile", "a file")
        if not is_known(text) or not is_number(text):
            where = self.shown(text)
            raise InputError(
                f"{where!r} stands where the address to load {self.shown(file)!r} to is expected; is a "
                "variable of the line not set?",
                line=self.line,
            )
        load = Load(self.line, hextoul(text), self.shown(file), of_disk)
        self.loads.append(load)
        self.env["filesize"] = self.unknown.add(self.line, f"the size of {load.file}", load)
        self.env["fileaddr"] = f"{load.address:x}"

    def set_unknown(self, name: str, words: list[str]) -> None:
        """A command sets a variable to what only the board can tell, or the user."""
        if self.changes.get(name):
            self.env[name] = self.changes[name]
            return
        self.env[name] = self.unknown.add(self.line, self.shown(" ".join(words[:4])))

    def taken(self, words: list[str]) -> None:
        """A command whose success decides is taken to succeed."""
        named = [word for word in words if word.strip()]  # the end of a line may be a word
        self.succeeds[f"{self.shown(' '.join(named[:1] + named[1:][-1:]))!r} (line {self.line})"] = None


def is_number(text: str) -> bool:
    """Whether U-Boot reads the whole word as an address."""
    digits = text.removeprefix("0x").removeprefix("0X")
    return 0 < len(digits) <= 8 and all(char in "0123456789abcdefABCDEF" for char in digits)
