"""U-Boot's environment where a capture shows it: what bootcmd will load and start, and where.

    bootcmd=load mmc 2:1 ${loadaddr} zImage; load mmc 2:1 ${fdt_addr} board.dtb; bootz ${loadaddr} - ${fdt_addr}
    fdt_addr=0x18000000                                                          the device tree, at 0x18000000
    loadaddr=0x12000000                                                          the kernel, at 0x12000000

Not here: what is wrong with such places (``loaded``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bootmap.bootlog.loaded import INITRD, KERNEL, TREE, Loaded
from bootmap.units import Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bootmap.bootlog.case import LogCase

_SET = re.compile(r"^(?:=> ?)?(?:setenv )?([A-Za-z]\w{0,63})(?:=| )(\S.{0,4000})$")
_VARIABLE = re.compile(r"\$\{(\w{1,64})\}|\$(\w{1,64})")
_RUN = re.compile(r"\brun (\w{1,64})")
_START = re.compile(r"\bboot[mz] (?P<kernel>\S{1,40})(?: (?P<initrd>[^\s;]{1,40}))?(?: (?P<tree>[^\s;]{1,40}))?")
_HEX = re.compile(r"^(?:0x)?([0-9a-fA-F]{4,8})(?::(?:0x)?([0-9a-fA-F]{1,8}))?$")
_DEEP = 8


def environment(case: LogCase) -> dict[str, tuple[int, str]]:
    """The variables that the capture shows, each with the number of its line; the last value counts."""
    found = {}
    for number, text in case.lines():
        match = _SET.match(text)
        if match is not None and ("=" in text.split()[0] or "setenv " in text):
            found[match[1]] = (number, match[2].strip())
    return found


def will_start(case: LogCase) -> Iterator[Loaded]:
    """Kernel, initrd and device tree as bootcmd will start them, with the line of the variable that places them."""
    variables = environment(case)
    if "bootcmd" not in variables:
        return
    line, command = variables["bootcmd"]
    for _ in range(_DEEP):  # run calls what another variable holds
        command = _RUN.sub(lambda match: variables.get(match[1], (0, ""))[1], command)
    starts = list(_START.finditer(command))
    if not starts:
        return
    for name, what in (("kernel", KERNEL), ("initrd", INITRD), ("tree", TREE)):
        word = (starts[-1][name] or "").rstrip(";")
        value, at = _value(word, variables, line)
        match = _HEX.match(value)
        if match is not None:
            start = int(match[1], 16)
            yield Loaded(what, Span(start, start + (int(match[2], 16) if match[2] else 1)), at)


def _value(word: str, variables: Mapping[str, tuple[int, str]], line: int) -> tuple[str, int]:
    """A word with what its variables hold, and the line of the last of these."""
    for _ in range(_DEEP):
        match = _VARIABLE.search(word)
        if match is None:
            break
        at, value = variables.get(match[1] or match[2], (line, ""))
        line = at
        word = word[: match.start()] + value + word[match.end() :]
    return word, line
