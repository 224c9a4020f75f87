"""Schemas of what is read from page tables: walk, tables, diff, audit, locate, oops."""

from __future__ import annotations

from bootmap.report.schemas.shared import (
    ARCH,
    ASSUMPTIONS,
    FAULT,
    FORMAT,
    RANGE,
    RIGHTS,
    attributes_keys,
    fault_keys,
    granules,
    source_keys,
)
from bootmap.report.schemas.words import (
    FLAG,
    INTEGER,
    LINE,
    NATURAL,
    TEXT,
    TEXTS,
    Schema,
    document,
    either,
    many,
    maybe,
    one_of,
    record,
    rows,
    table_of,
)

_VA = (NATURAL, "Virtual address of the first byte.")
_SIZE = (NATURAL, "Bytes.")


def walk() -> Schema:
    """``bootmap.walk/1``."""
    md = record(
        {
            "virtual": (NATURAL, "Its virtual address."),
            "pfn": (NATURAL, "Its page frame."),
            "length": (INTEGER, "Its bytes; negative where the kernel went wrong."),
            "type": (TEXT, "Its memory type."),
            "what": (TEXT, "What it maps."),
        }
    )
    writers = rows(
        {
            "stage": (TEXT, "The step of the boot."),
            "step": (TEXT, "What it did to the word."),
            "word": (NATURAL, "What it wrote."),
            "map_desc": (maybe(md), "The map_desc that it came from."),
            "origin": (TEXTS, "Where the value is from, back to what was given."),
        }
    )
    linux = record(
        {
            "address": (NATURAL, "Physical address of Linux's word."),
            "word": (NATURAL, "The word."),
            "text": (TEXT, "Its bits by Linux's names."),
            "writers": (writers, "Who wrote it, where it is a word of its own."),
        },
        optional=("writers",),
    )
    field = rows(
        {
            "name": (TEXT, "As the manual spells it."),
            "place": (TEXT, "Its bits."),
            "value": (NATURAL, "Its value."),
            "meaning": (TEXT, "What this value means here."),
        }
    )
    entry = rows(
        {
            "level": (NATURAL, "Level of the table."),
            "table": (NATURAL, "Physical address of the table."),
            "index": (NATURAL, "Its place in the table."),
            "address": (NATURAL, "Physical address of the descriptor."),
            "word": (NATURAL, "The descriptor."),
            "kind": (TEXT, "What kind it is."),
            "fields": (field, "Its fields, the most significant first."),
            "linux": (maybe(linux), "Linux's view of it."),
            "writers": (writers, "Who wrote it; empty where nobody knows."),
        }
    )
    mapped = record(
        {
            "pa": (NATURAL, "Physical address."),
            "size": (NATURAL, "Bytes that the descriptor maps."),
            "level": (NATURAL, "Level of the descriptor, 0 with the MMU off."),
            "contiguous": (FLAG, "The contiguous hint of long descriptors."),
            **attributes_keys(),
        }
    )
    access = (TEXT, "Who attempts what.")
    walked = rows(
        {
            "va": (NATURAL, "The address."),
            "symbol": (maybe(TEXT), "Its symbol, and the offset."),
            "areas": (TEXTS, "The areas of the kernel's layout that it is in."),
            "root": (
                maybe(
                    record(
                        {
                            "register": (TEXT, "The register that names the first table."),
                            "base": (NATURAL, "Physical address of the table."),
                            "disabled": (FLAG, "Walks by this register are disabled."),
                        }
                    )
                ),
                "Where the walk begins; null with the MMU off.",
            ),
            "entries": (entry, "The descriptors on the way."),
            "unread": (maybe(NATURAL), "Physical address that is not in the image, where the walk ends for it."),
            "outcome": (either(mapped, record(fault_keys())), "What is mapped there, or the fault."),
            "checks": (
                many(
                    either(
                        record({"access": access, "pa": (NATURAL, "It is performed, at this physical address.")}),
                        record({"access": access, **fault_keys()}),
                    )
                ),
                "What each kind of access meets.",
            ),
        }
    )
    return document(
        "bootmap.walk/1",
        {**source_keys(), "walks": (walked, "Each address.")},
        about="Page tables walked for addresses as the CPU does.",
    )


def tables() -> Schema:
    """``bootmap.tables/1``."""
    row = rows(
        {
            "va": _VA,
            "size": _SIZE,
            "pa": (NATURAL, "Physical address of the first byte."),
            "granules": granules(),
            **attributes_keys(),
        }
    )
    return document(
        "bootmap.tables/1",
        {
            **source_keys(),
            "ranges": (row, "Everything that is mapped, merged, by virtual address."),
            "unread": (rows({"va": _VA, "size": _SIZE}), "What hangs on tables that are not in the image."),
        },
        about="Everything that page tables map.",
    )


