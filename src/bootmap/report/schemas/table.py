"""Every JSON document by its name, with its schema and the command that prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.report.schemas import boot, fleet, logs, tables

if TYPE_CHECKING:
    from collections.abc import Callable

    from bootmap.report.schemas.words import Schema


class SchemaRow(Struct, frozen=True):
    """One document.

    Attributes:
        name: short, as it is asked for: ``predict``.
        schema: makes its schema, which needs no other.
        printed_by: the command that prints it.
        lines: it is a line of JSON Lines, not a whole file.
    """

    name: str
    schema: Callable[[], Schema]
    printed_by: str
    lines: bool = False

    @property
    def document(self) -> str:
        """The document's own name and version."""
        return f"bootmap.{self.name}/1"


SCHEMAS = (
    SchemaRow("predict", boot.predict, "predict --json"),
    SchemaRow("plan", boot.plan, "plan --json"),
    SchemaRow("proposal", boot.proposal, "plan --propose --json"),
    SchemaRow("check", boot.check, "check --format json"),
    SchemaRow("layout", boot.layout, "layout --json"),
    SchemaRow("mem-types", boot.mem_types, "mem-types --json"),
    SchemaRow("features", boot.features, "features --json"),
    SchemaRow("memblock", boot.memblock, "memblock --json"),
    SchemaRow("walk", tables.walk, "walk --json"),
    SchemaRow("tables", tables.tables, "tables --format json"),
    SchemaRow("diff", tables.diff, "diff --json"),
    SchemaRow("audit", tables.audit, "audit --format json"),
    SchemaRow("locate", tables.locate, "locate --json"),
    SchemaRow("oops", tables.oops, "oops --json"),
    SchemaRow("diagnose", logs.diagnose, "diagnose --json"),
    SchemaRow("verify", logs.verify, "verify --json"),
    SchemaRow("verify-log", logs.verify_log, "verify --log FILE --json"),
    SchemaRow("verify-loader", logs.verify_loader, "verify --loader u-boot --json"),
    SchemaRow("fuzz", logs.fuzz, "fuzz --json"),
    SchemaRow("sweep", fleet.sweep, "sweep --format jsonl", lines=True),
    SchemaRow("sweep-diff", fleet.sweep_diff, "sweep-diff --format jsonl", lines=True),
    SchemaRow("baseline", fleet.baseline, "check --write-baseline FILE"),
)
SCHEMAS_BY_NAME = {row.name: row for row in SCHEMAS}
