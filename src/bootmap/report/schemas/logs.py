"""Schemas of what is held against a console or a real kernel: diagnose, verify in its three forms, fuzz."""

from __future__ import annotations

from bootmap.bootlog.diagnosis import Harmless
from bootmap.bootlog.evidence import Confidence
from bootmap.bootlog.findings import LogChange, LogFinding, Reason
from bootmap.bootlog.judgement import Judgement
from bootmap.bootlog.progress import Ending
from bootmap.report.schemas.shared import ASSUMPTIONS, evidence_line, words_compared
from bootmap.report.schemas.words import (
    FLAG,
    LINE,
    NATURAL,
    TEXT,
    TEXTS,
    Schema,
    class_record,
    document,
    either,
    keys_of,
    many,
    maybe,
    names_of,
    one_of,
    record,
    rows,
    table_of,
    tuple_of,
    values_of,
)
from bootmap.verify.compare import ComparedAs
from bootmap.verify.fuzz.campaign import UNTESTABLE, Result

_KEXEC_AREAS = ("kernel", "ramdisk", "dtb", "headers")


def _findings() -> Schema:
    keys, _ = keys_of(LogFinding)
    keys["reasons"] = (many(class_record(Reason)), keys["reasons"][1])
    keys["changes"] = (many(class_record(LogChange)), keys["changes"][1])
    return rows(keys)


def _counts() -> Schema:
    told = {
        Judgement.MATCHED: "as predicted",
        Judgement.CONTRADICTED: "not as predicted",
        Judgement.UNMODELLED: "about what is not modelled",
        Judgement.INPUT: "from which the board was learnt",
    }
    return record({verdict.value: (NATURAL, f"Lines {text}.") for verdict, text in told.items()})


def diagnose() -> Schema:
    """``bootmap.diagnose/1``."""
    confidence = ({"enum": [each.word for each in Confidence]}, "How much it is worth.")
    pair = tuple_of(NATURAL, NATURAL)
    number = either({"type": ["integer", "string", "null"]}, pair, many(pair))
    witness = rows(
        {
            "low": (number, "The least that it allows."),
            "high": (number, "The most that it allows."),
            "confidence": confidence,
            "line": evidence_line(),
            "text": (TEXT, "The line, or what it follows from."),
        }
    )
    value = rows(
        {
            "quantity": (TEXT, "What it is."),
            "value": (number, "Its value; the initrd as start and bytes, RAM as such a pair for each bank."),
            "text": (TEXT, "The same in words."),
            "confidence": confidence,
            "option": (maybe(TEXT), "The option that gives it to the other commands."),
            "witnesses": (witness, "What speaks for it."),
            "against": (witness, "What speaks against it."),
        }
    )
    boot = rows(
        {
            "boot": (LINE, "Which boot of the capture."),
            "first_line": (NATURAL, "Its first line."),
            "title": (TEXT, "Board and kernel."),
            "headline": (TEXT, "What happened, in one sentence."),
            "ending": (values_of(Ending), "How it ended."),
            "last_milestone": (maybe(TEXT), "How far it came."),
            "findings": (_findings(), "What happened and why, the cause first."),
            "values": (value, "The board's numbers, each with its witnesses."),
            "harmless": (many(class_record(Harmless)), "Lines that frighten and do no harm."),
            "plan": (TEXTS, "What the boot loader is about to do, for a capture without a kernel."),
            "counts": (maybe(_counts()), "The lines, judged; null where nothing could be predicted."),
            "assumptions": ASSUMPTIONS,
            "refused": (maybe(TEXT), "Why nothing could be predicted."),
        }
    )
    return document(
        "bootmap.diagnose/1",
        {"source": (TEXT, "The capture."), "boots": (boot, "Each boot.")},
        about="What happened on a board's console.",
    )


def verify_log() -> Schema:
    """``bootmap.verify-log/1``."""
    judged = rows(
        {
            "file": (TEXT, 'Which file it is in, "" for the first log.'),
            "line": (maybe(LINE), "Its line; null for one that was predicted and is not there."),
            "kind": (TEXT, "What it is."),
            "text": (TEXT, "The line."),
            "verdict": (values_of(Judgement), "What became of it."),
            "log": (maybe(TEXT), "What it says, where it is contradicted."),
            "predicted": (maybe(TEXT), "What was predicted instead."),
            "why": (maybe(TEXT), "Why it is not modelled, or what else there is to know."),
        }
    )
    hazard = rows(
        {
            "id": (TEXT, "Stable name of the kind."),
            "stage": (TEXT, "The step that it happens in."),
            "message": (TEXT, "What happens, in words."),
            "address": (maybe(NATURAL), "An address that it is about."),
        }
    )
    return document(
        "bootmap.verify-log/1",
        {
            "lines": (NATURAL, "Lines in all."),
            "counts": (_counts(), "How many of them are what."),
            "judged": (judged, "Each line that bears on memory."),
            "outcome": (maybe(TEXT), "How the boot is predicted to end; null where it does not."),
            "hazards": (hazard, "What the prediction warns of."),
            "findings": (_findings(), "What the log itself shows to be wrong."),
            "neighbours": (TEXTS, "Rules of other versions that would explain what contradicts."),
            "assumptions": ASSUMPTIONS,
        },
        about="A prediction beside a boot's log.",
    )


