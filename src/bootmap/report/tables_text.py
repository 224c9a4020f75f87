"""``bootmap tables``: the whole map merged, as a table for people and as CSV."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from bootmap.mmu.describe import cacheability_text, domain_text, memory_text, rights_text
from bootmap.units import hex_address, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.mmu.attributes import Attributes
    from bootmap.mmu.bulk import Range, Ranges

_HEADS = ("virtual", "physical", "size", "kernel", "user", "granule", "memory type")
CSV_COLUMNS = (
    "start",
    "end",
    "size",
    "physical",
    "kernel",
    "user",
    "type",
    "inner",
    "outer",
    "shareability",
    "domain",
    "accessed",
    "global",
    "secure",
    "granules",
)
"""Columns of the CSV; addresses and sizes are hexadecimal, ``end`` is the last address, granules are joined by +."""


def tables_text(ranges: Ranges) -> str:
    """The ranges as a table, a line each; says so where there are none."""
    if not len(ranges):
        return "nothing of what was asked for is mapped"
    rows = [_HEADS, *(_row(found, words) for found, words in _described(ranges))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    right = {2, 5}
    return "\n".join(
        "  ".join(
            f"{cell:>{width}}" if at in right else f"{cell:{width}}"
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def tables_csv(ranges: Ranges) -> str:
    """The ranges as CSV with a line of heads (``CSV_COLUMNS``)."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for found in ranges:
        kernel, user = rights_text(found.rights).split()
        memory, attributes = found.memory, found.attributes
        writer.writerow(
            (
                f"{found.va:#010x}",
                f"{found.end - 1:#010x}",
                f"{found.size:#x}",
                f"{found.pa:#010x}",
                kernel,
                user,
                memory.type.value,
                "" if memory.inner is None else cacheability_text(memory.inner),
                "" if memory.outer is None else cacheability_text(memory.outer),
                memory.shareability.value,
                "" if found.domain is None else found.domain,
                int(attributes.accessed),
                int(not attributes.not_global),
                int(attributes.secure),
                "+".join(f"{granule:#x}" for granule in found.granules),
            )
        )
    return out.getvalue().rstrip("\n")


def _described(ranges: Ranges) -> Iterator[tuple[Range, tuple[str, str, str]]]:
    """Each range with the words of its attributes, which are made once a class."""
    words: dict[int, tuple[str, str, str]] = {}
    for found in ranges:
        key = id(found.attributes)
        if key not in words:
            words[key] = _words(found.attributes)
        yield found, words[key]


def _words(attributes: Attributes) -> tuple[str, str, str]:
    kernel, user = rights_text(attributes.rights).split()
    nature = [memory_text(attributes.memory)]
    if attributes.domain is not None:
        nature.append(domain_text(attributes).removesuffix(" client"))
    for given, word in (
        (not attributes.accessed, "access flag 0"),
        (attributes.not_global, "not global"),
        (attributes.secure, "secure"),
    ):
        if given:
            nature.append(word)
    return kernel, user, ", ".join(nature)


def _row(found: Range, words: tuple[str, str, str]) -> tuple[str, ...]:
    kernel, user, nature = words
    span = f"{hex_address(found.va)}-{hex_address(found.end - 1)}"
    granules = "+".join(size_text(granule) for granule in reversed(found.granules))
    return span, hex_address(found.pa), size_text(found.size), kernel, user, granules, nature
