"""What ``bootmap oops`` prints: the fault in words, each printed word decoded, and whether the two fit together."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bootmap.facts.linux.linux_prot import SHORT
from bootmap.mmu.describe import fault_kind_text, step_fields, step_text
from bootmap.mmu.walk import Fault, Mapped
from bootmap.report.explain_text import virtual_text, wrapped
from bootmap.report.words import attributes_words, linux_pte_text
from bootmap.units import hex_address, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bootmap.analysis.oops.expected import Expected
    from bootmap.analysis.oops.oops import OopsJudgement

SCHEMA = "bootmap.oops/1"
_VERDICT = {
    "agrees": "the printed words and the fault status agree",
    "differs": "the printed words and the fault status do not agree",
    "unknown": "whether words and status agree cannot be told",
    "not of the tables": "the fault does not come from the tables",
}


def oops_text(number: int, found: OopsJudgement, predicted: Expected | None) -> str:
    """The section of one oops."""
    oops = found.oops
    lines = [f"oops {number}, line {oops.line}: {oops.message}"]
    who = [f"Linux {oops.version}" if oops.version else "", oops.hardware or "", oops.process or "", oops.flags]
    rows = [
        ("kernel", ", ".join(filter(None, who))),
        ("fault", _fault(found)),
        ("address", ": ".join(filter(None, (_place(oops.address, None), found.hint)))),
        ("PC, LR", ", ".join(filter(None, (_place(oops.pc, oops.pc_at), _place(oops.lr, oops.lr_at))))),
        ("registers", _registers(found)),
    ]
    for name, text in rows:
        if text:
            first, *rest = wrapped(text, " " * 13)
            lines += [f"  {name:<10} {first.strip()}", *rest]
    lines += ["", *_words(found), "", *_verdict(found)]
    if found.assumptions:
        lines += ["  Assumptions", *(line for text in found.assumptions for line in wrapped(text, "    "))]
    if predicted is not None:
        lines += ["", *_expected(found, predicted)]
    return "\n".join(lines)


def _fault(found: OopsJudgement) -> str:
    status = found.status
    if status is None or found.oops.fsr is None:
        return f"no status printed; a {found.access} in {'user' if found.user else 'kernel'} mode"
    kind = "reserved status" if status.kind is None else fault_kind_text(status.kind, status.level, long=status.long)
    domain = "" if status.domain is None or status.level != 2 else f", domain {status.domain}"
    who = "user" if found.user else "kernel"
    return f"{found.oops.fsr:#x}: {kind} (code {status.status:#04x}){domain}; {_a(found.access)} in {who} mode"


def _a(access: str) -> str:
    return {"read": "a read", "write": "a write", "execute": "an instruction fetch"}[access]


def _place(address: int | None, at: str | None) -> str:
    if address is None:
        return at or ""
    return f"{address:#010x}" + (f" {at}" if at else "")


def _registers(found: OopsJudgement) -> str:
    oops, words = found.oops, [f"ARM{found.regs.arch}"]
    for name, value in (("SCTLR", oops.control), ("TTBR0", oops.table), ("DACR", oops.dac)):
        if value is not None:
            words.append(f"{name} {value:#010x}")
    return ", ".join(words)


def _words(found: OopsJudgement) -> Iterator[str]:
    walked = found.walk
    if walked is None:
        if found.oops.entries:
            yield f"  Words, printed for {hex_address(found.oops.entries_address or 0)}, another address"
            yield from (f"    *{entry.name} = {entry.value:#x}" for entry in found.oops.entries)
        return
    yield "  Words, as the hardware reads them"
    for step in walked.steps:
        table_known = found.oops.table is not None or step.level > 1
        text = step_text(step)
        yield f"    {text if table_known else text.replace(f' at {hex_address(step.address)}', '', 1)}"
        for field in step_fields(step, walked.regime):
            if field.meaning:
                yield f"      {field.place:>7} {field.name} = {field.value}: {field.meaning}"
    if walked.unread is not None:
        yield f"    level {len(walked.steps) + 1}: not printed"
    elif isinstance(walked.outcome, Mapped):
        mapped = walked.outcome
        text = f"physical {hex_address(mapped.pa)}, {size_text(mapped.size)}: {attributes_words(mapped.attributes)}"
        yield from wrapped(text, "    ")
    if found.linux is not None:
        yield from wrapped(f"Linux's half {found.linux:#010x}: {linux_pte_text(found.linux, SHORT)}", "    ")


def _verdict(found: OopsJudgement) -> Iterator[str]:
    yield f"  Verdict: {_VERDICT[found.agreement]}"
    for text in found.reasons:
        yield from wrapped(text, "    ")


def _expected(found: OopsJudgement, predicted: Expected) -> Iterator[str]:
    yield f"  Prediction, after {predicted.stage.name}"
    for word in predicted.words:
        if word.predicted is None:
            text = "no such table is predicted"
        elif word.predicted == word.printed:
            text = "as predicted"
        else:
            text = f"predicted {word.predicted:#x}"
        yield f"    *{word.name} = {word.printed:#x}: {text}"
    for place in predicted.places:
        text = f"in the linear map it is {hex_address(place.physical)}: {place.what}"
        yield from wrapped(text, "    ")
    if predicted.at_run_time is not None:
        yield from wrapped(f"may differ: {predicted.at_run_time}", "    ")
    yield from (f"    {line}" for line in virtual_text(predicted.facts).splitlines())


def oops_json(name: str, rows: Sequence[tuple[OopsJudgement, Expected | None]]) -> str:
    """The document ``bootmap.oops/1``; addresses and words are numbers."""
    return json.dumps({"schema": SCHEMA, "source": name, "oopses": [_document(*row) for row in rows]}, indent=1)


def _document(found: OopsJudgement, predicted: Expected | None) -> dict[str, Any]:
    oops, status, walked = found.oops, found.status, found.walk
    document: dict[str, Any] = {
        "line": oops.line,
        "kind": oops.kind,
        "message": oops.message,
        "address": oops.address,
        "hint": found.hint,
        "access": found.access,
        "user": found.user,
        "fsr": oops.fsr,
        "status": None
        if status is None
        else {
            "code": status.status,
            "kind": status.kind.value if status.kind else None,
            "level": status.level,
            "domain": status.domain,
        },
        "arch": found.regs.arch,
        "format": "long" if found.regs.ttbcr >> 31 else "short",
        "registers": {"sctlr": oops.control, "ttbr0": oops.table, "dacr": oops.dac},
        "entries": [{"name": entry.name, "value": entry.value, "bad": entry.bad} for entry in oops.entries],
        "steps": [
            {"level": step.level, "word": step.word, "descriptor": step.descriptor.name, "fields": dict(step.fields)}
            for step in (walked.steps if walked is not None else ())
        ],
        "outcome": _outcome(found),
        "agreement": found.agreement,
        "reasons": list(found.reasons),
        "version": oops.version,
        "hardware": oops.hardware,
        "process": oops.process,
        "pc": oops.pc,
        "lr": oops.lr,
        "assumptions": list(found.assumptions),
    }
    if predicted is not None:
        document["prediction"] = {
            "state": predicted.stage.name,
            "words": [
                {"name": word.name, "printed": word.printed, "predicted": word.predicted} for word in predicted.words
            ],
            "at_run_time": predicted.at_run_time,
            "places": [{"physical": p.physical, "kind": p.kind, "what": p.what} for p in predicted.places],
            "differs": predicted.differs,
        }
    return document


def _outcome(found: OopsJudgement) -> dict[str, Any] | None:
    """What the access meets by the printed words, None where that cannot be told."""
    if found.answer is None:
        return None
    if isinstance(found.answer, Fault):
        return {"fault": found.answer.kind.value, "level": found.answer.level}
    return {"physical": found.answer.pa}
