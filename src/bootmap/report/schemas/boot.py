"""Schemas of what is predicted of a board: predict, check, layout, plan, memory types, rules, memblock."""

from __future__ import annotations

from bootmap.boot.trace import Verdict
from bootmap.report.schemas.shared import (
    ASSUMPTIONS,
    BOOTS,
    FORMAT,
    RANGE,
    REASON,
    STAGE,
    WITHOUT_INITRD,
    layout_rows,
    load_map_keys,
    regions,
    registers,
    rules,
)
from bootmap.report.schemas.words import (
    ADDRESS_KEY,
    FLAG,
    HEX,
    LINE,
    NATURAL,
    NUMBER,
    TEXT,
    TEXTS,
    Schema,
    document,
    many,
    maybe,
    one_of,
    record,
    rows,
    table_of,
    tuple_of,
    values_of,
)

_ADDRESS = "An address that it is about, null for none."


def predict() -> Schema:
    """``bootmap.predict/1``."""
    hazard = rows(
        {
            "id": (TEXT, "Stable name of the kind."),
            "stage": (TEXT, "The step that it happens in."),
            "fatal": (FLAG, "The boot ends by it."),
            "luck": (FLAG, "Whether the kernel survives it is up to the CPU's TLB."),
            "loses_initrd": (FLAG, "It costs the initrd, not the boot."),
            "message": (TEXT, "What happens, in words."),
            "address": (maybe(NATURAL), _ADDRESS),
            "subject": (maybe(TEXT), "The node or parameter that it is about."),
            "places": (many(RANGE), "What it concerns, physical: [first, last]."),
        }
    )
    alternative = rows(
        {
            "option": (TEXT, "The option that says which value it is."),
            "value": ({"type": ["integer", "string"]}, "The other value."),
            "because": (TEXT, "Why it may well be."),
            "then": (TEXT, "What happens with it."),
            "kills": ({"type": "boolean"}, "The boot is not well with it."),
        }
    )
    memblock = record(
        {
            "current_limit": (NATURAL, "memblock.current_limit."),
            "memory": (regions(), "memblock.memory: [base, size, flags]."),
            "reserved": (regions(), "memblock.reserved."),
        }
    )
    tables = record(
        {
            "format": (FORMAT, "Short descriptors, or long ones (LPAE)."),
            "root": (NATURAL, "Physical address of swapper_pg_dir."),
            "pages": (table_of(HEX, ADDRESS_KEY), "Each page of tables by its physical address, as bytes in memory."),
        }
    )
    state = record(
        {
            "memblock": (memblock, "memblock at this moment."),
            "tables": (tables, "The page tables at this moment."),
            "memory": (table_of(HEX, ADDRESS_KEY), "Other memory that the kernel wrote, by physical address."),
        }
    )
    zone = rows(
        {
            "name": (TEXT, "DMA, Normal or HighMem."),
            "start_pfn": (NATURAL, "First page frame."),
            "end_pfn": (NATURAL, "The page frame behind it."),
            "present": (NATURAL, "Pages that are there."),
            "managed": (NATURAL, "Pages that the allocator gets."),
        }
    )
    kernel = record(
        {
            "version": (TEXT, "The kernel's version."),
            "cpu": (TEXT, "The boot CPU."),
            "smp": (FLAG, "It runs as SMP."),
            "byteorder": (one_of("little", "big"), "Of its data, page tables among them."),
            "page_offset": (NATURAL, "PAGE_OFFSET."),
            "phys_offset": (NATURAL, "PHYS_OFFSET."),
            "high_memory": (maybe(NATURAL), "high_memory; null where the boot ends before it is known."),
        }
    )
    return document(
        "bootmap.predict/1",
        {
            "outcome": (
                record({"boots": BOOTS, "stage": STAGE, "reason": REASON, "without_initrd": WITHOUT_INITRD}),
                "The verdict.",
            ),
            "hazards": (hazard, "What goes wrong, or may."),
            "assumptions": ASSUMPTIONS,
            "alternatives": (alternative, "Other values that a guess may well have, and what comes of them."),
            "rules": (rules(), "The rules that were applied, and why."),
            "kernel": (kernel, "The kernel as it was understood."),
            "registers": (
                record(registers(), optional=registers()),
                "The registers that the kernel sets for its tables.",
            ),
            "zones": (zone, "The zones of the page allocator."),
            "states": (table_of(state), "The moments that were asked for (--stage), by the step that they are after."),
        },
        about="A board's memory, predicted up to any step of the boot.",
    )


