"""Commands of a boot script that are done as U-Boot does them.

Each gets its words, and returns a status: 0 is success.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from bootmap.errors import InputError
from bootmap.facts.loaders import uboot_commands as facts
from bootmap.inputs import boot_script, env_import
from bootmap.inputs.uboot_env import hextoul
from bootmap.plan.script.conditions import WIDTHS, MemoryReadError, compared, is_true, operand
from bootmap.plan.script.state import is_number
from bootmap.plan.script.values import is_known

if TYPE_CHECKING:
    from collections.abc import Callable

    from bootmap.facts.loaders.uboot import Release
    from bootmap.plan.script.state import ScriptState

_OK, _FAILED = 0, 1
_CONFIGURATIONS: Release = (2023, 4)  # of a FIT image with scripts: commit bcc85b96b5f
_WORDS, _WORDS_SINCE = 16, ((2024, 4), 64)  # CONFIG_SYS_MAXARGS where a board says nothing: commit cc7e3d19293
_ABSENT_IS_DELETED: Release = (2021, 4)  # before, deleting what is not set fails: commit 96434a76fd2
_LARGEST_ENV = 1 << 20  # cmd/nvedit.c MAX_ENV_SIZE
_ARITHMETIC: dict[str, Callable[[int, int], int]] = {
    "+": int.__add__,
    "-": int.__sub__,
    "*": int.__mul__,
    "/": int.__floordiv__,
    "%": int.__mod__,
    "&": int.__and__,
    "|": int.__or__,
    "^": int.__xor__,
}


class Running(Protocol):
    """The shell, as commands need it."""

    state: ScriptState
    release: Release

    def sourced(self, file: str, text: str) -> int:
        """Run a script that was loaded."""

    def variable(self, name: str, text: str) -> int:
        """Run a variable."""

    def exit(self, status: int) -> int:
        """End what runs."""


class BootedError(Exception):
    """The script has come to its boot command, whose words these are."""

    def __init__(self, words: list[str]) -> None:
        super().__init__()
        self.words = tuple(words)


def starts(name: str) -> str:
    """Why a command cannot be replayed; "" where it can."""
    return facts.STARTS.get(name, "")


def _setenv(shell: Running, words: list[str]) -> int:
    arguments = [word for i, word in enumerate(words[1:]) if i or word != "-f"]
    if not arguments:
        return _FAILED
    name, values = arguments[0], arguments[1:]
    if not is_known(name):
        raise shell.state.undecided(name, "the variable's name")
    _note_many(shell, words)
    if "=" in name or (not values and name not in shell.state.env and shell.release < _ABSENT_IS_DELETED):
        return _FAILED
    if values:
        shell.state.env[name] = shell.state.short(" ".join(values))
    else:
        shell.state.set(name, "")
    return _OK


def _note_many(shell: Running, words: list[str]) -> None:
    usual = _WORDS_SINCE[1] if shell.release >= _WORDS_SINCE[0] else _WORDS
    if len(words) > usual:
        shell.state.notes[
            f"{shell.state.at}: {words[0]!r} gets {len(words)} words: the build takes so many (CONFIG_SYS_MAXARGS, "
            f"usually {usual}; with less it fails)"
        ] = None


def _env(shell: Running, words: list[str]) -> int:
    sub, state = words[1] if len(words) > 1 else "", shell.state
    if sub == "set":
        return _setenv(shell, words[1:])
    if sub == "run":
        return _run(shell, words[1:])
    if sub == "delete":
        names = [word for word in words[2:] if word != "-f"]
        absent = [name for name in names if name not in state.env]
        for name in names:
            state.set(name, "")
        return int(bool(absent))
    if sub == "exists":
        return int(words[-1] not in state.env)
    if sub == "import":
        return _import(state, words[2:])
    if sub in ("default", "load", "select"):
        _not_known(state, sub)
    return _OK


def _not_known(state: ScriptState, sub: str) -> None:
    """What the user sets by --set is taken for variables that are not known."""
    for name, value in state.changes.items():
        state.set(name, value)
    state.notes[f"{state.at}: what 'env {sub}' brings is not known: --set is taken for it"] = None


def _import(state: ScriptState, words: list[str]) -> int:
    """``env import``, of a file that was loaded there."""
    flags = ""
    while words and words[0].startswith("-"):
        flags += words.pop(0)[1:]
    if not words or set(flags) - set("bctrd") or sum(flag in "bct" for flag in flags) > 1:
        return _FAILED
    for word in words:
        if not is_known(word) and state.unknown.load(word) is None:
            raise state.undecided(word, "'env import'")
    data = state.read(hextoul(words[0]))
    if data is None:
        _not_known(state, "import")
        return _OK
    separator = b"\0" if "b" in flags or "c" in flags else b"\n"
    if len(words) > 1 and words[1] != "-":
        if not is_known(words[1]):
            raise state.undecided(words[1], "'env import'")
        size = hextoul(words[1])
        if size > len(data):
            raise state.error(f"'env import' reads {size:#x} bytes: {len(data):#x} of them are known")
        data = data[:size]
    elif "c" in flags:
        return _FAILED
    if "c" in flags or "d" in flags or len(words) > 4:
        raise state.error(f"'env import -{flags}' is not replayed: -t, -b and -r are")
    if len(data) > _LARGEST_ENV:
        raise state.error(f"'env import' reads {len(data):#x} bytes: an environment has at most {_LARGEST_ENV:#x}")
    found = env_import.variables(data, separator, crlf="r" in flags and separator == b"\n")
    if found is None:
        return _FAILED
    state.spend(sum(len(value) for _, value in found))
    for name, value in found:
        if name and (len(words) < 3 or name in words[2:]):
            state.set(name, value)
    return _OK


def _test(shell: Running, words: list[str]) -> int:
    state = shell.state
    _note_many(shell, words)
    answer, files = is_true(words, state.is_there)
    for file in files:
        state.taken(["test -e", file])
    for word in words[1:]:
        # -n and -z of an unknown value: whatever it is, a command that succeeds sets something
        if not is_known(word) and not (len(words) == 3 and words[1] in ("-n", "-z")):
            raise state.undecided(word, "the condition")
    return int(not answer)


def _itest(shell: Running, words: list[str]) -> int:
    state = shell.state
    for word in words:
        if not is_known(word):
            raise state.undecided(word, "the condition")
    try:
        return int(not compared(words, state.memory.number))
    except MemoryReadError:
        shown = state.shown(" ".join(words))
        raise state.error(f"{shown!r} compares what is in memory, which is not known") from None


def _setexpr(shell: Running, words: list[str]) -> int:
    state = shell.state
    name, operands = words[1] if len(words) > 1 else "", words[2:]
    width = WIDTHS.get(words[0].partition(".")[2])
    is_sum = len(operands) == 1 or (len(operands) == 3 and operands[1] in _ARITHMETIC)
    if width is not None and is_sum and all(is_number(each.removeprefix("*")) for each in operands[::2]):
        try:
            left, right = (operand(each, width, state.memory.number) for each in (operands[0], operands[-1]))
        except MemoryReadError:
            state.set_unknown(name, words)
            return _OK
        if len(operands) == 1:
            value = left
        elif operands[1] in "/%" and not right:
            raise state.error(f"{state.shown(' '.join(words))!r} divides by zero, and U-Boot hangs")
        else:
            value = _ARITHMETIC[operands[1]](left, right)
        state.env[name] = f"{value & 0xFFFFFFFF:x}"
        return _OK
    state.set_unknown(name, words)
    return _OK


def _fdt(shell: Running, words: list[str]) -> int:
    sub, state = words[1] if len(words) > 1 else "", shell.state
    if sub == "get" and len(words) > 3:
        state.set_unknown(words[3], words)
    elif sub in facts.TREE_CHANGES:
        state.notes[f"'fdt {sub}' changes the tree: BOARD is taken to be the tree after that"] = None
    return _OK


def _run(shell: Running, words: list[str]) -> int:
    for name in words[1:]:
        value = shell.state.env.get(name)
        if value is None:
            return _FAILED
        if not is_known(value):
            raise shell.state.undecided(value, f"what 'run {name}' runs")
        status = shell.variable(name, value)
        if status:
            return status
    return _OK


def _source(shell: Running, words: list[str]) -> int:
    """``source ADDR``, ``ADDR:SCRIPT`` or ``ADDR#CONFIGURATION``: the script that was loaded there."""
    state, word = shell.state, words[1] if len(words) > 1 else ""
    if not is_known(word):
        raise state.undecided(word, "'source'")
    address, mark, name = word, "", ""
    if "#" in word or ":" in word:
        mark = ":" if ":" in word else "#"
        address, _, name = word.partition(mark)
    if not address:
        raise state.error("'source' without an address is not replayed: the build decides where it reads; write one")
    at = hextoul(address)
    data = state.read(at)
    if data is None:
        raise _missing(state, at)
    try:
        text = boot_script.taken_by_source(
            data,
            name if mark == ":" else None,
            name if mark == "#" else None,
            verify=state.env.get("verify", "y")[:1] in ("1", "y", "Y", "t", "T"),
            configurations=shell.release >= _CONFIGURATIONS,
        )
    except InputError as error:
        state.notes[f"{state.at}: 'source' fails: what lies at {at:#010x} {error.message}"] = None
        return _FAILED
    file = state.memory.name_at(at)
    try:
        body = boot_script.checked(text)
    except InputError as error:
        place = f"line {error.line}: " if error.line else ""
        raise state.error(f"'source' runs {file!r}: {place}{error.message}") from None
    return shell.sourced(file, body)


