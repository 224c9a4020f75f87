"""What ``bootmap walk`` prints: every word on the way with its fields, Linux's half of it, its writers, the outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.facts.arm.permissions import Rights
from bootmap.mmu.describe import fault_kind_text, rights_text, step_fields, step_text
from bootmap.mmu.walk import Fault, Mapped
from bootmap.report.explain_text import cause_lines, wrapped
from bootmap.report.words import attributes_words, linux_pte_text, pmd_text
from bootmap.units import hex_address, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.analysis.translation import AccessCheck, Entry, Translation, Writers
    from bootmap.facts.linux.linux_prot import LinuxFormat
    from bootmap.mmu.walk import Walk

_WHO = ((Rights.PRIV, "kernel"), (Rights.USER, "user"))
_WHAT = ((Rights.READ, "read"), (Rights.WRITE, "write"), (Rights.EXECUTE, "execution"))


def walk_text(found: Translation) -> str:
    """The section of one address."""
    walked = found.walk
    place = ", ".join([*([found.symbol] if found.symbol else []), *found.areas])
    outcome = walked.outcome
    if isinstance(outcome, Mapped):
        arrow = f" -> physical {hex_address(outcome.pa)}, {size_text(outcome.size)}"
    else:
        arrow = f": {_fault(outcome, long=walked.regime.long)}"
    lines = [f"virtual {hex_address(walked.va)}{f' ({place})' if place else ''}{arrow}", f"  {_root(walked)}"]
    for entry in found.entries:
        lines += _entry(entry, found)
    if walked.unread is not None:
        lines.append(f"  the source holds no memory at {hex_address(walked.unread)}, where the next entry would be")
    if isinstance(outcome, Mapped):
        lines += wrapped(attributes_words(outcome.attributes), "  ")
        if outcome.contiguous:
            lines.append("  contiguous hint: one of 16 entries that one TLB entry may hold")
    else:
        lines.append(f"  every access faults: {_status(outcome, found.fsr, long=walked.regime.long)}")
    lines += [f"  {_verdict(verdict, long=walked.regime.long)}" for verdict in found.verdicts]
    return "\n".join(lines)


def access_text(access: Rights) -> str:
    """An access in words: ``user write``."""
    who = next(name for bits, name in _WHO if access & bits)
    return f"{who} {next(name for bits, name in _WHAT if access & bits)}"


def _root(walked: Walk) -> str:
    if not walked.regime.enabled:
        return "the MMU is off (SCTLR.M = 0): addresses are physical"
    if walked.root is None:
        return "no translation table serves this address (TTBCR.T0SZ, T1SZ)"
    disabled = ", disabled by TTBCR" if walked.root.disabled else ""
    return f"{walked.root.register}: table at {hex_address(walked.root.base)}{disabled}"


def _entry(entry: Entry, found: Translation) -> Iterator[str]:
    yield f"  {step_text(entry.step)}"
    fields = step_fields(entry.step, found.walk.regime)
    place, name, value = (
        max((len(getattr(field, column)) for field in fields), default=0) for column in ("place", "name", "value")
    )
    for field in fields:
        yield f"    {field.place:{place}} {field.name:{name}} {field.value:{value}}  {field.meaning}".rstrip()
    yield from wrapped(f"Linux: {_same_word(entry, found.form)}", "    ")
    yield from _writers(entry.writers, found.form)
    half = entry.linux
    if half is not None:
        yield f"  pte[{half.index}] (Linux) at {hex_address(half.address)}: {half.word:#010x}"
        yield from wrapped(linux_pte_text(half.word, found.form), "    ")
        yield from _writers(half.writers, found.form)


def _same_word(entry: Entry, form: LinuxFormat) -> str:
    """What the word itself says in Linux's names; of a hardware pte only that Linux has another."""
    last = 3 if form.name == "long" else 2
    if entry.step.level < last:
        return pmd_text(entry.step.word, form)
    if form.name == "long":
        return linux_pte_text(entry.step.word, form)
    return "has its own pte, below" if entry.linux is not None else "none of its ptes is beside this table"


def _writers(writers: Writers, form: LinuxFormat) -> Iterator[str]:
    last = len(writers) - 1
    width = 2 + 2 * form.word_bytes
    for i, (cause, value) in enumerate(writers):
        yield f"    {'now' if i == last else 'was'} {value:#0{width}x}: {cause.stage}, {cause.kind}"
        if i == last:
            yield from cause_lines(cause)


def _fault(fault: Fault, *, long: bool) -> str:
    return fault_kind_text(fault.kind, fault.level, long=long)


def _status(fault: Fault, fsr: int | None, *, long: bool) -> str:
    where = f", FSR {fsr:#05x}" if fsr is not None else ""
    return f"{_fault(fault, long=long)}, status {fault.status:#04x}{where}"


def _verdict(verdict: AccessCheck, *, long: bool) -> str:
    what = access_text(verdict.access)
    if isinstance(verdict.answer, Fault):
        return f"{what}: {_status(verdict.answer, verdict.fsr, long=long)}"
    return f"{what}: allowed, physical {hex_address(verdict.answer.pa)}"


def rights_columns(rights: Rights) -> tuple[str, str]:
    """Rights of kernel and user apart: ``rwx``, ``r--``."""
    kernel, user = rights_text(rights).split()
    return kernel, user
