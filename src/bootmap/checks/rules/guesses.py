"""Values that nobody gave and with which the boot lives, and those that U-Boot's environment gives."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bootmap.assemble.texts import parse_kernel_version
from bootmap.boot.trace import Verdict
from bootmap.checks.edit import SetBoard, SetVariable, SetVersion
from bootmap.checks.finding import Change, Finding, Where
from bootmap.checks.places import payload_changes
from bootmap.facts.audit_rules import Severity
from bootmap.facts.check_rules import RULES_BY_ID
from bootmap.inputs.uboot_env import hextoul
from bootmap.units import MIB, hex_address, size_text, whole_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.assumptions import Alternative
    from bootmap.checks.case import CheckCase

_NUMBERS = (
    "kernel_addr_r",
    "fdt_addr_r",
    "ramdisk_addr_r",
    "loadaddr",
    "fdtaddr",
    "fdt_high",
    "initrd_high",
    "bootm_size",
    "bootm_mapsize",
    "bootm_low",
)
_HEXADECIMAL = re.compile(r"(?:0[xX])?[0-9a-fA-F]+")
_RECOMMENDED = 32 * MIB
"""Into RAM: where a zImage need not move (Documentation/arch/arm/booting.rst)."""
_WHAT = {
    "--phys-offset": "another PHYS_OFFSET",
    "--dtb-addr": "the device tree at the end of RAM",
    "--load-addr": "the zImage where it unpacks to",
    "--cache": "a data cache that aliases",
    "--vmalloc-end": "a lower VMALLOC_END",
    "--kernel-version": "an older release of its stable series",
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
            f"it would {_fate(row)} with {what}",
            f"Assumed: {row.assumption.text}. {row.because[:1].upper()}{row.because[1:]} ({row.given}): then {then}.",
            (Where("option", row.option),),
            tuple(_changes(case, row)),
            (f"say which it is: {row.option}",),
            address=row.value if isinstance(row.value, int) else None,
            decides=decides,
        )


def _fate(row: Alternative) -> str:
    if not row.kills:
        return "lose RAM"
    return "lose its initrd" if row.then.startswith("it boots without its initrd") else "die"


def _changes(case: CheckCase, row: Alternative) -> Iterator[Change]:
    taken, state = row.assumption.value, case.state
    if row.option == "--kernel-version" and isinstance(taken, str):
        version, sublevel = parse_kernel_version(taken)
        yield from payload_changes(case, "dtb")
        yield Change(f"Linux {taken}, or later of its series", edits=(SetVersion(version, sublevel),))
    elif row.option == "--dtb-addr" and isinstance(taken, int):
        size = state.vars.arm_lowmem_limit - state.handover.phys_offset
        yield Change(
            f"U-Boot: setenv bootm_size {size:#x}",
            f"it then moves nothing above lowmem, which ends at {hex_address(state.vars.arm_lowmem_limit)}",
            (SetVariable("bootm_size", f"{size:#x}", "dtb_addr", state.vars.arm_lowmem_limit - MIB),),
            recommended=True,
        )
        yield Change("Linux 5.11, or 5.10.38, 5.4.120: they map the device tree apart", edits=(SetVersion((5, 11)),))
    elif row.option == "--load-addr":
        address = state.handover.phys_offset + _RECOMMENDED
        yield Change(
            f"run the zImage at {hex_address(address)}",
            f"it need not move then; U-Boot: setenv {case.variable('load_addr')} {hex_address(address)}",
            (SetBoard("load_addr", address),),
        )
    elif row.option == "--phys-offset" and isinstance(taken, int):
        load = taken + state.kernel.text_offset
        yield Change(
            f"start the kernel with PHYS_OFFSET {hex_address(taken)}",
            f"an Image at {hex_address(load)}, or a zImage for that address without CONFIG_AUTO_ZRELADDR",
            (SetBoard("phys_offset", taken),),
        )
        yield Change("Linux 5.12 and later look into the memory nodes for it", edits=(SetVersion((5, 12)),))


def environment(case: CheckCase) -> Iterator[Finding]:
    """U-Boot's variables: what it would not start, and numbers that it reads otherwise than they were meant."""
    found = case.board.environment
    if found is None:
        return
    rule = RULES_BY_ID["uboot-environment"]
    if found.failed:
        yield Finding(
            rule,
            Severity.ERROR,
            "U-Boot does not start the kernel",
            f"With these variables {found.failed}.",
            tuple(
                case.at_variable(found.variables[name])
                for name in ("fdt_high", "bootm_size", "bootm_mapsize", "bootm_low", "fdt_addr_r", "kernel_addr_r")
                if name in found.variables
            )[:2],
            advice=("bootmap plan says what U-Boot does, bootmap plan --propose which addresses are safe",),
        )
    for name in _NUMBERS:
        variable = found.variables.get(name)
        if variable is None or not variable.value or "$" in variable.value or _HEXADECIMAL.fullmatch(variable.value):
            continue
        read, meant = hextoul(variable.value), whole_number(variable.value)
        hint = f"; setenv {name} {meant:#x} is {size_text(meant)}" if meant is not None else ""
        yield Finding(
            rule,
            Severity.ERROR,
            f"U-Boot reads {variable.text} as {read:#x}",
            f"It reads hexadecimal digits up to the first other character, and knows no suffixes: {variable.text} is "
            f"{size_text(read)}{hint}.",
            (case.at_variable(variable),),
        )