def check() -> Schema:
    """``bootmap.check/1``."""
    where = rows(
        {
            "kind": (
                one_of("device tree", "command line", "configuration", "option", "kernel", "environment variable"),
                "What was given.",
            ),
            "text": (TEXT, "The property, parameter or option, as it stands there."),
            "offset": (maybe(NATURAL), "Byte of the device tree, character of the command line."),
            "file": (maybe(TEXT), "The source file, where the tree was compiled here."),
            "line": (maybe(LINE), "Its line."),
        }
    )
    change = rows(
        {
            "text": (TEXT, "What to write."),
            "note": (TEXT, "What else is to be known."),
            "after": (TEXT, "The verdict once it was applied and predicted again."),
            "recommended": (FLAG, "The one to take where there are several."),
        }
    )
    finding = rows(
        {
            "rule": (TEXT, "The rule's name, see the rules of check."),
            "severity": (one_of("error", "warning", "info"), "How bad it is here."),
            "title": (TEXT, "The finding in one line."),
            "cause": (TEXT, "Why, with the numbers."),
            "decides": (FLAG, "The verdict hangs on it."),
            "address": (maybe(NATURAL), _ADDRESS),
            "where": (where, "Its places, the first is the one to look at."),
            "changes": (change, "What to change; each was predicted again."),
            "advice": (TEXTS, "What else would do, that cannot be applied to what was given."),
            "table": (many(TEXTS), "Rows of cells to show with it, the first being the heads."),
            "suppressed": (maybe(TEXT), "Why it does not count; null where it does."),
            "fingerprint": (TEXT, "Tells it from others in a baseline."),
        }
    )
    budget = record(
        {
            "lowmem": (NATURAL, "Bytes of lowmem."),
            "highmem": (NATURAL, "Bytes of highmem."),
            "left": (NATURAL, "Bytes of lowmem that are left for the page allocator."),
            "items": (
                rows({"name": (TEXT, "What takes it."), "size": (NATURAL, "Bytes.")}),
                "What takes lowmem.",
            ),
        }
    )
    assumption = rows(
        {
            "text": (TEXT, "What was taken, and how it was chosen."),
            "option": (maybe(TEXT), "The option that replaces it."),
            "value": ({"type": ["integer", "string", "null"]}, "The value that was taken, where it is one value."),
        }
    )
    board = rows(
        {
            "board": (TEXT, "The board's file."),
            "kernel": (
                record(
                    {"release": (TEXT, "Its version."), "profile": (maybe(TEXT), "The typical kernel it stands for.")}
                ),
                "The kernel.",
            ),
            "cpu": (TEXT, "The boot CPU."),
            "outcome": (
                record({"boots": BOOTS, "without_initrd": WITHOUT_INITRD, "stage": STAGE, "reason": REASON}),
                "The verdict.",
            ),
            "findings": (finding, "What is wrong, the worst first."),
            "load_map": (layout_rows(), "What lies where when the kernel starts."),
            "budget": (maybe(budget), "Where lowmem goes; null where the boot ends before it is known."),
            "assumptions": (assumption, "What was not given, and what was taken instead."),
            "predictions": (NATURAL, "How many boots were predicted."),
            "together": (
                maybe(TEXT),
                "The verdict with all recommended changes, where one alone does not do; null elsewhere.",
            ),
        }
    )
    return document("bootmap.check/1", {"boards": (board, "Each board.")}, about="What is wrong with boards.")


def layout() -> Schema:
    """``bootmap.layout/1``."""
    return document(
        "bootmap.layout/1",
        {"objects": (layout_rows(), "Everything in RAM, by address.")},
        about="The load map: what lies where when the kernel starts.",
    )


def _outcome() -> Schema:
    return record({"boots": BOOTS, "stage": STAGE, "reason": REASON})


def plan() -> Schema:
    """``bootmap.plan/1``."""
    overlap = rows(
        {
            "name": (TEXT, "The other object."),
            "start": (NATURAL, "Where both are."),
            "size": (NATURAL, "Bytes of it."),
        }
    )
    return document(
        "bootmap.plan/1",
        {
            "loader": (TEXT, "The boot loader."),
            "outcome": (_outcome(), "The verdict; null without a kernel."),
            "verdict": (maybe(values_of(Verdict)), "The same as a word."),
            "entry": (NATURAL, "Physical address of the kernel's first instruction."),
            "kernel": (RANGE, "The kernel's bytes when it is started: start, and the address behind them."),
            "ramdisk": (maybe(RANGE), "The ramdisk's, in the end."),
            "dtb": (maybe(RANGE), "The device tree's, in the end, with all its room."),
            "in_place": (FLAG, "The tree was not moved."),
            "says": (TEXTS, "Lines that the loader prints, in order."),
            "load_map": (rows(load_map_keys(overlap)), "Everything in RAM, by address."),
            "assumptions": ASSUMPTIONS,
            "crash_kernel": (maybe(RANGE), "kexec and kdump: the area of crashkernel=; null for kexec -e."),
            "command_line": (maybe(TEXT), "kexec and kdump: what the second kernel is told; null for the tree's."),
            "advice": (TEXT, "kexec and kdump: what to change; empty where nothing is to be."),
        },
        about="What a boot loader places where, and whether that boots.",
        optional=("crash_kernel", "command_line", "advice"),
    )


