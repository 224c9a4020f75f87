"""The JSON document of ``bootmap walk``: schema ``bootmap.walk/1``.  Keys may be added, never renamed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bootmap.mmu.describe import step_fields
from bootmap.mmu.walk import Fault, Mapped
from bootmap.report.walk_text import access_text, rights_columns
from bootmap.report.words import linux_pte_text, pmd_text

if TYPE_CHECKING:
    from bootmap.analysis.translation import Entry, Translation, Writers
    from bootmap.facts.arm.memory_attrs import Cacheability, MemoryAttributes
    from bootmap.mmu.attributes import Attributes

SCHEMA = "bootmap.walk/1"


def walk_document(found: Translation) -> dict[str, Any]:
    """One address."""
    walked, outcome = found.walk, found.walk.outcome
    root = walked.root
    answer: dict[str, Any]
    if isinstance(outcome, Mapped):
        answer = {"pa": outcome.pa, "size": outcome.size, "level": outcome.level, "contiguous": outcome.contiguous}
        answer |= attributes_document(outcome.attributes)
    else:
        answer = _fault(outcome, found.fsr)
    return {
        "va": walked.va,
        "symbol": found.symbol,
        "areas": list(found.areas),
        "root": None if root is None else {"register": root.register, "base": root.base, "disabled": root.disabled},
        "entries": [_entry(entry, found) for entry in found.entries],
        "unread": walked.unread,
        "outcome": answer,
        "checks": [
            {"access": access_text(v.access)}
            | (_fault(v.answer, v.fsr) if isinstance(v.answer, Fault) else {"pa": v.answer.pa})
            for v in found.verdicts
        ],
    }


def attributes_document(attributes: Attributes) -> dict[str, Any]:
    """Rights, memory type and the rest of a mapping."""
    kernel, user = rights_columns(attributes.rights)
    return {
        "kernel": kernel,
        "user": user,
        "memory": _memory(attributes.memory),
        "domain": attributes.domain,
        "domain_access": attributes.domain_access.name.lower() if attributes.domain_access is not None else None,
        "accessed": attributes.accessed,
        "global": not attributes.not_global,
        "secure": attributes.secure,
    }


def _memory(memory: MemoryAttributes) -> dict[str, Any]:
    return {
        "type": memory.type.value,
        "inner": _cache(memory.inner),
        "outer": _cache(memory.outer),
        "shareability": memory.shareability.value,
    }


def _cache(cache: Cacheability | None) -> dict[str, Any] | None:
    if cache is None:
        return None
    return {
        "policy": cache.policy.value,
        "read_allocate": cache.read_allocate,
        "write_allocate": cache.write_allocate,
        "transient": cache.transient,
    }


def _fault(fault: Fault, fsr: int | None) -> dict[str, Any]:
    return {
        "fault": fault.kind.value,
        "level": fault.level,
        "status": fault.status,
        "fsr": fsr,
        "domain": fault.domain,
    }


def _entry(entry: Entry, found: Translation) -> dict[str, Any]:
    step, half, last = entry.step, entry.linux, 3 if found.form.name == "long" else 2
    linux: dict[str, Any] | None = None
    if half is not None:
        linux = {"address": half.address, "word": half.word, "text": linux_pte_text(half.word, found.form)}
        linux["writers"] = _writers(half.writers)
    elif step.level < last or found.form.name == "long":
        text = pmd_text(step.word, found.form) if step.level < last else linux_pte_text(step.word, found.form)
        linux = {"address": step.address, "word": step.word, "text": text}
    return {
        "level": step.level,
        "table": step.table,
        "index": step.index,
        "address": step.address,
        "word": step.word,
        "kind": step.descriptor.name,
        "fields": [
            {"name": field.name, "place": field.place, "value": step.fields[field.name], "meaning": field.meaning}
            for field in step_fields(step, found.walk.regime)
        ],
        "linux": linux,
        "writers": _writers(entry.writers),
    }


def _writers(writers: Writers) -> list[dict[str, Any]]:
    rows = []
    for cause, value in writers:
        md = cause.map_desc
        origin = md.origin if md is not None else cause.origin
        rows.append(
            {
                "stage": cause.stage,
                "step": cause.kind,
                "word": value,
                "map_desc": None
                if md is None
                else {
                    "virtual": md.virtual,
                    "pfn": md.pfn,
                    "length": md.length,
                    "type": f"MT_{md.type}",
                    "what": md.what,
                },
                "origin": [] if origin is None else [f"{link.rule}: {link}" for link in origin.chain()],
            }
        )
    return rows
