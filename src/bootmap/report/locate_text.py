"""What ``bootmap locate`` prints: the tables that were found, and the evidence for each, as counted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bootmap.facts.linux.vmsplit import VMSPLITS
from bootmap.report.explain_text import wrapped
from bootmap.units import hex_address, size_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bootmap.analysis.locate.located import Check, Located, Search, UserTable

SCHEMA = "bootmap.locate/1"
_SHOWN = 12
_SPLIT = {page_offset: option for option, page_offset in VMSPLITS.items()}
_FORMAT = {"short": "short descriptors", "long": "long descriptors (LPAE)"}


def locate_text(name: str, kind: str, search: Search, problems: Sequence[str], *, whole: bool = False) -> str:
    """Everything for a reader; ``whole`` lists all kernels and all tables."""
    lines = [f"{name}: {kind}, {size_text(search.size)} searched, {_places(search.candidates)}"]
    if not search.found:
        lines += ["", "no page tables of a Linux kernel found"]
    for number, located in enumerate(search.found if whole else search.found[:1]):
        lines += ["", *_kernel(located, whole=whole, number=number)]
    rest = len(search.found) - 1
    if rest > 0 and not whole:
        lines += ["", f"{rest} more {'kernel was' if rest == 1 else 'kernels were'} found, with less evidence (--all):"]
        lines += [f"  {_one_line(located)}" for located in search.found[1 : 1 + _SHOWN]]
    notes = [*problems, *search.problems]
    if notes:
        lines += ["", "Problems", *(line for text in notes for line in wrapped(text, "  "))]
    return "\n".join(lines)


def _places(count: int) -> str:
    return "1 place looks like a first-level table" if count == 1 else f"{count} places look like first-level tables"


def _one_line(located: Located) -> str:
    held, of = located.confidence
    return f"swapper_pg_dir at {hex_address(located.root)}, {_FORMAT[located.format]}, {held} of {of} checks hold"


def _kernel(located: Located, *, whole: bool, number: int) -> list[str]:
    held, of = located.confidence
    head = "Kernel" if number == 0 else f"Kernel {number + 1}"
    rows = [
        ("swapper_pg_dir", f"{hex_address(located.root)}, {_FORMAT[located.format]}, ARM{located.arch}"),
        ("PHYS_OFFSET", hex_address(located.phys_offset)),
        ("PAGE_OFFSET", f"{hex_address(located.page_offset)} ({_SPLIT[located.page_offset]})"),
        ("lowmem", f"{located.lowmem.start:#010x}-{located.lowmem.end - 1:#010x}, as far as it is straight"),
    ]
    if located.shift:
        rows.append(("image begins", f"at {hex_address(located.shift)}, as follows from the tables"))
    if located.banner.text is not None:
        rows.append(("banner", located.banner.text))
    if located.banner.midr is not None:
        rows.append(("CPU", f"{located.banner.cpu} [{located.banner.midr:08x}], SCTLR {located.banner.sctlr:#010x}"))
    lines = [f"{head}: {held} of {of} checks hold"]
    for name, text in rows:
        first, *more = wrapped(text, " " * 18)
        lines += [f"  {name:<15} {first.strip()}", *more]
    lines += ["", "  Evidence", *(f"    {_check(check)}" for check in located.checks)]
    if located.users:
        lines += ["", f"  Tables that share the kernel's half: {_kinds(located)}"]
        shown = located.users if whole else located.users[:_SHOWN]
        lines += [f"    {_user(user)}" for user in shown]
        if len(located.users) > len(shown):
            lines.append(f"    and {len(located.users) - len(shown)} more (--all)")
    if located.assumptions:
        lines += ["", "  Assumptions", *(line for text in located.assumptions for line in wrapped(text, "    "))]
    return lines


def _check(check: Check) -> str:
    if not check.of:
        return f"     -      {check.text} (nothing to look at)"
    return f"{'yes' if check.holds else 'NO ':<3} {f'{check.held}/{check.of}':>9} {check.text}"


def _kinds(located: Located) -> str:
    kinds = [user.kind for user in located.users]
    names = (("process", "of processes"), ("identity map", "of the identity map"), ("empty", "without user half"))
    return ", ".join(f"{kinds.count(kind)} {name}" for kind, name in names if kind in kinds)


def _user(user: UserTable) -> str:
    words = {
        "process": f"process, {user.pages} user pages in {user.tables} tables"
        + (f", {user.missing} not in the image" if user.missing else ""),
        "identity map": "identity map of the kernel",
        "empty": "no user half: just made, or left over",
    }[user.kind]
    others = user.shared_of - user.shared
    rest = "" if not others else "; 1 kernel entry differs" if others == 1 else f"; {others} kernel entries differ"
    return f"{hex_address(user.root)} {words}{rest}"


def locate_json(name: str, kind: str, search: Search, problems: Sequence[str]) -> str:
    """The document ``bootmap.locate/1``; addresses and sizes are numbers, in bytes."""
    document = {
        "schema": SCHEMA,
        "source": {"name": name, "kind": kind},
        "searched": search.size,
        "candidates": search.candidates,
        "kernels": [_document(located) for located in search.found],
        "problems": [*problems, *search.problems],
    }
    return json.dumps(document, indent=1)


def _document(located: Located) -> dict[str, Any]:
    held, of = located.confidence
    banner, regs = located.banner, located.regs
    return {
        "root": located.root,
        "format": located.format,
        "arch": located.arch,
        "page_offset": located.page_offset,
        "phys_offset": located.phys_offset,
        "lowmem": [located.lowmem.start, located.lowmem.end],
        "image_begins": located.shift,
        "confidence": {"held": held, "of": of},
        "checks": [
            {"id": check.name, "what": check.text, "held": check.held, "of": check.of, "holds": check.holds}
            for check in located.checks
        ],
        "tables": [
            {
                "root": user.root,
                "kind": user.kind,
                "tables": user.tables,
                "tables_missing": user.missing,
                "pages": user.pages,
                "kernel_entries": {"equal": user.shared, "of": user.shared_of},
            }
            for user in located.users
        ],
        "banner": banner.text,
        "version": banner.version,
        "cpu": {"name": banner.cpu, "midr": banner.midr, "sctlr": banner.sctlr} if banner.midr is not None else None,
        "registers": {"ttbr0": regs.ttbr0, "ttbcr": regs.ttbcr, "sctlr": regs.sctlr},
        "assumptions": list(located.assumptions),
    }