def diff() -> Schema:
    """``bootmap.diff/1``."""
    kinds = one_of("added", "removed", "moved", "rights", "memory type", "domain", "flags", "granule", "Linux half")
    side = maybe(
        record(
            {
                "pa": (NATURAL, "Physical address."),
                "kernel": (RIGHTS, "What the kernel may."),
                "user": (RIGHTS, "What user mode may."),
                "memory_type": (TEXT, "Memory type and caches in words."),
                "domain": (maybe(NATURAL), "Domain of short descriptors."),
                "granules": granules(),
            }
        )
    )
    change = rows(
        {
            "va": _VA,
            "size": _SIZE,
            "kinds": (many(kinds), "What changed."),
            "area": (TEXT, "The area of the kernel's layout."),
            "altered": (FLAG, "It is not explained by what a kernel does once it runs."),
            "reason": (TEXT, "The explanation, or what is wrong."),
            "before": (side, "As the first source has it; null where nothing is mapped."),
            "after": (side, "As the second one has it."),
        }
    )
    return document(
        "bootmap.diff/1",
        {
            "sources": ({**TEXTS, "minItems": 2, "maxItems": 2}, "The two that are compared."),
            "altered": (NATURAL, "Changes that nothing explains."),
            "expected": (NATURAL, "Changes that are explained."),
            "changes": (change, "Each change, by virtual address."),
            "assumptions": ASSUMPTIONS,
        },
        about="What changed between two sets of page tables.",
    )


def audit() -> Schema:
    """``bootmap.audit/1``."""
    place = rows(
        {
            "va": (NATURAL, "Virtual address."),
            "size": _SIZE,
            "pa": (maybe(NATURAL), "Physical address that is mapped there; of the descriptor, if it is about that."),
            "what": (TEXT, "What is there."),
            "descriptor": (FLAG, "It is about the entry, not about what it maps."),
        }
    )
    finding = rows(
        {
            "rule": (TEXT, "The rule's name, see the rules of audit."),
            "severity": (one_of("error", "warning", "note"), "How bad it is."),
            "title": (TEXT, "The rule in one line."),
            "evidence": (TEXT, "What was found."),
            "avoid": (TEXT, "What to change."),
            "reference": (TEXT, "Where it is said that this is wrong."),
            "count": (NATURAL, "Places in all."),
            "places": (place, "The first of them."),
            "causes": (TEXTS, "What wrote them, where that is known."),
        }
    )
    return document(
        "bootmap.audit/1",
        {
            **source_keys(),
            "findings": (finding, "What is wrong, the worst first."),
            "skipped": (TEXTS, "What was not looked at, and why."),
        },
        about="What is wrong with page tables.",
    )


def locate() -> Schema:
    """``bootmap.locate/1``."""
    check = rows(
        {
            "id": (TEXT, "Stable name."),
            "what": (TEXT, "What was looked at."),
            "held": (NATURAL, "How many of these were as they should be."),
            "of": (NATURAL, "How many there were."),
            "holds": (FLAG, "At least nine in ten were."),
        }
    )
    table = rows(
        {
            "root": (NATURAL, "Physical address."),
            "kind": (one_of("process", "identity map", "empty"), "Whose it is."),
            "tables": (NATURAL, "Last-level tables below its user half."),
            "tables_missing": (NATURAL, "Those of them that the image does not hold."),
            "pages": (NATURAL, "User pages that the hardware sees."),
            "kernel_entries": (
                record({"equal": (NATURAL, "As in the kernel's own table."), "of": (NATURAL, "That are not empty.")}),
                "Entries of the kernel's half.",
            ),
        }
    )
    kernel = rows(
        {
            "root": (NATURAL, "Physical address of swapper_pg_dir."),
            "format": (FORMAT, "Of its descriptors."),
            "arch": (ARCH, "The version of the architecture."),
            "page_offset": (NATURAL, "PAGE_OFFSET."),
            "phys_offset": (NATURAL, "PHYS_OFFSET."),
            "lowmem": (RANGE, "The linear map: virtual start, and the address behind it."),
            "image_begins": (NATURAL, "Physical address of the image's first byte; 0 where addresses are physical."),
            "confidence": (
                record({"held": (NATURAL, "Checks that hold."), "of": (NATURAL, "Checks that could be made.")}),
                "What speaks for it.",
            ),
            "checks": (check, "Each check."),
            "tables": (table, "Other first-level tables with the kernel's half."),
            "banner": (maybe(TEXT), "What the kernel says of itself."),
            "version": (maybe(TEXT), "Its version."),
            "cpu": (
                maybe(
                    record(
                        {
                            "name": (maybe(TEXT), "The CPU's name."),
                            "midr": (NATURAL, "Main ID Register."),
                            "sctlr": (maybe(NATURAL), "SCTLR."),
                        }
                    )
                ),
                "The CPU, where the kernel's log has it.",
            ),
            "registers": (
                record({name: (NATURAL, name.upper() + ".") for name in ("ttbr0", "ttbcr", "sctlr")}),
                "The registers with which its tables can be read.",
            ),
            "assumptions": ASSUMPTIONS,
        }
    )
    return document(
        "bootmap.locate/1",
        {
            "source": (source_keys()["source"][0], "What was searched."),
            "searched": (NATURAL, "Bytes that were searched."),
            "candidates": (NATURAL, "Places that look like a first-level table."),
            "kernels": (kernel, "The kernels that were found, the surest first."),
            "problems": (TEXTS, "What could not be read."),
        },
        about="Page tables found in an image of memory.",
    )


