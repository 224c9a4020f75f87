"""A capture of a console, cut into boots: a board that resets shows the boot loader and the kernel again and again.

    U-Boot SPL 2023.01          boot 1 begins
    U-Boot 2023.01
    Starting kernel ...
    Linux version 6.1.0
    U-Boot SPL 2023.01          boot 2 begins: a kernel was seen, or this very line
    ...

Not here: what the lines say.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.facts.linux.last_words import ENDS_ATTEMPT
from bootmap.inputs.console import console_lines
from bootmap.inputs.sought import Sought

if TYPE_CHECKING:
    from bootmap.inputs.console import ConsoleLine

MOST_BOOTS = 64
_NEAR = 12
# A line without any of these words begins no boot.
_WORTH = re.compile(
    r"U-Boot|barebox|fastboot|RedBoot|DDR V|BL[12]|Starting|Jumping|Linux|control|Mem|Zone|Kernel command"
)
_LOADER = re.compile(
    r"^(U-Boot (?:SPL |TPL )?(?:\d{4}\.\d\d|1\.\d)|barebox \d{4}\.|Starting with: fastboot|RedBoot\(tm\)|"
    r"DDR Version \d|BL1: |NOTICE: +BL[12]: v)"
)
_HANDED = re.compile(r"^(?:Starting kernel|## Transferring control to Linux|Starting application at|Jumping to the)")
_BANNER = Sought(re.compile(r"\bLinux version [2-9]\.\d"))
_BOOTING = Sought(re.compile(r"\bBooting Linux on physical CPU"))
_CPU = re.compile(r"\bCPU: [^\[\n]{1,80}\[[0-9a-f]{8}\] revision|\bMachine(?: model)?: |" + _BOOTING.pattern.pattern)
_STARTED = Sought(
    re.compile(rf"{_HANDED.pattern}|^ ?Uncompressing Linux|{_BOOTING.pattern.pattern}|{_BANNER.pattern.pattern}")
)
_ENDS_ATTEMPT = Sought(ENDS_ATTEMPT)
_KERNEL = Sought(re.compile(r"\bMemory policy: |\bMemory: \d|\bKernel command line: |\bZone ranges:"))


class Boot(Struct, frozen=True, dict=True):
    """One boot of a capture.

    Attributes:
        number: which one it is, from 1.
        first: number of its first line in the file, from 1.
        lines: its lines.
        total: lines of the whole capture.
        cut: whether its last line does not end, so that it may be cut off in the midst of a number.
    """

    number: int
    first: int
    lines: tuple[ConsoleLine, ...]
    total: int
    cut: bool = False

    @cached_property
    def text(self) -> str:
        """Its lines in one."""
        return "\n".join(line.text for line in self.lines)

    @cached_property
    def started(self) -> int:
        """Number of the first line that only stands there once a kernel was started; 0 where none does."""
        found = self.line_with(_STARTED)
        return found[0] if found is not None else 0

    @cached_property
    def given_up(self) -> int:
        """Number of the last line with which the boot loader gave up an attempt before the one that it started.

        0 where there was none, or where no kernel was started after it.
        """
        if not self.started or not _ENDS_ATTEMPT.may_be_in(self.text):
            return 0
        lines = enumerate(self.lines[: self.started - self.first], self.first)
        return max((number for number, line in lines if _ENDS_ATTEMPT.search(line.text)), default=0)

    def line_with(self, sought: Sought) -> tuple[int, str] | None:
        """Number and text of the first line in which a pattern is found; None without one."""
        if not sought.may_be_in(self.text):
            return None
        lines = enumerate(self.lines, self.first)
        return next(((number, line.text) for number, line in lines if sought.search(line.text)), None)


def read_boots(text: str) -> tuple[Boot, ...]:
    """The boots in the text of a capture, in order: always at least one, at most `MOST_BOOTS`."""
    lines = console_lines(text)
    starts = _starts(lines)
    total = len(lines) - (not lines[-1].text)
    ends = [*starts[1:], len(lines)]
    return tuple(
        Boot(number, start + 1, tuple(lines[start:end]), total, cut=end == len(lines) and bool(lines[-1].text))
        for number, (start, end) in enumerate(zip(starts, ends, strict=True), 1)
    )


def _starts(lines: list[ConsoleLine]) -> list[int]:
    """Where boots begin, as indices of lines."""
    starts = [0]
    loaders: set[str] = set()
    handed = booting = banner = kernel = False
    for at, (line, *_) in enumerate(lines):
        if len(starts) >= MOST_BOOTS or not _WORTH.search(line):
            continue
        loader, again = _LOADER.match(line), False
        if loader is not None:
            again = handed or banner or loader[1] in loaders
        elif _HANDED.match(line):
            again = handed or banner
        elif _BOOTING.search(line):
            again = booting or (banner and kernel)
        elif _BANNER.search(line):
            again = banner and kernel and _is_start(lines, at)
        kernel = kernel or _KERNEL.search(line) is not None
        if again:
            starts.append(at)
            loaders, handed, booting, banner, kernel = set(), False, False, False, False
        if loader is not None:
            loaders.add(loader[1])
        handed = handed or _HANDED.match(line) is not None
        booting = booting or _BOOTING.search(line) is not None
        banner = banner or _BANNER.search(line) is not None
    return starts


def _is_start(lines: list[ConsoleLine], at: int) -> bool:
    """Whether a version is a kernel's first words: who only looks at /proc/version shows no CPU after it."""
    return any(_CPU.search(line.text) for line in lines[at + 1 : at + _NEAR])
