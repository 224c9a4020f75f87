"""What the prediction for the board says of it: where the boot ends, what is lost, and what would change it.

A predicted death counts where the log does not go on behind it; else it is contradicted, which ``check`` says.

Not here: what the lines themselves show (``last_words``, ``faults``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bootmap.boot.sequence import STAGE_NAMES
from bootmap.boot.trace import Verdict
from bootmap.bootlog.banks import RAM, cut_at
from bootmap.bootlog.changes import hazard_changes, tree_changes
from bootmap.bootlog.evidence import Confidence
from bootmap.bootlog.findings import LogChange, LogFinding, Reason
from bootmap.bootlog.progress import Ending
from bootmap.bootlog.trials import ChangeTrial, proven
from bootmap.facts.linux.memblock import Flags
from bootmap.facts.linux.vmsplit import VMSPLITS
from bootmap.inputs.sought import Sought
from bootmap.units import PAGE_SIZE, align_up, hex_address, size_text

if TYPE_CHECKING:
    from bootmap.boot.sequence import Replay
    from bootmap.boot.trace import Hazard
    from bootmap.bootlog.case import LogCase

# A milestone of the log -> the step after which it is printed.
_PRINTED_AFTER = {
    "started": "create_page_tables",
    "machine known": "setup_machine_fdt",
    "memory types": "build_mem_type_table",
    "reserved": "arm_memblock_init",
    "mapped": "devicemaps_init",
    "set up": "paging_init",
}
_UNMAPPED = "dtb-unmapped"
_UNPACKS = Sought(re.compile(r"Unpacking initramfs|[Tt]rying to unpack rootfs image as initramfs"))
_NOT_UNPACKED = Sought(re.compile(r"INITRD: 0x|[Ii]nitramfs unpacking failed|rootfs image is not initramfs"))
_RAM: tuple[tuple[str, dict[str, str | None]], ...] = (
    ("CONFIG_HIGHMEM=y", {"HIGHMEM": "y"}),
    *(
        (f"CONFIG_{option}=y", {option: "y", "VMSPLIT_3G": None, "PAGE_OFFSET": f"{VMSPLITS[option]:#x}"})
        for option in ("VMSPLIT_3G_OPT", "VMSPLIT_2G")
    ),
)


def predicted_findings(case: LogCase) -> list[LogFinding]:
    """The predicted death, the initrd that is lost, hazards that the log does not rule out, RAM that is not used."""
    if case.found is None:
        return []
    replay = case.found.replay
    if case.checked is not None:
        return [
            each.finding
            for each in case.checked
            if each.hazard is None or not (_decisive(each.hazard) and _outlived(case, replay, each.hazard))
            if each.hazard is None or not (each.hazard.loses_initrd and unpacks_initrd(case))
        ]
    found = []
    for hazard in replay.hazards:
        if _decisive(hazard) and (_outlived(case, replay, hazard) or made_up(case)):
            continue
        if hazard.loses_initrd and unpacks_initrd(case):
            continue
        if _decisive(hazard) or hazard.loses_initrd:
            found.append(_of_hazard(case, replay, hazard))
    lost = _lost_ram(case, replay)
    return [*found, *([lost] if lost else [])]


def _decisive(hazard: Hazard) -> bool:
    """Whether the boot ends by it, or hangs on it."""
    return hazard.fatal or hazard.luck


def made_up(case: LogCase) -> bool:
    """Whether no line says where RAM begins and ends: then no death hangs on it, for both are only stand-ins."""
    if case.found is None:
        return True
    phys = case.found.board.phys
    named = any(each.exact and each.confidence >= Confidence.LIKELY for each in phys.witnesses)
    values = {each.quantity: each for each in case.found.values}
    return case.found.given.board is None and not named and not values[RAM].witnesses


def unpacks_initrd(case: LogCase) -> bool:
    """Whether the log itself shows that the initrd was there, and whole: it is unpacked, and no line says otherwise.

    The kernel tries that only where it kept one (init/initramfs.c ``populate_rootfs``: ``initrd_start``).
    """
    if case.log.first("freed_initrd") is None and case.boot.line_with(_UNPACKS) is None:
        return False
    return case.boot.line_with(_NOT_UNPACKED) is None


def _outlived(case: LogCase, replay: Replay, hazard: Hazard) -> bool:
    """Whether the log goes on behind the step in which the boot should end."""
    if case.progress.ending is Ending.RUNS or case.progress.reached("memory freed"):
        return True
    after = [_PRINTED_AFTER[name] for name in _PRINTED_AFTER if case.progress.reached(name)]
    if not after or hazard.stage not in STAGE_NAMES:
        return False
    return STAGE_NAMES.index(after[-1]) > STAGE_NAMES.index(hazard.stage)


def _of_hazard(case: LogCase, replay: Replay, hazard: Hazard) -> LogFinding:
    fatal = hazard.fatal or hazard.luck
    ends = replay.outcome.verdict is Verdict.DIES and hazard.fatal
    headline = f"{'stops' if ends else 'may stop' if fatal else 'goes on without its initrd'} in {hazard.stage}"
    return LogFinding(
        hazard.id,
        fatal,
        headline if fatal else "it goes on without its initrd",
        (*_shown_by_lines(case, hazard), Reason(0, f"predicted for this board: {hazard.message}")),
        tuple(tree_changes(replay, case.log) if hazard.id == _UNMAPPED else hazard_changes(replay, hazard)),
        certain=False,
    )


def _shown_by_lines(case: LogCase, hazard: Hazard) -> list[Reason]:
    """The lines from which the places in a hazard's message are known."""
    return [*case.where_tree(), *case.where_ram()] if hazard.subject == "dtb" else []


