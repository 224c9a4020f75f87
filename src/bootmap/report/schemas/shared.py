"""What more than one document holds."""

from __future__ import annotations

from bootmap.facts.arm.faults import FaultKind
from bootmap.facts.arm.memory_attrs import MemoryType, Policy, Shareability
from bootmap.facts.arm.permissions import DomainAccess
from bootmap.facts.arm.regs import ARCHES
from bootmap.report.schemas.words import (
    FLAG,
    INTEGER,
    LINE,
    NATURAL,
    NATURALS,
    TEXT,
    TEXTS,
    Keys,
    many,
    maybe,
    names_of,
    one_of,
    record,
    rows,
    tuple_of,
    values_of,
)

RANGE = tuple_of(NATURAL, NATURAL)
RIGHTS = {"type": "string", "pattern": "^[r-][w-][x-]$"}
ARCH = one_of(*ARCHES)
FORMAT = one_of("short", "long")
FAULT = values_of(FaultKind)
KIND_OF_OBJECT = one_of("directory", "kernel", "bss", "zimage", "work", "dtb", "initrd", "reserved", "loader", "image")

_REGISTERS = ("SCTLR", "TTBR0", "TTBR1", "TTBCR", "DACR", "PRRR", "NMRR", "MAIR0", "MAIR1")
_NAMED: Keys = {name: (NATURAL, f"{name}, where it counts with these descriptors.") for name in _REGISTERS}

BOOTS = (maybe(FLAG), "Whether it boots; null: UNCERTAIN, the reason says what it hangs on.")
STAGE = (maybe(TEXT), "The step of the boot in which it ends, null where it does not.")
REASON = (maybe(TEXT), "Why, in words.")
WITHOUT_INITRD = (FLAG, "It boots, and its initrd is lost on the way.")
ASSUMPTIONS = (TEXTS, "What was not given, and what was taken instead.")


def registers() -> Keys:
    """The registers that decide a translation; those that do not count are left out."""
    return dict(_NAMED)


def source_keys() -> Keys:
    """Where tables were read, as every command that reads tables says it."""
    return {
        "source": (
            record({"name": (TEXT, "As it was given."), "kind": (TEXT, "What it was found to be.")}),
            "Where the tables were read.",
        ),
        "registers": (
            record({"arch": (ARCH, "The version of the architecture."), **registers()}, optional=_REGISTERS),
            "The registers with which they were read.",
        ),
        "assumptions": ASSUMPTIONS,
    }


def attributes_keys() -> Keys:
    """What a mapping is."""
    return {
        "kernel": (RIGHTS, "What the kernel may: read, write, execute."),
        "user": (RIGHTS, "What user mode may."),
        "memory": (_memory(), "Memory type and caches."),
        "domain": (maybe(NATURAL), "Domain of short descriptors."),
        "domain_access": (maybe(names_of(DomainAccess, lower=True)), "What DACR says of the domain."),
        "accessed": (maybe(FLAG), "The access flag."),
        "global": (FLAG, "It holds for every address space (nG is clear)."),
        "secure": (FLAG, "It is Secure memory."),
    }


def _memory() -> dict[str, object]:
    cache = maybe(
        record(
            {
                "policy": (values_of(Policy), "What the cache does with a write."),
                "read_allocate": (FLAG, "A read that misses allocates a line."),
                "write_allocate": (FLAG, "A write that misses allocates a line."),
                "transient": (FLAG, "It will not be needed for long."),
            }
        )
    )
    return record(
        {
            "type": (values_of(MemoryType), "The architecture's memory type."),
            "inner": (cache, "The inner caches; null for memory that is not Normal."),
            "outer": (cache, "The outer caches."),
            "shareability": (values_of(Shareability), "Who sees accesses in the same order."),
        }
    )


def fault_keys() -> Keys:
    """An access or a walk that the CPU aborts."""
    return {
        "fault": (FAULT, "What is wrong."),
        "level": (NATURAL, "The level of the descriptor that is to blame."),
        "status": (NATURAL, "FS[4:0] of short descriptors, STATUS[5:0] of long ones."),
        "fsr": (maybe(NATURAL), "The fault status register as the CPU sets it."),
        "domain": (maybe(NATURAL), "The domain, where one was read."),
    }


def load_map_keys(overlaps: dict[str, object]) -> Keys:
    """One object in RAM when the kernel starts."""
    return {
        "name": (TEXT, "For people."),
        "kind": (KIND_OF_OBJECT, "What it is."),
        "start": (NATURAL, "Physical address of its first byte."),
        "size": (NATURAL, "Bytes."),
        "gap": (
            maybe(INTEGER),
            "Free bytes up to the next object or the end of RAM; null where something overlaps it, or RAM's end is not "
            "known.",
        ),
        "overlaps": (overlaps, "What it does harm to, or what does harm to it."),
        "outside_ram": (FLAG, "Some of it is where there is no RAM."),
    }


def layout_rows() -> dict[str, object]:
    """The load map as `check` and `layout` print it."""
    return rows(load_map_keys(TEXTS))


def rules() -> dict[str, object]:
    """Rules that hold for a kernel."""
    return rows(
        {
            "feature": (TEXT, "The rule's name."),
            "on": (FLAG, "Whether it holds."),
            "because": (one_of("version", "stable", "config", "override"), "What decides."),
            "source": (TEXT, "Where it is seen."),
        }
    )


def words_compared() -> Keys:
    """How many words of page tables were compared, by moment."""
    moments = record(
        {
            "before": (NATURAL, "On entry to paging_init()."),
            "after": (NATURAL, "On its return."),
            "late": (NATURAL, "When init is about to run."),
        },
        optional=("before", "after", "late"),
    )
    return {
        "words": (moments, "Words of page tables that were compared, by moment."),
        "wrong_words": (moments, "How many of them differ, by moment."),
    }


def evidence_line() -> tuple[dict[str, object], str]:
    """A line of a log, as a key's schema and words."""
    return maybe(LINE), "Line of the log, from 1."


def regions() -> dict[str, object]:
    """Regions of memblock: base, size, flags."""
    return many(tuple_of(NATURAL, NATURAL, NATURAL))


def granules() -> tuple[dict[str, object], str]:
    """The sizes that a range is mapped by."""
    return NATURALS, "By which sizes it is mapped, in bytes."
