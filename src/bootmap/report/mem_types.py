"""The table of memory types as text and JSON."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING

from bootmap.output import text_width
from bootmap.report.words import linux_pte_text, pmd_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bootmap.boot.records import MemTypeTable
    from bootmap.boot.sequence import Replay


def _table(prediction: Replay) -> MemTypeTable:
    table = prediction.state.mem_types
    assert table is not None  # every boot comes so far: nothing before build_mem_type_table can end it
    return table


def mem_types_text(prediction: Replay, hardware: Mapping[str, int]) -> str:
    """One block a type: prot_pte (and what the hardware gets), prot_l1, prot_sect, domain; then the adjustments.

    ``hardware`` is the attributes of the word that the hardware gets for prot_pte, by the type's name.
    """
    state, table = prediction.state, _table(prediction)
    form = state.kernel.format
    width = 2 + 2 * form.word_bytes
    lines = [
        f"{state.handover.cpu.name}{', SMP' if state.smp else ''}, Linux {state.kernel.version_text}, "
        f"{form.name} descriptors: cache policy {table.policy}{', shared' if table.shared else ''}",
        "",
    ]
    for row in table.types.values():
        lines.append(f"MT_{row.name} ({row.purpose}), domain {row.domain}")
        if row.prot_l1:
            lines.append(f"  prot_pte  {row.prot_pte:#0{width}x}  {linux_pte_text(row.prot_pte, form)}")
            lines.append(f"     hardware {hardware[row.name]:#0{width}x}")
            lines.append(f"  prot_l1   {row.prot_l1:#0{width}x}  {pmd_text(row.prot_l1, form)}")
        if row.prot_sect:
            lines.append(f"  prot_sect {row.prot_sect:#0{width}x}  {pmd_text(row.prot_sect, form)}")
    lines += ["", "Adjusted, in order"]
    for step in table.adjustments:
        text = f"{step.field} {'|=' if step.set else '&= ~'} {step.bits:#x}: {', '.join(step.types)} ({step.why})"
        lines += textwrap.wrap(text, text_width(), initial_indent="  - ", subsequent_indent="    ")
    return "\n".join(lines)


def mem_types_json(prediction: Replay) -> str:
    """The same as one JSON document, schema ``bootmap.mem-types/1``."""
    table = _table(prediction)
    return json.dumps(
        {
            "schema": "bootmap.mem-types/1",
            "policy": table.policy,
            "shared": table.shared,
            "types": {
                row.name: {
                    "prot_pte": row.prot_pte,
                    "prot_l1": row.prot_l1,
                    "prot_sect": row.prot_sect,
                    "domain": row.domain,
                }
                for row in table.types.values()
            },
            "adjustments": [
                {"field": s.field, "bits": s.bits, "set": s.set, "types": s.types, "why": s.why}
                for s in table.adjustments
            ],
        }
    )
