"""What a predicted board has at the address of an oops, beside what the kernel printed there.

Only what the boot builds can be predicted: lowmem, static mappings, the fixmap.  What is below TASK_SIZE, in the
modules' area and in vmalloc space is made while the kernel runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.analysis.explain import explain_virtual
from bootmap.analysis.oops.linear import places_at
from bootmap.analysis.registers import stage_memory
from bootmap.shown import Shown

if TYPE_CHECKING:
    from bootmap.analysis.oops.linear import LinearPlace
    from bootmap.analysis.oops.oops import OopsJudgement
    from bootmap.analysis.translation import Translation
    from bootmap.boot.sequence import Replay, Snapshot

_PAIR = 2
_FINAL = "mark_rodata_ro"


class Compared(Struct, frozen=True):
    """A printed word and the predicted one.

    Attributes:
        name: pgd, pmd, pte or ppte.
        printed: the word in the oops.
        predicted: the word of the prediction, None where it has no such table.
    """

    name: str
    printed: int
    predicted: int | None


class Expected(Shown, Struct, frozen=True):
    """The prediction for the address of an oops.

    Attributes:
        facts: the walk of the predicted tables, with who wrote each word.
        stage: the moment that is predicted.
        at_run_time: why the kernel may have changed it since; None where it should be as predicted.
        words: the printed words beside the predicted ones.
        places: what the board has there, if the address is one of the linear map.
    """

    facts: Translation
    stage: Snapshot
    at_run_time: str | None
    words: tuple[Compared, ...]
    places: tuple[LinearPlace, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether a word is not as predicted, at an address where it should be."""
        return self.at_run_time is None and any(word.printed != word.predicted for word in self.words)


def expected(prediction: Replay, judgement: OopsJudgement) -> Expected | None:
    """What should have been at the address; None for an oops without one, or a prediction in the other format.

    Most oopses happen after the kernel has made its text and constants read-only, some before: the moment at which all
    words are as predicted is taken, the last one if none is.
    """
    address = judgement.oops.address
    form = prediction.state.kernel.format
    if address is None or (form.name == "long") != (judgement.regs.ttbcr >> 31 == 1):
        return None
    stages = [stage for stage in (prediction.stage(_FINAL), prediction.usual_stage) if stage is not None]
    answers = [_at(prediction, stage, judgement, address) for stage in stages]
    return next((answer for answer in answers if not answer.differs), answers[0])


def _at(prediction: Replay, stage: Snapshot, judgement: OopsJudgement, address: int) -> Expected:
    facts = explain_virtual(prediction, address, stage)
    words = _words(prediction, stage, judgement, facts)
    places = tuple(places_at(prediction, address))
    return Expected(facts, stage, _at_run_time(prediction, stage, address), words, places)


def _at_run_time(prediction: Replay, stage: Snapshot, address: int) -> str | None:
    kernel = prediction.state.kernel
    if address < kernel.task_size:
        return "it is user space, whose tables are made while processes run"
    if address < kernel.page_offset:
        return "it is the area of modules and of kmap, which is filled while the kernel runs"
    if stage.vars.high_memory and address >= stage.vars.high_memory:
        return "it lies above lowmem: beside static mappings and the fixmap, vmalloc fills it while the kernel runs"
    return None


def _words(prediction: Replay, stage: Snapshot, judgement: OopsJudgement, facts: Translation) -> tuple[Compared, ...]:
    """Pair the words: the kernel prints the first of two first-level words of the short format, and Linux's pte."""
    names: dict[str, int] = {}
    for step in facts.walk.steps:
        if judgement.regs.ttbcr >> 31:
            names[("pgd", "pmd", "pte")[step.level - 1]] = step.word
        elif step.level == 1:
            even = step.table + 4 * (step.index & -_PAIR)
            raw = stage_memory(prediction, stage).read(even, 4)
            names["pgd"] = int.from_bytes(raw, prediction.state.kernel.byteorder)
        else:
            names["ppte"] = step.word
    linux = [word.value for word in facts.words if word.half == "Linux"]
    if linux:
        names["pte"] = linux[0]
    return tuple(
        Compared(entry.name, entry.value, names.get(entry.name))
        for entry in judgement.oops.entries
        if entry.name in ("pgd", "pmd", "pte", "ppte")
    )
