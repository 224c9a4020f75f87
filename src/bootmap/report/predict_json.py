"""The JSON document of ``bootmap predict``: schema ``bootmap.predict/1``.  Keys may be added, never renamed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bootmap.boot.memblock import Memblock
    from bootmap.boot.sequence import Replay, Snapshot

SCHEMA = "bootmap.predict/1"


def predict_json(prediction: Replay, states: Iterable[str], registers: Mapping[str, int] | None = None) -> str:
    """The document as text, with the moments named in ``states`` that the boot reached.

    ``registers`` are those that the kernel sets for its tables, by their names in the architecture.
    """
    state, outcome = prediction.state, prediction.outcome
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "outcome": {
            "boots": outcome.verdict.boots,
            "stage": outcome.stage,
            "reason": outcome.reason,
            "without_initrd": outcome.without_initrd,
        },
        "hazards": [
            {
                "id": h.id,
                "stage": h.stage,
                "fatal": h.fatal,
                "luck": h.luck,
                "loses_initrd": h.loses_initrd,
                "message": h.message,
                "address": h.address,
                "subject": h.subject or None,
                "places": [[place.start, place.end - 1] for place in h.places],
            }
            for h in prediction.hazards
        ],
        "assumptions": [str(each) for each in state.assumptions],
        "alternatives": [
            {"option": a.option, "value": a.value, "because": a.because, "then": a.then, "kills": a.kills}
            for a in prediction.alternatives
        ],
        "rules": [
            {"feature": rule.feature, "on": rule.on, "because": rule.because, "source": rule.source}
            for rule in state.kernel.rules.values()
        ],
        "kernel": {
            "version": state.kernel.version_text,
            "cpu": state.handover.cpu.name,
            "smp": state.smp,
            "byteorder": state.kernel.byteorder,
            "page_offset": state.kernel.page_offset,
            "phys_offset": state.handover.phys_offset,
            "high_memory": state.vars.high_memory,
        },
        "registers": dict(registers or {}),
        "zones": [
            {"name": z.name, "start_pfn": z.start_pfn, "end_pfn": z.end_pfn, "present": z.present, "managed": z.managed}
            for z in state.zones
        ],
        "states": {},
    }
    for name in states:
        stage = prediction.stage(name)
        if stage is not None:
            document["states"][name] = {
                "memblock": _memblock(prediction, stage.memblock),
                "tables": _tables(prediction, stage),
                "memory": {f"{address:#x}": data.hex() for address, data in stage.memory.items()},
            }
    return msgspec.json.encode(document).decode()


def _memblock(prediction: Replay, memblock: Memblock) -> dict[str, Any]:
    empty = [[0, 0, 0]] if prediction.state.kernel.has("memblock_dummy_region") else []
    return {
        "current_limit": memblock.current_limit,
        "memory": [list(row) for row in memblock.memory.regions] or empty,
        "reserved": [list(row) for row in memblock.reserved.regions] or empty,
    }


def _tables(prediction: Replay, stage: Snapshot) -> dict[str, Any]:
    pages = prediction.table_bytes_at(stage)
    return {
        "format": prediction.state.kernel.format.name,
        "root": prediction.state.tables.root,
        "pages": {f"{address:#x}": data.hex() for address, data in pages.items()},
    }
