"""What a check says: findings with their places, their causes, and the changes that were predicted to cure them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.facts.audit_rules import Severity
from bootmap.shown import Shown

if TYPE_CHECKING:
    from bootmap.boot.trace import Hazard
    from bootmap.checks.edit import Edit
    from bootmap.facts.check_rules import CheckRule


class Where(Shown, Struct, frozen=True):
    """A place in what the user gave.

    Attributes:
        kind: "device tree", "command line", "configuration", "environment variable", "option" or "kernel".
        text: the property, parameter or option, as it stands there.
        offset: byte in the device tree, character of the command line; None elsewhere.
        file: the source file, where the tree was compiled here; else None.
        line: its line from 1.
    """

    kind: str
    text: str
    offset: int | None = None
    file: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        if self.file is not None and self.line is not None:
            return f"{self.file}:{self.line}"
        if self.offset is None:
            return self.kind
        return f"byte {self.offset:#x}" if self.kind == "device tree" else f"character {self.offset}"


class Change(Shown, Struct, frozen=True):
    """One thing to change, with exact values.

    Attributes:
        text: what to write: ``setenv fdt_addr_r 0x18000000``, ``initrd=0x1000000,0x900000``, ``CONFIG_HIGHMEM=y``.
        note: what else is to be known: the window that would do too, what it costs.
        edits: what was applied to predict it.
        after: the verdict after it, in words; "" before it is proven.
        recommended: the one to take where there are several.
        one_of: of several with the same word only the first that is proven is kept; "" for each by itself.
        unsure: it is right only if the board is as ``note`` says, which its owner must know: never recommended.
    """

    text: str
    note: str = ""
    edits: tuple[Edit, ...] = ()
    after: str = ""
    recommended: bool = False
    unsure: bool = False
    one_of: str = ""

    @property
    def cures(self) -> bool:
        """Whether the boot is well after it alone."""
        return self.after.startswith("boots") and not self.after.startswith("boots without")


class Finding(Shown, Struct, frozen=True):
    """One thing that is found.

    Attributes:
        rule: the rule.
        severity: how bad it is here.
        title: the finding in one line.
        cause: why, in one sentence or two, with the numbers.
        where: its places, the first is the one to look at.
        changes: what to change; each was applied and predicted again.
        advice: what else would do, that cannot be applied to the inputs: another kernel, a setting of the loader.
        hazard: the boot's hazard behind it, or None.
        address: the address that it is about, or None.
        table: rows of cells to show with it, the first row being the heads; () for none.
        decides: the verdict hangs on it.
        suppressed: why it is not counted: a reason from the configuration file, or the baseline; "" where it counts.
    """

    rule: CheckRule
    severity: Severity
    title: str
    cause: str
    where: tuple[Where, ...] = ()
    changes: tuple[Change, ...] = ()
    advice: tuple[str, ...] = ()
    hazard: Hazard | None = None
    address: int | None = None
    table: tuple[tuple[str, ...], ...] = ()
    decides: bool = False
    suppressed: str = ""

    @property
    def id(self) -> str:
        """The rule's name."""
        return self.rule.id

    @property
    def level(self) -> str:
        """The severity as people read it: error, warning or info."""
        return {Severity.ERROR: "error", Severity.WARNING: "warning"}.get(self.severity, "info")

    @property
    def message(self) -> str:
        """Title and cause as one text."""
        return f"{self.title}. {self.cause}" if self.cause else f"{self.title}."

    @property
    def key(self) -> tuple[str, str, int | None]:
        """What makes it the same finding in another prediction of the same board."""
        place = self.where[0].text if self.where and self.where[0].kind == "device tree" else ""
        return self.id, place, None if place else self.address

    @property
    def fingerprint(self) -> str:
        """The same as text that a baseline keeps: it does not move when bytes of the tree do."""
        place = self.where[0].text if self.where else ""
        return f"{self.id} {place}".strip()