def oops() -> Schema:
    """``bootmap.oops/1``."""
    status = record(
        {
            "code": (NATURAL, "The fault status."),
            "kind": (maybe(FAULT), "What it means; null for a code that means nothing."),
            "level": (maybe(NATURAL), "The level that it names."),
            "domain": (maybe(NATURAL), "The domain that it names."),
        }
    )
    step = rows(
        {
            "level": (NATURAL, "Level of the table."),
            "word": (NATURAL, "The descriptor."),
            "descriptor": (TEXT, "What kind it is."),
            "fields": (table_of(NATURAL), "Its fields, by the manual's names."),
        }
    )
    name, value = (TEXT, "pgd, pmd, pte or ppte."), (NATURAL, "The word as it was printed.")
    outcome = either(
        record({"fault": (FAULT, "The fault."), "level": (NATURAL, "The level that is to blame.")}),
        record({"physical": (NATURAL, "The access is performed, at this physical address.")}),
    )
    place = rows(
        {
            "physical": (NATURAL, "The physical address that it stands for."),
            "kind": (
                one_of("dtb", "initrd", "no-map", "reserved", "below", "above", "hole", "lowmem"),
                "What lies there.",
            ),
            "what": (TEXT, "The same in words."),
        }
    )
    compared = rows({"name": name, "printed": value, "predicted": (maybe(NATURAL), "Null: no such table.")})
    prediction = record(
        {
            "state": (TEXT, "The moment that is predicted."),
            "words": (compared, "The printed words beside the predicted ones."),
            "at_run_time": (maybe(TEXT), "Why the kernel may have changed it since."),
            "places": (place, "What the board has there, for an address of the linear map."),
            "differs": (FLAG, "A word is not as predicted, where it should be."),
        }
    )
    found = rows(
        {
            "line": (LINE, "Where it begins in the log."),
            "kind": (one_of("kernel", "unhandled", "prefetch", "user"), "How Linux printed it."),
            "message": (TEXT, "Its first line."),
            "address": (maybe(NATURAL), "The faulting address."),
            "hint": (maybe(TEXT), "What the address itself is a sign of."),
            "access": (one_of("read", "write", "execute"), "What was attempted."),
            "user": (FLAG, "By user mode."),
            "fsr": (maybe(NATURAL), "The fault status register, with bit 31 as Linux sets it for prefetch aborts."),
            "status": (maybe(status), "The same decoded."),
            "arch": (ARCH, "The version of the architecture."),
            "format": (FORMAT, "Of the descriptors."),
            "registers": (
                record({key: (maybe(NATURAL), f"{key.upper()} as printed.") for key in ("sctlr", "ttbr0", "dacr")}),
                "The registers that were printed.",
            ),
            "entries": (
                rows({"name": name, "value": value, "bad": (FLAG, "Linux called it bad.")}),
                "The words of the tables that were printed.",
            ),
            "steps": (step, "The same words, walked."),
            "outcome": (maybe(outcome), "What the access meets by these words; null where that cannot be told."),
            "agreement": (
                one_of("agrees", "differs", "unknown", "not of the tables"),
                "Whether words and status say the same.",
            ),
            "reasons": (TEXTS, "Why, and what follows."),
            "version": (maybe(TEXT), "The kernel's version."),
            "hardware": (maybe(TEXT), "The machine's name."),
            "process": (maybe(TEXT), "The current process."),
            "pc": (maybe(NATURAL), "Program counter."),
            "lr": (maybe(NATURAL), "Link register."),
            "assumptions": ASSUMPTIONS,
            "prediction": (prediction, "What a prediction says of it, where a board was given."),
        },
        optional=("prediction",),
    )
    return document(
        "bootmap.oops/1",
        {"source": (TEXT, "The log."), "oopses": (found, "Each oops.")},
        about="What ARM oopses say of the page tables.",
    )
