"""Reading a boot's messages: what of it bears on memory, line by line, whatever stands around it.

Two messages on one line are both read, noise before a message is passed over, and a message that a mail program or a
narrow terminal broke is put together again.  Not here: whether a line is right.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from bootmap.bootlog.capture import read_boots
from bootmap.bootlog.headers import image_at
from bootmap.errors import InputError
from bootmap.facts.linux.log_lines import DECIMAL, HEX, LINES
from bootmap.inputs.sought import Sought, words_of
from bootmap.units import PAGE_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bootmap.bootlog.capture import Boot
    from bootmap.facts.linux.log_lines import LogLine

_WRAPPED = 6  # a message is put together from at most so many lines
_TAIL = 16
_ADDRESS = re.compile(r"(?<![0-9a-f])[0-9a-f]{8}$|(?<![0-9a-f])[0-9a-f]{16}$")
_MAX_WRAPPED = 1024  # and from none longer than that: mail programs and terminals break far sooner
_MOST_LINES = 30_000  # that could be about memory; a boot with memblock=debug has some thousands
_PARAMETERS = re.compile(r"[\w.-]+=[^\s:]*(?: [\w.,=/:@-]+)*$")
# What bootm and bootz print of what they start: of an attempt that they gave up, it tells nothing of the boot.
_OF_ATTEMPT = frozenset(
    {
        "load",
        "kernel_at",
        "image_size",
        "image_name",
        "arm_image",
        "payload_load",
        "payload_size",
        "dtb",
        "ramdisk",
        "ramdisk_at",
        "blob",
        "started",
    }
)
# What a message has in it when it is whole, where its pattern is content with less.
_WHOLE = {
    "cpu": re.compile(r"cr=[0-9a-f]{8}|\(\w{1,20}\)$"),
    "banner": re.compile(r"#\d{1,9} \w"),
    "memory": re.compile(r"available \([^)]{0,400}\)"),
}
# A line without any of these words is not looked at twice.
WORTH = Sought(
    re.compile(
        r"[Mm]em|[Rr]eserved|RAM|zone|[Nn]ode|[Nn]ormal|DMA|cma|CMA|CPU|0x[0-9a-f]+ - 0x|pages|"
        r"Linux version|Machine|command line|Load Address|Starting kernel|Device Tree|identity map|Ramdisk |"
        r"mapping|INITRD|cache ?policy|SLUB|SMP|PERCPU|NR_BANKS|MEMBLOCK|vmalloc|DRAM:|Bank #|[Kk]ernel image|fdt blob|"
        r"-> s|Legacy Image|Image [NT]|Architecture|Data [Ss]ize|bootargs|append: |boot[mz] |processor variant|pgd = |"
        r"PID: |[DI]TCM|kasan: |\befi:? |ion reserve|Start: |SYS|VE |G2D|LCD|MALI|Unable to handle|PC is at|RAM: |"
        r"Control: "
    )
)


class Said(Struct, frozen=True):
    """One message that bears on memory.

    Attributes:
        row: which kind it is.
        line: number of the line that it begins on, from 1.
        text: as it stands there, without what stands before it.
        values: its groups, numbers as numbers.
    """

    row: LogLine
    line: int
    text: str
    values: dict[str, int | str]

    @property
    def kind(self) -> str:
        """The name of its kind."""
        return self.row.kind

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def number(self, name: str) -> int:
        """A group that is a number.

        Raises:
            KeyError: the line does not have it.
        """
        value = self.values[name]
        return value if isinstance(value, int) else int(value, 0)

    def word(self, name: str) -> str:
        """A group as text; "" where the line does not have it."""
        return str(self.values.get(name, ""))


class Log(Struct, frozen=True):
    """The messages of one log in its order, and how many lines it has in all."""

    said: tuple[Said, ...]
    lines: int

    def all(self, *kinds: str) -> list[Said]:
        """Every message of these kinds, in order."""
        return [said for said in self.said if said.kind in kinds]

    @property
    def open_ends(self) -> bool:
        """Whether memblock's calls name the address behind a range, as they did up to 3.13, instead of its last byte.

        Among what is reserved are whole pages, which tell.
        """
        within = {said.number("last") % PAGE_SIZE for said in self.all("call") if said.word("name") == "reserve"}
        return 0 in within and PAGE_SIZE - 1 not in within

    def dump(self, name: str) -> list[Said]:
        """The rows of ``name`` ("memory" or "reserved") where memblock's lists were printed last."""
        rows: list[Said] = []
        for said in self.all("dump_totals", "dump_row"):
            if said.kind == "dump_totals":
                rows = []
            elif said.word("name") == name:
                rows.append(said)
        return rows

    def first(self, kind: str) -> Said | None:
        """The first message of a kind."""
        return next((said for said in self.said if said.kind == kind), None)


