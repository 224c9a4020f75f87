"""A boot that lives with a value that nobody gave: what else may well be, and what comes of that.

Only values for which there is a reason are tried, and only where they can matter, so that an ordinary board is
predicted once:

- a zImage that looks only at its own address finds the start of RAM on multiples of 128 MiB;
- U-Boot moves the device tree to the end of RAM where no variable keeps it from that;
- a uImage made with the usual LOADADDR runs where it unpacks to, so it first moves itself behind the kernel;
- an ARM11's data cache aliases where it is larger than 16 KiB;
- before 3.3 VMALLOC_END was a constant in a header, which vendors changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from bootmap.assumptions import Alternative
from bootmap.boot.decompressor.phys_offset import AUTO_GRANULE, memory_ranges
from bootmap.boot.trace import Outcome, Verdict
from bootmap.facts.linux.vmalloc_end import VMALLOC_END_BY_PLATFORM
from bootmap.inputs.fdt import Fdt
from bootmap.units import GIB, MIB, align_down, hex_address, size_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bootmap.assemble.board import Board
    from bootmap.assumptions import Assumption
    from bootmap.boot.sequence import Replay


class _Chance(NamedTuple):
    """Another value that may well be; ``rules``: the kernel's own code takes it, so that the verdict hangs on it."""

    assumption: Assumption
    value: int | str
    because: str
    board: Board
    rules: bool = False


def survive(board: Board, first: Replay, predict: Callable[[Board], Replay]) -> Replay:
    """The same prediction with what would come of other values; UNCERTAIN where the likelier one kills.

    Args:
        board: the board as it was given.
        first: its prediction, which boots with everything.
        predict: predicts another board.
    """
    found = []
    for chance in _chances(board, first):
        other = predict(chance.board)
        then = what_then(first, other)
        option = chance.assumption.option
        if not then or option is None:
            continue
        kills = not other.outcome.all_well
        row = Alternative(chance.assumption, option, chance.value, chance.because, then, kills)
        found.append(row)
        if chance.rules and kills and first.outcome.all_well:
            because = row.because[:1].upper() + row.because[1:]
            reason = f"a guess decides: {row.assumption.text}. {because}. Then {then}. Give {option}, or --load-addr"
            first = replace(first, outcome=Outcome(Verdict.UNCERTAIN, other.outcome.stage, reason))
    return replace(first, alternatives=tuple(found)) if found else first


def what_then(first: Replay, other: Replay) -> str:
    """What is worse than before; "" where nothing is."""
    outcome = other.outcome
    if not outcome.all_well:
        reason, stage = outcome.reason or "", outcome.stage or ""
        where = "" if reason.startswith(stage) else f" in {stage}"
        what = f"it dies{where}" if outcome.verdict is Verdict.DIES else f"it may die{where}"
        return f"{'it boots without its initrd' if outcome.without_initrd else what}: {reason}"
    more = _lost(other) - _lost(first)
    if more < MIB:
        return ""
    lines = [line for line in other.state.dmesg if line not in first.state.dmesg and "RAM" in line]
    said = f' ("{lines[0]}")' if lines else ""
    return f"it boots, and {size_text(more)} of RAM are lost{said}"


def _lost(replay: Replay) -> int:
    return sum(row.end - row.start for row in replay.state.lost if row.reason != "no-map")


def _chances(board: Board, first: Replay) -> Iterator[_Chance]:
    for assumption in first.state.assumptions:
        if assumption.option == "--phys-offset":
            yield from _by_its_own_address(board, first, assumption)
        elif assumption.option == "--dtb-addr":
            yield from _end_of_ram(board, first, assumption)
        elif assumption.option == "--cache" and assumption.value == "vipt-nonaliasing":
            yield from _aliasing(board, first, assumption)
        elif assumption.option == "--load-addr" and assumption.value is None and board.load_addr is None:
            yield from _where_it_unpacks_to(board, first, assumption)
        elif assumption.option == "--vmalloc-end" and board.vmalloc_end is None:
            yield from _another_header(board, first, assumption)


def _beyond_lowmem(first: Replay) -> bool:
    """Whether RAM goes on behind lowmem."""
    end = max((end for _, end in memory_ranges(first.state.handover.board)), default=0)
    return first.state.vars.arm_lowmem_limit < end


def _aliasing(board: Board, first: Replay, taken: Assumption) -> Iterator[_Chance]:
    """Without highmem, where lowmem ends before RAM does."""
    if _beyond_lowmem(first):
        because = "QEMU's ARM11s, and those with more than 16 KiB of it, have one that aliases"
        yield _Chance(taken, "vipt-aliasing", because, board.replace(cache="vipt-aliasing"))


def _another_header(board: Board, first: Replay, taken: Assumption) -> Iterator[_Chance]:
    """The next lower VMALLOC_END of mainline's platforms, which leaves less lowmem."""
    now = first.state.kernel.vmalloc_end
    value = max((end for end in VMALLOC_END_BY_PLATFORM.values() if end < now), default=None)
    if value is not None and not first.state.kernel.has("highmem"):
        because = f"vendors changed the header; {hex_address(value)} is the next lower one that any platform had"
        yield _Chance(taken, value, because, board.replace(vmalloc_end=value))


def _where_it_unpacks_to(board: Board, first: Replay, taken: Assumption) -> Iterator[_Chance]:
    """A zImage at the address of which nothing is known."""
    state = first.state
    value = state.handover.phys_offset + state.kernel.text_offset
    because = "the usual LOADADDR of a uImage is where it unpacks to; it then moves itself behind the kernel first"
    yield _Chance(taken, value, because, board.replace(load_addr=value))


def _by_its_own_address(board: Board, first: Replay, taken: Assumption) -> Iterator[_Chance]:
    """PHYS_OFFSET as a zImage with AUTO_ZRELADDR has it before 5.12."""
    kernel = first.state.kernel
    told = board.phys_offset is not None or board.load_addr is not None
    if told or not isinstance(taken.value, int) or not kernel.has("zimage_auto_phys_offset"):
        return
    if kernel.has("zimage_checks_dt") or (kernel.file is not None and kernel.file.kind == "Image"):
        return
    value = align_down(taken.value, AUTO_GRANULE)
    if value != taken.value:
        because = (
            f"a zImage of Linux {kernel.version_text} with CONFIG_AUTO_ZRELADDR that runs in the first 128 MiB of RAM "
            f"takes {hex_address(value)}"
        )
        yield _Chance(taken, value, because, board.replace(phys_offset=value), rules=True)


def _end_of_ram(board: Board, first: Replay, taken: Assumption) -> Iterator[_Chance]:
    """The device tree above lowmem, where this kernel does not map it."""
    state, tree = first.state, first.state.handover.board
    if board.dtb_addr is not None or not isinstance(tree, Fdt) or state.kernel.has("fdt_fixed_base"):
        return
    if "as QEMU does" in taken.text or not _beyond_lowmem(first):
        return
    from bootmap.facts.loaders.uboot import OWN_ROOM

    start = state.handover.phys_offset
    end = min(next((end for low, end in memory_ranges(tree) if low <= start < end), 0), 4 * GIB)
    value = align_down(end - OWN_ROOM - tree.totalsize, MIB)
    if value >= state.vars.arm_lowmem_limit:
        because = "U-Boot moves it there where neither fdt_high nor bootm_size or bootm_mapsize keeps it lower"
        yield _Chance(taken, value, because, board.replace(dtb_addr=value))
