"""Values that nobody gave, with which the boot lives: what else they may well be, and what comes of that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.boot.trace import Verdict
from bootmap.checks.edit import SetBoard, SetVersion
from bootmap.checks.finding import Change, Finding, Where
from bootmap.facts.audit_rules import Severity
from bootmap.facts.check_rules import RULES_BY_ID
from bootmap.units import MIB, hex_address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.assumptions import Alternative
    from bootmap.checks.case import CheckCase

_WHAT = {
    "--phys-offset": "another PHYS_OFFSET",
    "--dtb-addr": "the device tree at the end of RAM",
    "--cache": "a data cache that aliases",
}


def guesses(case: CheckCase) -> Iterator[Finding]:
    """One finding for each guess that another value would make a fool of."""
    for row in case.replay.alternatives:
        what = _WHAT.get(row.option, f"another {row.option}")
        decides = row.kills and case.replay.outcome.verdict is Verdict.UNCERTAIN
        then = row.then if decides else row.then.partition("; ")[0]
        yield Finding(
            RULES_BY_ID["guess-decides"],
            Severity.WARNING if decides else Severity.NOTE,
            f"it would {'die' if row.kills else 'lose RAM'} with {what}",
            f"Assumed: {row.assumption.text}. {row.because[:1].upper()}{row.because[1:]} ({row.given}): then {then}.",
            (Where("option", row.option),),
            tuple(_changes(case, row)),
            (f"say which it is: {row.option}",),
            address=row.value if isinstance(row.value, int) else None,
            decides=decides,
        )


def _changes(case: CheckCase, row: Alternative) -> Iterator[Change]:
    taken, state = row.assumption.value, case.state
    if row.option == "--dtb-addr" and isinstance(taken, int):
        size = state.vars.arm_lowmem_limit - state.handover.phys_offset
        yield Change(
            f"U-Boot: setenv bootm_size {size:#x}",
            f"it then moves nothing above lowmem, which ends at {hex_address(state.vars.arm_lowmem_limit)}",
            (SetBoard("dtb_addr", state.vars.arm_lowmem_limit - MIB),),
            recommended=True,
        )
        yield Change("Linux 5.11, or 5.10.38, 5.4.120: they map the device tree apart", edits=(SetVersion((5, 11)),))
    elif row.option == "--phys-offset" and isinstance(taken, int):
        load = taken + state.kernel.text_offset
        yield Change(
            f"start the kernel with PHYS_OFFSET {hex_address(taken)}",
            f"an Image at {hex_address(load)}, or a zImage for that address without CONFIG_AUTO_ZRELADDR",
            (SetBoard("phys_offset", taken),),
        )
        yield Change("Linux 5.12 and later look into the memory nodes for it", edits=(SetVersion((5, 12)),))