def read_log(text: str) -> Log:
    """What bears on memory in the text of a log: of its first boot, if there are several.

    Raises:
        InputError: far more lines could be about memory than a boot prints.
    """
    return messages_of(read_boots(text)[0])


def messages_of(boot: Boot) -> Log:
    """What bears on memory in one boot of a capture.

    Raises:
        InputError: far more lines could be about memory than a boot prints.
    """
    lines = [line.text for line in boot.lines]
    stamped = [line.stamped for line in boot.lines]
    seen = enumerate(lines) if WORTH.may_be_in(boot.text) else ()
    worth = list(islice((at for at, line in seen if WORTH.search(line)), _MOST_LINES + 1))
    if len(worth) > _MOST_LINES:
        line = boot.first + worth[_MOST_LINES]
        raise InputError(f"more than {_MOST_LINES} lines could be about memory; give the log of one boot", line=line)
    said = [
        replace(message, line=message.line + boot.first - 1)
        for at in worth
        for message in _messages(lines, stamped, at)
        if message.kind not in _OF_ATTEMPT or message.line + boot.first - 1 > boot.given_up
        if not (boot.cut and at == len(lines) - 1 and _may_be_cut(message, lines[at]))
    ]
    return Log(tuple(said), boot.total)


def _may_be_cut(message: Said, line: str) -> bool:
    """Whether a message goes up to the end of its line, and ends with a number or a word, which may go on there.

    An address of eight digits is whole.
    """
    if not line.endswith(message.text[-_TAIL:]) or not message.text[-1:].isalnum():
        return False
    return _ADDRESS.search(message.text) is None


def _messages(lines: Sequence[str], stamped: Sequence[bool], at: int) -> Iterator[Said]:
    """The messages that begin on the line ``at``."""
    for row, words in _rows():
        line = lines[at]
        begins = bool(row.head) and row.head in line
        if not begins and words and not any(word in line for word in words):
            continue
        if begins or row.kind == "cmdline":
            line = _whole(row, lines, stamped, at)
        match = row.pattern.search(line)
        if match and (not row.image or row.image == image_at(lines, at)):
            yield Said(row, at + 1, match[0].strip(), _values(match))


@cache
def _rows() -> tuple[tuple[LogLine, tuple[str, ...]], ...]:
    """Every kind of line, with words of which one that is whole has one."""
    return tuple((row, words_of(row.pattern)) for row in LINES)


def _whole(row: LogLine, lines: Sequence[str], stamped: Sequence[bool], at: int) -> str:
    """The message on the line ``at`` with what a mail or a terminal put on the lines behind it."""
    if row.kind == "cmdline" and not row.pattern.search(lines[at]):
        return lines[at]
    line = lines[at]
    if len(line) > _MAX_WRAPPED:
        return line
    for upto in range(at + 1, min(at + _WRAPPED, len(lines))):
        more = lines[upto]
        if not more or len(more) > _MAX_WRAPPED or (stamped[at] and stamped[upto]):
            break
        if row.kind == "cmdline":
            if not stamped[at] and not _PARAMETERS.match(more):
                break
        elif row.pattern.search(line) and _WHOLE.get(row.kind, row.pattern).search(line):
            break
        line += " " + more.strip()
    return line if row.pattern.search(line) else lines[at]


def _values(match: re.Match[str]) -> dict[str, int | str]:
    values: dict[str, int | str] = {}
    for name, text in match.groupdict().items():
        if text is None:
            continue
        values[name] = int(text, 16) if name in HEX else int(text) if name in DECIMAL else text.strip()
    return values