def verify() -> Schema:
    """``bootmap.verify/1``."""
    outcome = record(
        {
            "lr": (TEXT, "Link register."),
            "pc": (TEXT, "Program counter."),
            "never_reached": (TEXT, "What the kernel never reached."),
            "log": (TEXTS, "Its log."),
            "first_exceptions": (TEXTS, "The first exceptions that the CPU took."),
        },
        optional=("first_exceptions",),
    )
    board = rows(
        {
            "board": (TEXT, "The board's name."),
            "machine": (TEXT, "QEMU's machine."),
            "memory": (NATURAL, "Bytes of its RAM."),
            "cpu": (TEXT, "The CPU."),
            "kernel": (TEXT, "The kernel's version."),
            "finding": (names_of(ComparedAs), "What the boot showed."),
            "predicted": (maybe(FLAG), "Whether it was predicted to boot."),
            **words_compared(),
            "lists": (NATURAL, "Lists of memblock that were compared."),
            "variables": (NATURAL, "Variables of the kernel that were compared."),
            "outcome": (maybe(outcome), "How the kernel ended; null where it came as far as it was read."),
            "differences": (TEXTS, "What differs."),
            "notes": (TEXTS, "What was taken for granted."),
        }
    )
    return document(
        "bootmap.verify/1", {"boards": (board, "Each board.")}, about="A real kernel, booted, beside its prediction."
    )


def verify_loader() -> Schema:
    """``bootmap.verify-loader/1``."""
    area = tuple_of(NATURAL, NATURAL, NATURAL, NATURAL)
    placed, by_uefi = ("says", "failed", "dtb", "loader_differences"), ("firmware", "map")
    by_uboot, by_barebox = ("uboot", *placed), ("barebox", *placed)
    by_kexec = ("kexec_tools", "command_line", "areas", "failed", "restart", "loader_differences")
    span = maybe(tuple_of(NATURAL, NATURAL))
    areas = record({name: (span, f"The {name}: start, and the address behind it.") for name in _KEXEC_AREAS})
    boot = rows(
        {
            "board": (TEXT, "The board's name."),
            "equal": (FLAG, "Nothing differs."),
            "finding": (maybe(values_of(ComparedAs)), "What the boot showed; null where no kernel was started."),
            **words_compared(),
            "uboot": (TEXT, "By U-Boot: its version."),
            "barebox": (TEXT, "By barebox: its version."),
            "says": (TEXTS, "Lines that U-Boot prints, or those of barebox's that tell addresses."),
            "failed": (TEXT, 'Why it starts no kernel, "" where it does.'),
            "dtb": (maybe(NATURAL), "Physical address of the device tree."),
            "loader_differences": (TEXTS, "What the loader did otherwise."),
            "firmware": (TEXT, "By UEFI: the firmware."),
            "map": (many(area), "Its memory map: [type, start, size, attributes]."),
            "kexec_tools": (TEXT, "By kexec: the version of kexec-tools."),
            "command_line": (TEXT, "What the second kernel is told."),
            "areas": (areas, "Where kexec puts what, physical."),
            "restart": (span, "IFAR and IFSR of a first kernel that dies on its way to the second; null for none."),
        },
        optional=(*by_uboot, "barebox", *by_uefi, *by_kexec),
    )
    boot["items"]["oneOf"] = [{"required": list(keys)} for keys in (by_uboot, by_barebox, by_uefi, by_kexec)]
    return document(
        "bootmap.verify-loader/1",
        {"boots": (boot, "Each boot.")},
        about="A real boot loader and kernel beside their prediction (bootmap verify --loader).",
    )


def fuzz() -> Schema:
    """``bootmap.fuzz/1``."""
    keys, optional = keys_of(Result, omits_defaults=True)
    finding = one_of(*ComparedAs.__members__, UNTESTABLE)
    keys["finding"] = (finding, keys["finding"][1])
    counts = {"type": "object", "propertyNames": finding, "additionalProperties": NATURAL}
    kind = rows(
        {
            "signature": (TEXT, "What failures of one cause have in common."),
            "count": (NATURAL, "How many there are."),
            "results": (rows(keys, optional=optional), "Each of them."),
        }
    )
    return document(
        "bootmap.fuzz/1",
        {
            "counts": (table_of(counts), "How often each finding came, by kernel."),
            "deaths": (table_of(NATURAL), "How often the kernel died of what was foreseen, by class."),
            "classes": (kind, "The boards on which bootmap was wrong, by class."),
        },
        about="What made-up boards showed.",
    )
