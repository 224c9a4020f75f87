"""What ``bootmap plan --json`` prints (bootmap.plan/1)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bootmap.plan.kexec import KexecChain

if TYPE_CHECKING:
    from bootmap.plan.chain import Chain
    from bootmap.plan.propose import Proposal


def plan_json(chain: Chain) -> str:
    """One document: what U-Boot says and places, the load map, the verdict; all numbers are bytes and addresses."""
    placed, verdict = chain.placed, chain.verdict
    doc: dict[str, Any] = {
        "schema": "bootmap.plan/1",
        "loader": chain.loader,
        "outcome": _outcome(chain),
        "verdict": verdict.value if verdict is not None else None,
        "entry": placed.entry,
        "kernel": list(placed.kernel),
        "ramdisk": list(placed.ramdisk) if placed.ramdisk is not None else None,
        "dtb": list(placed.dtb) if placed.dtb is not None else None,
        "in_place": placed.in_place,
        "says": placed.said,
        "load_map": [
            {
                "name": row.placed.name,
                "kind": row.placed.kind,
                "start": row.placed.start,
                "size": row.placed.size,
                "gap": row.gap,
                "outside_ram": row.outside_ram,
                "overlaps": [{"name": o.second.name, "start": o.span.start, "size": o.span.size} for o in row.overlaps],
            }
            for row in chain.load_map.rows()
        ],
        "assumptions": [str(each) for each in chain.assumptions],
    }
    if isinstance(chain, KexecChain):
        doc |= {
            "crash_kernel": list(chain.crash) if chain.crash is not None else None,
            "command_line": chain.command_line,
            "advice": chain.advice,
        }
    return json.dumps(doc, indent=1)


def _outcome(chain: Chain) -> dict[str, Any]:
    if isinstance(chain, KexecChain) and chain.restart is not None:
        return {"boots": False, "stage": chain.restart.stage, "reason": chain.restart.reason}
    if chain.placed.failed:
        return {"boots": False, "stage": "boot loader", "reason": chain.placed.failed}
    if chain.replay is None:
        return {"boots": None, "stage": None, "reason": "no kernel was given"}
    outcome = chain.replay.outcome
    return {"boots": outcome.verdict.boots, "stage": outcome.stage, "reason": outcome.reason}


def proposal_json(proposal: Proposal) -> str:
    """One document: the variables, what decided, and how the boots that prove it came out."""
    doc = {
        "schema": "bootmap.proposal/1",
        "variables": proposal.variables,
        "times": proposal.times,
        "constraints": proposal.constraints,
        "proofs": [
            {"board": name, "loader": now.loader, "as_it_is": _outcome(now), "larger": _outcome(later)}
            for name, now, later in proposal.proofs
        ],
    }
    return json.dumps(doc, indent=1)
