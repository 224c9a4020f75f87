"""A boot script replayed: what ``boot.scr`` sets and loads where, and the command with which it boots.

Files that the user does not give are taken to be there and commands to succeed, which is noted with their lines where
the script asks; what only the board can tell (a file's size, a partition's UUID) is a value of its own that no
condition may hang on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.inputs.uboot_env import hextoul
from bootmap.plan.script.commands import BootedError
from bootmap.plan.script.modern import ModernShell
from bootmap.plan.script.shell import Shell
from bootmap.plan.script.state import ScriptState, is_number
from bootmap.plan.script.values import is_known, known_part

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bootmap.facts.loaders.uboot import Release
    from bootmap.plan.script.files import GivenFiles
    from bootmap.plan.script.values import Load

_DECIDE = ("fdt_high", "initrd_high", "bootm_low", "bootm_size", "bootm_mapsize")
_MOST_NAMED = 8
_SHOWN = 200


class ScriptRun(Struct, frozen=True):
    """What a script comes to.

    Attributes:
        command: the boot command's words; ``sysboot`` and the file of its menu for that.
        at: its place, in words.
        env: the variables then.
        loads: what was loaded, in order.
        ramdisk_size_of: the load whose ``filesize`` is the ramdisk's size; None where it is a number, or none.
        assumptions: what was taken for granted, each with its lines.
        file: the script's name; "" where it has none.
        menu: what ``sysboot`` reads, where it is known.
    """

    command: tuple[str, ...]
    at: str
    env: Mapping[str, str]
    loads: tuple[Load, ...]
    ramdisk_size_of: Load | None
    assumptions: tuple[str, ...]
    file: str = ""
    menu: bytes | None = None


def replay(
    text: str,
    env: Mapping[str, str],
    changes: Mapping[str, str],
    *,
    files: GivenFiles,
    release: Release,
    typed: bool = False,
    modern: bool = False,
) -> ScriptRun:
    """Run a script.

    Args:
        text: the script.
        env: the variables before.
        changes: variables that the user sets; what ``env import`` brings is taken from them if its file is not given.
        files: what the user gave of the files that the script loads.
        release: U-Boot's.
        typed: the text is no script but what is typed at the prompt.
        modern: U-Boot has its newer parser.

    Raises:
        InputError: a line cannot be replayed, or the script boots nothing.
    """
    state = ScriptState(env, changes, files, typed=typed)
    shell = (ModernShell if modern else Shell)(state, release)
    try:
        shell.script(text)
    except BootedError as booted:
        return _result(state, booted.words)
    what = "command" if typed else "script"
    if shell.ended:
        raise state.error(f"the {what} ends with 'exit' before it boots anything")
    raise state.error(f"no bootz, bootm or sysboot is reached: the {what} boots nothing")


def _result(state: ScriptState, command: tuple[str, ...]) -> ScriptRun:
    """What the script came to, at its boot command."""
    words, notes = list(command), [*state.notes]
    if words[0] == "sysboot":
        found = state.found(words[5]) if len(words) > 5 else None
        return ScriptRun(
            ("sysboot", state.shown(words[5] if len(words) > 5 else "its menu")),
            state.at,
            _variables(state, notes),
            tuple(state.loads),
            None,
            _told(state, notes),
            menu=None if found is None else found.data,
        )
    if len(words) == 1:
        raise state.error(f"{words[0]!r} without an address is not replayed")
    size_of = None
    if len(words) > 2 and ":" in words[2]:
        start, _, size = words[2].partition(":")
        size_of = state.unknown.load(size)
        words[2] = words[2] if size_of is None else start
    for i, word in enumerate(words):
        if not is_known(word):
            raise state.undecided(word, f"{words[0]!r}")
        if i and word != "-" and not is_number(word.split("#")[0].split(":")[0]):
            raise state.error(f"{state.shown(word)!r} of {words[0]!r} is no address")
    for what, word in zip(("kernel", "ramdisk", "device tree"), words[1:], strict=False):
        at = word.split("#")[0].split(":")[0]
        if at != "-" and all(load.address != hextoul(at) for load in state.loads):
            notes.append(f"{state.at}: the {what} is taken to be at {hextoul(at):#010x}: no line loads it there")
    env = _variables(state, notes)
    return ScriptRun(tuple(words), state.at, env, tuple(state.loads), size_of, _told(state, notes))


def _variables(state: ScriptState, notes: list[str]) -> dict[str, str]:
    """The variables, without what only the board can tell."""
    for name in _DECIDE:
        if not is_known(state.env.get(name, "")):
            raise state.undecided(state.env[name], name)
    if not is_known(state.env.get("bootargs", "")):
        shown = state.unknown.shown(state.env["bootargs"])[:_SHOWN]
        notes.append(f"bootargs has a value that only the board can tell, and is taken without it: {shown!r}")
    return {name: known_part(value) for name, value in state.env.items()}


def _told(state: ScriptState, notes: list[str]) -> tuple[str, ...]:
    lines = []
    if state.succeeds:
        lines.append(f"the script's commands succeed: {_named(state.succeeds)}")
    if state.passed:
        lines.append(f"commands of the script that are not followed leave what is loaded alone: {_named(state.passed)}")
    return (*lines, *notes[:_MOST_NAMED])


def _named(rows: Mapping[str, None]) -> str:
    shown = [*rows][:_MOST_NAMED]
    more = len(rows) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
