"""What a boot script has set, loaded and taken for granted so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.errors import InputError
from bootmap.facts.loaders import uboot_commands as facts
from bootmap.inputs.uboot_env import hextoul
from bootmap.plan.script.memory import ScriptMemory
from bootmap.plan.script.values import Load, Unknowns, is_known

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bootmap.plan.script.files import GivenFile, GivenFiles

_LONGEST, _MOST_TEXT = 1 << 16, 2 << 20  # characters of a variable, and of all that are expanded
_MOST_READ = 16 << 20  # bytes that are read from memory as scripts and variables
_FEW_READS = 2  # such, however large: a FIT image may have a ramdisk beside its script
_SHOWN = 80  # characters of a word or a line that messages show


class ScriptState:
    """The variables and what lies in RAM, and the place that runs.

    Attributes:
        line: the line, from 1.
        file: the script that another one runs; "" for the first.
        typed: whether the first is no script but a command that is typed.
        variable: the variable that ``run`` runs; "" for none.
        env: variables of the environment.
        changes: variables that the user sets.
        files: what the user gave of the files that are loaded.
        memory: what is known to lie in RAM.
        unknown: the values that only the board can tell.
        loads: what was loaded, in order.
        succeeds: commands that are taken to succeed, with their places; the keys, in order.
        passed: commands that are not followed, likewise.
        notes: what else was taken for granted, likewise.
        status: what the last command returned, ``$?``.
    """

    def __init__(self, env: Mapping[str, str], changes: Mapping[str, str], files: GivenFiles, *, typed: bool) -> None:
        self.line = 1
        self.file = self.variable = ""
        self.typed = typed
        self.env, self.changes, self.files = dict(env), changes, files
        self._local: dict[str, str] = {}
        self.memory = ScriptMemory()
        self.unknown = Unknowns()
        self.loads: list[Load] = []
        self.succeeds: dict[str, None] = {}
        self.passed: dict[str, None] = {}
        self.notes: dict[str, None] = {}
        self.status = 0
        self._text = self._read = self._reads = 0

    @property
    def at(self) -> str:
        """The place that runs, in words."""
        if self.file:
            return f"{self.file}: line {self.line}"
        if self.typed:
            return f"variable {self.shown(self.variable)}" if self.variable else "the command"
        return f"line {self.line}"

    def error(self, message: str) -> InputError:
        """An error at the place that runs."""
        if self.file or self.typed:
            return InputError(f"{self.at}: {message}")
        return InputError(message, line=self.line)

    def undecided(self, text: str, what: str) -> InputError:
        """The error for ``what``, which hangs on a value in ``text`` that only the board can tell."""
        words, variable = self.unknown.first(text)
        advice = f"give it with --set {self.shown(variable)}=VALUE" if variable else "set a variable with --set"
        return self.error(
            f"{what} hangs on what only the board can tell: {words}; {advice}, or give the command with --boot"
        )

    def shown(self, text: str) -> str:
        """Text for people: not too long, and what only the board can tell in words."""
        return self.unknown.shown(text)[:_SHOWN]

    def text_of(self, name: str) -> str | None:
        """A variable's value; the shell's own where the environment has none of that name."""
        return self.env.get(name, self._local.get(name))

    def spend(self, characters: int) -> None:
        """Text that is expanded or run has a bound."""
        self._text += characters
        if self._text > _MOST_TEXT:
            raise self.error(f"variables and scripts come to more than {_MOST_TEXT >> 20} MiB")

    def read(self, address: int) -> bytes | None:
        """What is known to lie from an address on; None for nothing."""
        data = self.memory.from_on(address)
        if data is None:
            return None
        self._read += len(data)
        self._reads += 1
        if self._read > _MOST_READ and self._reads > _FEW_READS:
            raise self.error(f"more than {_MOST_READ >> 20} MiB are read as scripts and variables")
        above = self.memory.may_reach(address)
        if above:
            self.notes[f"{self.at}: {above} is taken to end below {address:#010x}, which is read"] = None
        return bytes(data)

    def expanded(self, name: str) -> str | None:
        """A variable's value, which counts."""
        value = self.text_of(name)
        self.spend(len(value or ""))
        return value

    def value(self, inside: str) -> str | None:
        """What `${inside}` stands for in the older parser; None where it is not set."""
        name, colon, rest = inside.partition(":")
        if name == "?":
            return str(self.status)
        value = self.expanded(name)
        if not colon or rest[:1] not in tuple("-=+"):
            return value
        if value:
            return "" if rest[0] == "+" else value
        if rest[0] == "=":
            self.assign(name, rest[1:])
        return rest[1:]

    def assign(self, name: str, value: str) -> None:
        """``name=value``: a variable of the shell's own."""
        self._local[name] = self.short(value)

    def unassign(self, name: str) -> None:
        """Drop a variable of the shell's own."""
        self._local.pop(name, None)

    def set(self, name: str, value: str) -> None:
        """Set a variable of the environment; "" deletes it."""
        if value:
            self.env[name] = self.short(value)
        else:
            self.env.pop(name, None)

    def short(self, value: str) -> str:
        """A variable's value, which has a bound."""
        if len(value) > _LONGEST:
            raise self.error(f"a variable of more than {_LONGEST} characters")
        return value

    def found(self, file: str) -> GivenFile | None:
        """What the user gave of a file; None for nothing."""
        return self.files.get(file) if is_known(file) else None

    def is_there(self, file: str) -> bool | None:
        """Whether there is such a file, as far as the user said."""
        found = self.found(file)
        return None if found is None else found.data is not None

    def effects(self, name: str, words: list[str]) -> int | None:
        """What a command leaves and returns; None where it is taken to succeed."""
        if name in facts.BY_DEVICE:
            if any(mark in word for word in words[1:3] for mark in "${}"):
                raise self.error(f"{self.shown(' '.join(words[1:3]))!r} names no device and partition to load from")
            return self.load(words[3:], of_disk=True)
        if name in facts.BY_ADDRESS:
            loadaddr = self.env.get("loadaddr", "")
            return self.load(words[1:] if len(words) != 2 or is_number(words[1]) else [loadaddr, words[1]])
        if name in facts.RAW_READS and words[1:2] == ["read"]:
            return self.load([*words[facts.RAW_READS[name] :][:1], f"a piece of {name}"], has_name=False)
        if name == "size" and len(words) > 3 and (found := self.found(words[3])) is not None:
            if found.data is not None:
                self.env["filesize"] = f"{len(found.data):x}"
            return int(found.data is None)
        if name == "part" and len(words) > 4 and words[1] in ("uuid", "list", "start", "size", "number", "type"):
            self.set_unknown(words[-1], words)
        elif name in ("fsuuid", "fstype", "size", "uuid", "guid", "read"):
            target = {"fsuuid": words[3:4], "fstype": words[3:4], "size": ["filesize"], "read": words[4:5]}
            for each in target.get(name, words[1:2]):
                self.set_unknown(each, words)
        elif name not in facts.HARMLESS:
            self.passed[f"{name[:_SHOWN]!r} ({self.at})"] = None
        return None

    def load(self, words: list[str], *, of_disk: bool = False, has_name: bool = True) -> int | None:
        """A file goes to an address: the words from the address on.  None where it is taken to be there."""
        text = words[0] if words else self.env.get("loadaddr", "")
        file = words[1] if len(words) > 1 else self.env.get("bootfile", "a file")
        if not is_known(text) or not is_number(text):
            where = self.shown(text)
            raise self.error(
                f"{where!r} stands where the address to load {self.shown(file)!r} to is expected; is a variable of the "
                "line not set?"
            )
        found = self.found(file) if has_name else None
        if found is not None and found.data is None:
            return 1
        name, address = self.shown(file), hextoul(text)
        data = None if found is None or found.data is None else self._part(memoryview(found.data), words[2:4], name)
        load = Load(self.at, address, name, of_disk, None if data is None else len(data))
        self.loads.append(load)
        self.memory.put(address, data, name, self.at)
        size = self.unknown.add(self.at, f"the size of {name}", load) if data is None else f"{len(data):x}"
        self.env["filesize"] = size
        self.env["fileaddr"] = f"{address:x}"
        return None if found is None else 0

    def _part(self, data: memoryview, words: list[str], file: str) -> memoryview:
        """The bytes that ``load`` is told to take: how many, 0 for all, and from where on."""
        for word in words:
            if not is_known(word):
                raise self.undecided(word, f"how much of {file!r} is loaded")
        size, start = (hextoul(words[i]) if len(words) > i else 0 for i in (0, 1))
        if start > len(data):
            raise self.error(f"{file!r} is to be loaded from {start:#x} on, and has {len(data):#x} bytes")
        return data[start : start + size] if size else data[start:]

    def set_unknown(self, name: str, words: list[str]) -> None:
        """A command sets a variable to what only the board can tell, or the user."""
        if self.changes.get(name):
            self.env[name] = self.changes[name]
            return
        self.env[name] = self.unknown.add(self.at, self.shown(" ".join(words[:4])), variable=name)

    def taken(self, words: list[str]) -> None:
        """A command whose success decides is taken to succeed."""
        named = [word for word in words if word.strip()]  # the end of a line may be a word
        self.succeeds[f"{self.shown(' '.join(named[:1] + named[1:][-1:]))!r} ({self.at})"] = None


def is_number(text: str) -> bool:
    """Whether U-Boot reads the whole word as an address."""
    digits = text.removeprefix("0x").removeprefix("0X")
    return 0 < len(digits) <= 8 and all(char in "0123456789abcdefABCDEF" for char in digits)