def _missing(state: ScriptState, at: int) -> InputError:
    loaded = state.memory.file_at(at)
    if not loaded:
        return state.error(f"'source' runs what lies at {at:#010x}, which no line loads there")
    name, place = loaded
    return state.error(f"'source' runs {name!r}, which {place} loads; give it with --file {name}=PATH")


def _boots(shell: Running, words: list[str]) -> int:
    if words[0] == "sysboot" and len(words) > 5 and shell.state.is_there(words[5]) is False:
        return _FAILED
    raise BootedError(words)


def _exit(shell: Running, words: list[str]) -> int:
    digits = words[1] if len(words) > 1 else "0"
    if not is_known(digits):
        raise shell.state.undecided(digits, "'exit'")
    end = len(digits) - len(digits.lstrip("0123456789"))
    return shell.exit(int(digits[:end][:9] or "0"))


def _no_command(shell: Running, words: list[str]) -> int:
    shell.state.notes[f"{shell.state.at}: {words[0]!r} is no command of U-Boot's: it fails"] = None
    return _FAILED


COMMANDS: dict[str, Callable[[Running, list[str]], int]] = {
    "setenv": _setenv,
    "env": _env,
    "test": _test,
    "itest": _itest,
    "setexpr": _setexpr,
    "fdt": _fdt,
    "run": _run,
    "source": _source,
    "exit": _exit,
    **dict.fromkeys(("bootz", "bootm", "sysboot"), _boots),
    **dict.fromkeys(("echo", "true"), lambda _shell, _words: _OK),
    "false": lambda _shell, _words: _FAILED,
    **dict.fromkeys(facts.NO_COMMANDS, _no_command),
}
"""By name, without what stands behind a dot."""
