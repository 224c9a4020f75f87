"""Schemas of what is told of many boards: rows of a sweep, changes between two sweeps, a baseline."""

from __future__ import annotations

from bootmap.checks.settings import BASELINE_SCHEMA
from bootmap.report.schemas.words import (
    INTEGER,
    TEXT,
    TEXTS,
    Schema,
    document,
    keys_of,
    names_of,
    record,
    table_of,
)
from bootmap.sweep.changes import Kind, Weight
from bootmap.sweep.row import Row


def sweep() -> Schema:
    """``bootmap.sweep/1``, made from the class of a row."""
    keys, _ = keys_of(Row)
    del keys["schema"]
    return document("bootmap.sweep/1", keys, about="One board with one kernel: a line of a sweep's rows.jsonl.")


def sweep_diff() -> Schema:
    """``bootmap.sweep-diff/1``."""
    side = record(
        {
            "trees": (TEXT, "The set of trees."),
            "kernel": (TEXT, "The kernel's name."),
            "key": (TEXT, "The row's key."),
        }
    )
    return document(
        "bootmap.sweep-diff/1",
        {
            "board": (TEXT, "The board."),
            "weight": (names_of(Weight, lower=True), "Whether that is better or worse."),
            "kind": (names_of(Kind, lower=True), "What changed."),
            "change": (TEXT, "The change and its cause; boards that changed alike have equal ones."),
            "due": (TEXT, "What it is due to: the kernel, the tree, both or either."),
            "amount": (INTEGER, "Bytes, or steps of the verdict; the more the worse."),
            "old": (side, "The row on the old side."),
            "new": (side, "The row on the new side."),
        },
        about="One change of one board between two sweeps: a line of JSON.",
    )


def baseline() -> Schema:
    """``bootmap.baseline/1``."""
    return document(
        BASELINE_SCHEMA,
        {"boards": (table_of(TEXTS), "Fingerprints of the findings that are known, by board.")},
        about="Findings of check that are known and do not count.",
    )
