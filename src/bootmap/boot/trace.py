"""Provenance: every value of the boot can name the value and the rule that made it.

An :class:`Origin` is one link: what made the value, in words, with the place in an input where there is one,
and the link before it.  Chains end at a byte of the device tree, a command line parameter, a kernel symbol,
a configuration option or a rule of the kernel.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.units import Span


class Origin(Shown, Struct, frozen=True):
    """One link of a chain of provenance.

    Attributes:
        rule: who made the value: a kernel function, "device tree", "command line", "symbol", "config",
            "handover".
        text: what it is, in words.
        offset: byte offset in the device tree (or ATAG list), index in the command line; None elsewhere.
        parent: what it was made from, None at the end of the chain.
    """

    rule: str
    text: str
    offset: int | None = None
    parent: Origin | None = None

    def chain(self) -> Iterator[Origin]:
        """This link and those before it, down to the input."""
        link: Origin | None = self
        while link is not None:
            yield link
            link = link.parent

    @property
    def root(self) -> Origin:
        """The end of the chain: where the value entered."""
        *_, last = self.chain()
        return last

    def __str__(self) -> str:
        if self.offset is None:
            return self.text
        if self.rule == "command line":
            return f"{self.text} (character {self.offset} of the command line)"
        return f"{self.text} (byte {self.offset:#x} of the {self.rule})"


class Hazard(Shown, Struct, frozen=True):
    """Something that breaks the boot, or would by a different accident.

    Attributes:
        id: stable name of the kind, such as ``text-unmapped``.
        stage: the step after or in which it shows.
        fatal: True where the boot ends here; False for a boot that goes on.
        message: what happens, why, and what avoids it.
        address: the address it is about (virtual or physical as the message says), or None.
        luck: True where nobody can know how it ends: the kernel goes on from stale TLB entries, or what is damaged
            may or may not matter.
        origin: what led to it, or None.
        subject: what it is about where that can be put elsewhere: "dtb", "initrd" or "zimage"; "" for anything else.
        places: physical ranges in which the subject would be out of harm's way, largest first.
        loses_initrd: the kernel goes on without its initrd, or with a damaged one.
    """

    id: str
    stage: str
    fatal: bool
    message: str
    address: int | None = None
    luck: bool = False
    origin: Origin | None = None
    subject: str = ""
    places: tuple[Span, ...] = ()
    loses_initrd: bool = False


class Verdict(Enum):
    """Whether a kernel boots."""

    BOOTS = "boots"
    DIES = "does not boot"
    UNCERTAIN = "uncertain"
    """It hangs on something that is not known: stale TLB entries, or a value that was guessed."""

    @property
    def boots(self) -> bool | None:
        """The same as JSON has it: true, false, or null for UNCERTAIN."""
        return {Verdict.BOOTS: True, Verdict.DIES: False}.get(self)


class Outcome(Shown, Struct, frozen=True):
    """The verdict of a boot.

    Attributes:
        verdict: whether it boots.
        stage: where it ends or hangs on something, or where the initrd is lost; None where all is well.
        reason: why, in words; None where all is well.
        without_initrd: it BOOTS, but without the initrd that the boot loader gave it.
    """

    verdict: Verdict
    stage: str | None = None
    reason: str | None = None
    without_initrd: bool = False

    @property
    def all_well(self) -> bool:
        """It boots, with everything that it was given."""
        return self.verdict is Verdict.BOOTS and not self.without_initrd

    @property
    def headline(self) -> str:
        """The verdict in capitals, as people read it."""
        if self.without_initrd:
            return "BOOTS WITHOUT ITS INITRD"
        return {Verdict.BOOTS: "BOOTS", Verdict.DIES: "DOES NOT BOOT"}.get(self.verdict, "UNCERTAIN")


class KernelDied(Exception):  # noqa: N818 - an outcome of the boot, not an error of bootmap
    """The boot ends here; carries the hazard that says why."""

    def __init__(self, hazard: Hazard) -> None:
        super().__init__(hazard.message)
        self.hazard = hazard
