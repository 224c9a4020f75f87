"""Lines that frighten and do no harm, with what they mean.

A line is only called harmless where nothing in the boot makes it otherwise: "Ignoring RAM" is, where what is ignored is
the board's own no-map area.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bootmap.bootlog.diagnosis import Harmless

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ROWS = tuple(
    (re.compile(pattern), meaning)
    for pattern, meaning in (
        (r"earlycon: \S+ at MMIO|bootconsole \[\w+\] (?:enabled|disabled)", "a console, not memory"),
        (r"cma: (?:CMA: )?[Rr]eserved \d+ MiB", "the contiguous area for drivers; pages in it are used until then"),
        (r"random: get_random_bytes called|random: crng", "no entropy yet; nothing to do with memory"),
        (r"CPU: Testing write buffer coherency: ok", "a test that passed"),
        (r"efi: UEFI not found", "the boot loader is not UEFI"),
        (
            r"missing clock-frequency property|/cpus/cpu@\d+ missing",
            "only the scheduler's estimate of capacity lacks it",
        ),
        (r"hw perfevents: no (?:irqs|interrupt)", "no performance counters"),
        (
            r"OF: reserved mem: initialized node|Reserved memory: initialized node",
            "a reserved area was handed to its driver",
        ),
        (r"vmalloc area (?:is )?too (?:small|big), limiting", "vmalloc= was given and rounded to what is possible"),
        (r"Forcing write-allocate cache policy", "several CPUs need it"),
        (r"\*\*\* Warning - bad CRC, using default environment", "U-Boot has no saved environment"),
        (r"WARNING: Caches not enabled", "U-Boot runs without caches: slow, not wrong"),
        (r"Unknown kernel command line parameters", "they are passed on to init"),
        (
            r"Booting kernel: `?'? ?invalid for parameter|Malformed early option",
            "a parameter that the kernel does not read",
        ),
        (r"sched_clock: Marking (?:un)?stable", "the clock is being calibrated"),
        (r"L2C?(?:-?\d+)?: .*(?:disabling|already enabled)", "the outer cache, not the page tables"),
        (r"Built \d+ zonelists, mobility grouping off", "less than 64 MiB or so: pages are not grouped"),
        (r"Reserved memory: created (?:CMA|DMA) memory pool", "an area of /reserved-memory for a driver"),
    )
)
_ANY = re.compile("|".join(pattern.pattern for pattern, _ in _ROWS))
_MOST = 12


def harmless(
    lines: Iterable[tuple[int, str]], own_areas: Iterable[int] = (), others: Mapping[int, str] | None = None
) -> list[Harmless]:
    """The lines of a boot that need not frighten, each kind once.

    Args:
        lines: numbers and texts.
        own_areas: numbers of "Ignoring RAM" lines of which the range is the board's own no-map area.
        others: numbers of lines that do no harm in this boot, and what they mean.
    """
    found: dict[int, Harmless] = {}
    own, told = set(own_areas), others or {}
    for number, text in lines:
        if number in told:
            found[-1 - number] = Harmless(number, text, told[number])
        if number in own:
            found[-1] = Harmless(number, text, "the range is the board's own no-map area: nothing is lost")
        if not _ANY.search(text):
            continue
        for index, (pattern, meaning) in enumerate(_ROWS):
            if index not in found and pattern.search(text):
                found[index] = Harmless(number, text, meaning)
        if len(found) >= _MOST:
            break
    return sorted(found.values(), key=lambda row: row.line)