def proposal() -> Schema:
    """``bootmap.proposal/1``."""
    proof = rows(
        {
            "board": (TEXT, "The board's file."),
            "loader": (TEXT, "The boot loader."),
            "as_it_is": (_outcome(), "The verdict with the kernel that was given."),
            "larger": (_outcome(), "With one that is larger."),
        }
    )
    return document(
        "bootmap.proposal/1",
        {
            "variables": (table_of(maybe(TEXT)), "The loader's variables, null for those to delete."),
            "times": (NUMBER, "How many times larger a kernel may be."),
            "constraints": (TEXTS, "What decided."),
            "proofs": (proof, "The boots that prove it."),
        },
        about="Addresses that are safe (bootmap plan --propose).",
    )


def mem_types() -> Schema:
    """``bootmap.mem-types/1``."""
    protection = record(
        {
            "prot_pte": (NATURAL, "Of a page: Linux's own bits."),
            "prot_l1": (NATURAL, "Of a first-level descriptor that points to a table."),
            "prot_sect": (NATURAL, "Of a section."),
            "domain": (NATURAL, "The domain."),
        }
    )
    adjustment = rows(
        {
            "field": (TEXT, "Which of these was changed."),
            "bits": (NATURAL, "The bits."),
            "set": (FLAG, "They were set; else cleared."),
            "types": (TEXTS, "In which types."),
            "why": (TEXT, "Because of what."),
        }
    )
    return document(
        "bootmap.mem-types/1",
        {
            "policy": (TEXT, "The cache policy."),
            "shared": (FLAG, "RAM is mapped shareable."),
            "types": (table_of(protection), "Each memory type, by its name without MT_."),
            "adjustments": (adjustment, "How the kernel's static table became this one."),
        },
        about="The kernel's memory types (mem_types) for a CPU.",
    )


def features() -> Schema:
    """``bootmap.features/1``."""
    feature = rows(
        {
            "feature": (TEXT, "The rule's name."),
            "on": (maybe(FLAG), "Whether it holds; null where an option decides that is not known."),
            "because": (one_of("version", "stable", "config", "override"), "What decides."),
            "why": (TEXT, "The same in words."),
            "options": (TEXTS, 'Options that matter, "!" before one that must be unset.'),
            "section": (TEXT, "What it belongs to."),
            "summary": (TEXT, "What the rule is."),
            "source": (TEXT, "Where it is seen."),
        }
    )
    kernel = rows({"version": (TEXT, "The kernel's version."), "features": (feature, "Its rules.")})
    return document(
        "bootmap.features/1", {"kernels": (kernel, "Each kernel.")}, about="Which rules hold for which kernel."
    )


def memblock() -> Schema:
    """``bootmap.memblock/1``."""
    step = rows(
        {
            "line": (LINE, "Line of the script."),
            "op": (TEXT, "The call."),
            "result": ({"type": "integer"}, "What it returned."),
            "current_limit": (NATURAL, "memblock.current_limit."),
            "bottom_up": (FLAG, "memblock.bottom_up."),
            "memory": (regions(), "memblock.memory: [base, size, flags]."),
            "reserved": (regions(), "memblock.reserved."),
            "free": (many(tuple_of(NATURAL, NATURAL)), "What is free: [start, end), as for_each_free_mem_range."),
            "ranges": (many(tuple_of(NATURAL, NATURAL)), "What the kernel maps: [start, end), as for_each_mem_range."),
        }
    )
    rule = rows(
        {
            "feature": (TEXT, "The rule's name."),
            "on": (FLAG, "Whether it holds."),
            "source": (TEXT, "Where it is seen."),
        }
    )
    death = record(
        {
            "line": (LINE, "Line of the script."),
            "op": (TEXT, "The call."),
            "reason": (TEXT, "Why the kernel dies there."),
        }
    )
    return document(
        "bootmap.memblock/1",
        {
            "kernel_version": (TEXT, "Whose rules hold."),
            "width": ({"enum": [32, 64]}, "Bits of phys_addr_t."),
            "rules": (rule, "The rules that bear on memblock."),
            "steps": (step, "The state after each call."),
            "death": (maybe(death), "Where the kernel dies; null where it does not."),
        },
        about="memblock after each call of a script.",
    )
