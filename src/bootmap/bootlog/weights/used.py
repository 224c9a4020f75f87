"""What a prediction used of each number that was weighed: read from the prediction, so that nothing else can be shown.

    weighed by lines           used by the prediction
    PHYS_OFFSET, lines 7, 22   state.handover.phys_offset
    RAM, line 24               state.banks
    CONFIG_HIGHMEM, line 31    kernel.config["HIGHMEM"]

Not here: how they were weighed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import replace

from bootmap.assumptions import Assumption
from bootmap.boot.payload import initrd_span
from bootmap.bootlog.banks import RAM, same_size
from bootmap.bootlog.evidence import Confidence
from bootmap.bootlog.options import NOT_SET, OPTION
from bootmap.bootlog.phys_offset import LOWEST_BANK
from bootmap.bootlog.places import INITRD, TREE, same_initrd
from bootmap.bootlog.symbols import KERNEL_END, near
from bootmap.bootlog.weights.kernel import same_core, same_line, same_release
from bootmap.facts.arm.cpus import cpu_by_midr
from bootmap.units import Span, hex_address, size_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from bootmap.boot.sequence import Replay
    from bootmap.boot.state import BootState
    from bootmap.bootlog.evidence import Evidence, Weighed


class _Reader(NamedTuple):
    """How a quantity is read from a prediction, how it is written, and when two values of it say the same."""

    read: Callable[[BootState], Any]
    words: Callable[[Any], str]
    same: Callable[[Any, Any], bool] | None = None


def _address(value: int | None) -> str:
    return "not known" if value is None else hex_address(value)


def _ram_words(banks: Sequence[Span] | None) -> str:
    if not banks:
        return "not known"
    return f"{size_text(sum(bank.size for bank in banks))} at {hex_address(banks[0].start)}"


def _initrd_words(place: tuple[int, int] | None) -> str:
    return "none" if place is None else f"{size_text(place[1])} at {hex_address(place[0])}"


def _line_words(line: str | None) -> str:
    return f'"{line}"' if line else "empty"


def _core_words(midr: int) -> str:
    core = cpu_by_midr(midr)
    return f"{core.name}, MIDR {midr:#010x}" if core else f"MIDR {midr:#010x}"


def _initrd(state: BootState) -> tuple[int, int] | None:
    span = initrd_span(state)
    return None if span is None else (span.start, span.size)


def _cache(state: BootState) -> str:
    cpu = state.handover.cpu
    if cpu.arch < 6:
        return "vivt"
    return "vipt-aliasing" if cpu.aliasing else "vipt-nonaliasing"


def _release(state: BootState) -> str:
    kernel = state.kernel
    parts = [*kernel.version, *([kernel.sublevel] if kernel.sublevel else [])]
    return ".".join(map(str, parts))


READERS: Mapping[str, _Reader] = {
    "PHYS_OFFSET": _Reader(lambda state: state.handover.phys_offset, _address),
    RAM: _Reader(lambda state: tuple(Span(bank.start, bank.end) for bank in state.banks), _ram_words, same_size),
    "Linux": _Reader(_release, str, same_release),
    "CPU": _Reader(lambda state: state.handover.cpu.midr, _core_words, same_core),
    "data cache": _Reader(_cache, str),
    "command line": _Reader(lambda state: state.cmdline, _line_words, same_line),
    "PAGE_OFFSET": _Reader(lambda state: state.kernel.page_offset, _address),
    "VMALLOC_END": _Reader(lambda state: state.kernel.vmalloc_end, _address),
    TREE: _Reader(lambda state: state.handover.params, _address),
    INITRD: _Reader(_initrd, _initrd_words, same_initrd),
    KERNEL_END: _Reader(lambda state: state.kernel.image_end, _address, near),
}
"""Quantity -> how it is read; options of the configuration beside."""


def settled(weights: Iterable[Weighed[Any]], replay: Replay) -> tuple[Weighed[Any], ...]:
    """Each quantity with the value that ``replay`` used, and its witnesses for and against that."""
    found = []
    for weighed in worded(weights):
        reader = _reader(weighed.quantity)
        value = reader.read(replay.state)
        if value is not None or weighed.witnesses or weighed.against:
            found.append(weighed.held_against(value, reader.same))
    return tuple(found)


def worded(weights: Iterable[Weighed[Any]]) -> list[Weighed[Any]]:
    """The same, each knowing how its values are written."""
    return [replace(each, words=_reader(each.quantity).words) if each.words is str else each for each in weights]


def _reader(quantity: str) -> _Reader:
    if not quantity.startswith(OPTION):
        return READERS[quantity]
    name = quantity.removeprefix(OPTION)
    return _Reader(lambda state: state.kernel.config.get(name, NOT_SET), str, _same_option)


def _same_option(one: str, other: str) -> bool:
    """Whether two values of an option are the same: numbers by their value, an empty one not set."""
    try:
        return int(one, 0) == int(other, 0)
    except ValueError:
        return (one or NOT_SET) == (other or NOT_SET)


def assumed(values: Iterable[Weighed[Any]]) -> list[Assumption]:
    """What was taken though no line is a strong witness for it, with the option that replaces it."""
    return [
        Assumption(f"{each.quantity} is {each.words(each.value)}: {_why(each)}", each.option or None)
        for each in values
        if _weak(each) and (each.witnesses or each.otherwise)
    ]


def _weak(weighed: Weighed[Any]) -> bool:
    """Whether more than the strongest words of the log is to be said; where RAM begins decides most."""
    best = weighed.best
    if weighed.quantity == "PHYS_OFFSET" and best is not None and best.text != LOWEST_BANK:
        return weighed.confidence < Confidence.CERTAIN
    return weighed.confidence < Confidence.STRONG


def _why(weighed: Weighed[Any]) -> str:
    best: Evidence[Any] | None = weighed.best
    if best is None:
        return weighed.otherwise
    return f"line {best.line}: {best.text}" if best.line else best.text
