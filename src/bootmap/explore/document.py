"""A prediction as the document of the page, schema ``bootmap.explore/1``."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from bootmap.analysis.layout import load_map
from bootmap.analysis.overview import memory_rows, reserved_rows, table_cost, virtual_layout
from bootmap.analysis.registers import linux_registers, named, stage_memory
from bootmap.boot.trace import Origin
from bootmap.explore.decode import Decoder
from bootmap.explore.findings import budget_row, finding_rows, hazard_rows, load_rows
from bootmap.explore.journal import JournalSide, journal_of
from bootmap.explore.mem_types import mem_types
from bootmap.explore.pool import Pool
from bootmap.explore.symbols import symbols
from bootmap.mmu.regs import regime_of

if TYPE_CHECKING:
    from bootmap.boot.memblock import MemblockOp
    from bootmap.boot.sequence import Replay, Snapshot
    from bootmap.checks.engine import CheckResult
    from bootmap.mmu.regs import Regs

SCHEMA = "bootmap.explore/1"
_LARGEST_BOARD = 1 << 20
"""Bytes of a board description that are taken along, so that a byte of it can be shown."""


def side_of(replay: Replay, name: str, regs: Regs | None = None, checked: CheckResult | None = None) -> JournalSide:
    """A boot as one side of a page.

    Args:
        replay: the boot.
        name: what the page calls it.
        regs: the registers that its tables are read under; those that the kernel sets where not given.
        checked: what the rules say of it; without, the findings are the boot's own hazards.
    """
    state, kernel = replay.state, replay.state.kernel
    pool = Pool()
    journal = journal_of(state.tables.journal, state.tables.word_bytes, pool)
    regs = regs or linux_registers(replay)
    decoder = Decoder(regime_of(regs))
    for stage in replay.stages:
        decoder.visit(stage_memory(replay, stage))
    outcome = replay.outcome
    board = state.handover.board
    data = board.data if board is not None and len(board.data) <= _LARGEST_BOARD else b""
    side: dict[str, Any] = {
        "name": name,
        "kind": "prediction",
        "outcome": {"boots": outcome.verdict.boots, "stage": outcome.stage, "reason": outcome.reason},
        "kernel": {
            "version": kernel.version_text,
            "cpu": state.handover.cpu.name,
            "smp": state.smp,
            "format": kernel.format.name,
            "pageOffset": kernel.page_offset,
            "physOffset": state.handover.phys_offset,
            "taskSize": kernel.task_size,
            "root": state.tables.root,
            "rootBytes": kernel.format.pgd_bytes,
            "sectionSize": kernel.format.section_size,
            "cmdline": state.cmdline,
        },
        "registers": named(regs),
        "stages": _stages(replay, pool),
        "log": [_op(op, pool) for op in state.memblock.log],
        "lost": [[row.start, row.end, row.reason, pool.origin(row.origin)] for row in state.lost],
        "zones": [[z.name, z.start_pfn, z.end_pfn, z.present, z.managed] for z in state.zones],
        "findings": hazard_rows(replay, pool) if checked is None else finding_rows(checked, pool),
        "assumptions": list(map(str, state.assumptions)),
        "rules": [[rule.feature, rule.on, rule.because, rule.source] for rule in kernel.rules.values()],
        "payloads": load_rows(load_map(replay) if checked is None else checked.load_map),
        "budget": None if checked is None else budget_row(checked),
        "memTypes": mem_types(replay, regime_of(regs)),
        "dmesg": list(state.dmesg),
        "board": base64.b64encode(data).decode(),
        "symbols": symbols(kernel.symbols, kernel.page_offset),
        "decode": decoder.document(),
    }
    side |= {"origins": pool.origins, "mapDescs": pool.map_descs, "causes": pool.causes, "journal": journal.columns()}
    return JournalSide(side, journal)


def _stages(replay: Replay, pool: Pool) -> list[dict[str, Any]]:
    """Every stage; who owns what is worked out only where memblock or the lowmem limit has changed."""
    found: list[dict[str, Any]] = []
    known: tuple[int, int] | None = None
    owned: tuple[list[list[Any]], list[list[Any]]] = ([], [])
    for stage in replay.stages:
        now = (len(stage.memblock.log), stage.vars.arm_lowmem_limit)
        if now != known:
            known = now
            owned = (
                [[r.start, r.end, r.kind, pool.origin(r.origin)] for r in memory_rows(replay, stage)],
                [[r.start, r.end, r.owner, pool.origin(r.origin)] for r in reserved_rows(stage)],
            )
        found.append({**_stage(replay, stage), "memoryRows": owned[0], "reservedRows": owned[1]})
    return found


def _stage(replay: Replay, stage: Snapshot) -> dict[str, Any]:
    memblock, tables = stage.memblock, replay.tables_at(stage)
    cost = table_cost(replay, stage) if tables else None
    return {
        "name": stage.name,
        "mark": stage.mark,
        "log": len(memblock.log),
        "lowmemLimit": stage.vars.arm_lowmem_limit,
        "highMemory": stage.vars.high_memory,
        "currentLimit": memblock.current_limit,
        "memory": [list(row) for row in memblock.memory.regions],
        "reserved": [list(row) for row in memblock.reserved.regions],
        "layout": [[a.name, a.start, a.end, a.what] for a in virtual_layout(replay, stage)],
        "cost": None
        if cost is None
        else {
            "tables": cost.tables,
            "sections": cost.sections,
            "pages": cost.pages,
            "bytes": cost.bytes,
            "pageOnlyBytes": cost.page_only_bytes,
        },
    }


def _op(op: MemblockOp, pool: Pool) -> list[Any]:
    """A call; its range is empty where the allocation failed and bears on nothing."""
    origin = op.origin if isinstance(op.origin, Origin) else None
    return [op.name, op.base, op.size, op.flags, pool.origin(origin), op.result]