def _lost_ram(case: LogCase, replay: Replay) -> LogFinding | None:
    """RAM that the kernel does not use, with what would win it back."""
    said = [row for row in case.log.all("ignoring", "truncating") if row.line not in own_areas(case)]
    if not said:
        return None
    limit = min(map(cut_at, said))
    rows = [(base, size) for base, size, flags in replay.state.memblock.memory.regions if not flags & Flags.NOMAP]
    used = sum(max(min(base + size, limit) - base, 0) for base, size in rows)
    reasons = [Reason(row.line, f'"{row.text}"') for row in said[:4]]
    reasons.append(Reason(0, f"lowmem ends at {hex_address(limit)}, and this kernel does not use highmem"))
    changes = [
        proven(replay, ChangeTrial(what, options=options), "ram") for what, options in _RAM if _differs(replay, options)
    ]
    given = replay.state.vars.vmalloc_given
    if given:
        line = " ".join(part for part in replay.state.cmdline.split() if not part.startswith("vmalloc="))
        changes.append(
            proven(replay, ChangeTrial("no vmalloc= on the command line", handover={"cmdline": line}), "ram")
        )
    kept = [change for change in changes if change is not None]
    if not kept:
        kept = (
            [LogChange("a kernel with CONFIG_HIGHMEM, or another VMSPLIT")] if "HIGHMEM" not in _enabled(replay) else []
        )
    lost = sum(max(row.number("last") - row.number("to" if row.kind == "truncating" else "start"), 0) for row in said)
    lost = align_up(lost, PAGE_SIZE)
    headline = f"{size_text(lost)} of RAM are not used, {size_text(used)} are; the boot goes on without them"
    reasons.append(Reason(0, "the line is not fatal: whatever else stops the boot, this does not"))
    return LogFinding("ram-lost", False, headline, tuple(reasons), tuple(kept))


def _differs(replay: Replay, options: dict[str, str | None]) -> bool:
    config = replay.state.kernel.config
    return any(config.get(name) != value for name, value in options.items() if value is not None)


def _enabled(replay: Replay) -> set[str]:
    return {name for name in ("HIGHMEM",) if replay.state.kernel.config.enabled(name)}


def own_areas(case: LogCase) -> set[int]:
    """Numbers of "Ignoring RAM" lines of which the range is the board's own no-map area and no more."""
    if case.found is None:
        return set()
    areas = [(area.base, area.base + area.size) for area in case.found.replay.state.reserved_areas if area.nomap]
    return {
        said.line
        for said in case.log.all("ignoring")
        if any(start <= said.number("start") and said.number("last") <= end + 1 for start, end in areas)
    }
