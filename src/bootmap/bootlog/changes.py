"""Changes for a board that does not boot: candidates, each predicted again before it is told.

Not here: how a change is tried (``trials``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bootmap.boot.payload import initrd_span
from bootmap.bootlog.findings import LogChange
from bootmap.bootlog.trials import ChangeTrial, proven
from bootmap.facts.features.table import ROWS_BY_NAME
from bootmap.units import MIB, align_up, hex_address

if TYPE_CHECKING:
    from bootmap.boot.sequence import Replay
    from bootmap.boot.trace import Hazard
    from bootmap.bootlog.log import Log

_GRANULE = 128 * MIB
_INTO_RAM = 32 * MIB
_ENV = {"dtb": "fdt_high", "initrd": "initrd_high"}


def tree_changes(replay: Replay, log: Log) -> list[LogChange]:
    """For a device tree that is not mapped: the kernel lower, the tree elsewhere, a kernel that maps it apart."""
    changes = [run_lower(replay, log)]
    changes += _by_places(replay, "dtb")
    rows = ROWS_BY_NAME["fdt_fixed_base"]
    since = next((row.since for row in rows if row.since), None)
    if since is not None and not replay.state.kernel.has("fdt_fixed_base"):
        also = [f"{'.'.join(map(str, series))}.{sublevel}" for row in rows for series, sublevel in row.also.items()]
        versions = ", ".join([".".join(map(str, since)), *sorted(also)])
        change = proven(
            replay, ChangeTrial(f"Linux {versions}: these map the device tree apart, wherever it lies", version=since)
        )
        changes.append(change)
    return [change for change in changes if change is not None]


def hazard_changes(replay: Replay, hazard: Hazard) -> list[LogChange]:
    """For what the prediction says of a payload: put it where it is out of harm's way."""
    if hazard.subject not in ("dtb", "initrd"):
        return []
    aim = "initrd" if hazard.subject == "initrd" else "boots"
    return [change for change in _by_places(replay, hazard.subject, hazard, aim) if change is not None]


def initrd_changes(replay: Replay) -> list[LogChange]:
    """For an initrd that is not mapped: at the end of lowmem, where U-Boot puts it with such an initrd_high."""
    limit, initrd = replay.state.vars.arm_lowmem_limit, replay.state.handover.initrd
    if not limit or initrd is None:
        return []
    at = (limit - initrd[1]) & -0x1000
    text = f"setenv initrd_high {hex_address(limit)}, the end of lowmem: it then lies at {hex_address(at)} or below"
    change = proven(replay, ChangeTrial(text, handover={"initrd": (at, initrd[1])}), "initrd")
    return [change if change is not None else LogChange(text)]


def run_lower(replay: Replay, log: Log) -> LogChange | None:
    """The zImage in the first 128 MiB of RAM; None where it runs there, or where that does not help."""
    state = replay.state
    told = [bank.start for bank in state.banks]
    if not told or min(told) >= state.handover.phys_offset:
        return None
    start = min(told) & -_GRANULE
    loaded = log.first("load") or log.first("kernel_at")
    now = f" (it runs at {hex_address(loaded.number('start'))}, line {loaded.line})" if loaded else ""
    what = f"setenv kernel_addr_r {hex_address(start + _INTO_RAM)}: run the zImage in the first 128 MiB of RAM{now}"
    return proven(replay, ChangeTrial(what, handover={"phys_offset": start}))


def _by_places(
    replay: Replay, subject: str, hazard: Hazard | None = None, aim: str = "boots"
) -> list[LogChange | None]:
    """The subject in the largest place that is clear of all else."""
    found = hazard or next((each for each in replay.hazards if each.subject == subject and each.places), None)
    if found is None or not found.places:
        return []
    place = found.places[0]
    initrd = replay.state.handover.initrd
    size = initrd[1] if subject == "initrd" and initrd else 0
    at = min(max(place.start, (place.start + _INTO_RAM) & -MIB), max(place.end - size - MIB, place.start) & -0x1000)
    what = "the device tree" if subject == "dtb" else "the initrd"
    text = (
        f"put {what} at {hex_address(at)}, or anywhere in {hex_address(place.start)}-{hex_address(place.end - 1)} "
        f"(U-Boot: {_ENV[subject]}={hex_address(place.end)})"
    )
    if subject == "dtb":
        return [proven(replay, ChangeTrial(text, handover={"params": at}), aim)]
    told = re.search(r"(?:^|\s)initrd=(\w+),(\S+)", replay.state.cmdline)
    if told is not None:  # what the command line says comes last, and so wins
        span = initrd_span(replay.state)
        at = align_up(place.start, MIB) if align_up(place.start, MIB) < place.end else place.start
        line = replay.state.cmdline.replace(told[0].strip(), f"initrd={at:#x},{told[2]}")
        where = f"{hex_address(place.start)}-{hex_address(place.end - (span.size if span else 0))}"
        text = f"initrd={at:#x},{told[2]} on the command line, and load it there; anywhere in {where} will do"
        return [proven(replay, ChangeTrial(text, handover={"cmdline": line}), aim)]
    if initrd is None:
        return [LogChange(text)]
    return [proven(replay, ChangeTrial(text, handover={"initrd": (at, size)}), aim)]
