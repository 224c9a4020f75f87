"""What the boot loader's own lines show to be wrong with what it hands over, whatever the kernel is.

    Load Address: 80008000                           PHYS_OFFSET 0x80000000
    Loading Device Tree to bfef3000                  1022 MiB behind it: lowmem ends at 760 MiB
    ## Starting application at 0x00008000            `go` hands over neither a device tree nor a machine number
    Error: unrecognized/unsupported machine ID (r1 = 0x00000ca7), and the table of those that are known

Not here: what a prediction for the very board says (``predicted``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from bootmap.bootlog.findings import LogChange, LogFinding, Reason
from bootmap.bootlog.loaded import GRANULE, GROWS, image_bytes, overlapping, written_by_decompressor
from bootmap.bootlog.progress import Ending
from bootmap.inputs.sought import Sought
from bootmap.inputs.uimage import HEADER_BYTES
from bootmap.units import MIB, align_up, hex_address, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.bootlog.case import LogCase
    from bootmap.bootlog.log import Said

LOWMEM = 760 * MIB
"""Lowmem of a 3 GiB split with the vmalloc area's usual size (arch/arm/mm/mmu.c, before 5.x 752 to 768 MiB)."""
_MACHINE = re.compile(r"unrecognized/unsupported machine ID \(r1 = 0x([0-9a-f]{8})\)")
_ROW = re.compile(r"^([0-9a-f]{8})\s+(\S.*)$")
_GO = re.compile(r"## Starting application at (0x[0-9a-fA-F]{1,8})")
_ANY_DT = 0xFFFFFFFF
_R1_R2 = re.compile(r"r1=(?:0x)?([0-9a-f]{1,8}), r2=(?:0x)?([0-9a-f]{1,8})(?:\s+r2\[\]=((?:[0-9a-f]{2} ?){1,32}))?")
_FDT_MAGIC, _ATAG_CORE = ["d0", "0d", "fe", "ed"], ["01", "00", "41", "54"]
_BLOCKS = Sought(re.compile(r"\b(\d{1,8}) blocks read: "))
_BLOCK = 512
_WRONG_RAMDISK = Sought(re.compile(r"Wrong Ramdisk Image Format|Ramdisk image is corrupt or invalid"))
_NAMES_TREE = Sought(re.compile(r"Loading devicetree from|[Uu]sing (?:the )?device ?tree|[Ll]oading device tree"))
_FIT = re.compile(r"Loading kernel from FIT Image at ([0-9a-f]{4,8})")
_BOOTM = re.compile(r"\bboot[mz] (?:0x)?([0-9a-f]{4,8}) (?:0x)?([0-9a-f]{4,8})\b")


class _Start(NamedTuple):
    """PHYS_OFFSET by the address at which the boot loader starts the kernel, and the line."""

    phys_offset: int
    address: int
    line: int


def handover_findings(case: LogCase) -> list[LogFinding]:
    """What is wrong with where the boot loader put things, and with what it hands over."""
    return [
        *_by_machine_id(case),
        *_by_registers(case),
        *_by_places(case),
        *(list(overlapping(case)) or _in_the_way(case)),
        *_cut_images(case),
        *_wrong_ramdisk(case),
    ]


def _cut_images(case: LogCase) -> Iterator[LogFinding]:
    """An image of which the boot loader read fewer blocks than it has."""
    size = case.log.first("image_size")
    if size is None:
        return
    read = next(((n, int(m[1])) for n, line in case.lines() if (m := _BLOCKS.search(line))), None)
    bad = next((n for n, line in case.lines() if "Bad Data CRC" in line), None)
    if read is None or bad is None or not read[0] < size.line < bad:
        return
    need = size.number("count") + HEADER_BYTES
    blocks = -(-need // _BLOCK)
    if read[1] >= blocks:
        return
    reasons = (
        Reason(read[0], f"{read[1]} blocks are read, {size_text(read[1] * _BLOCK)}"),
        Reason(size.line, f"the image has {size.number('count')} bytes, and {HEADER_BYTES} of header: {blocks} blocks"),
        Reason(bad, f"so the last {size_text(need - read[1] * _BLOCK)} are missing, and its checksum does not fit"),
    )
    text = f"read {blocks:#x} ({blocks}) blocks or more in place of {read[1]:#x}: `mmc read ADDRESS BLOCK {blocks:#x}`"
    yield LogFinding("bad-crc", True, "the image is not read whole", reasons, (LogChange(text),))


def _wrong_ramdisk(case: LogCase) -> Iterator[LogFinding]:
    """A second argument of bootm that is no ramdisk, though the FIT may have its own."""
    found = case.boot.line_with(_WRONG_RAMDISK)
    if found is None:
        return
    wrong = found[0]
    fit = next(((n, m[1]) for n, line in case.lines() if n < wrong and (m := _FIT.search(line))), None)
    told = next(((n, m) for n, line in case.lines() if (m := _BOOTM.search(line))), None)
    reasons = [Reason(wrong, "what bootm is given for the ramdisk has no header that it knows")]
    if told is not None:
        reasons.append(Reason(told[0], f"bootm is given 0x{told[1][2]} for the ramdisk"))
    changes = []
    if fit is not None:
        reasons.insert(0, Reason(fit[0], f"the kernel is in a FIT at 0x{fit[1]}, which may hold a ramdisk of its own"))
        changes.append(LogChange(f"bootm {fit[1]}: without a second argument the FIT's own ramdisk is taken"))
        if told is not None:
            changes.append(LogChange(f"setenv bootcmd bootm {fit[1]}; saveenv"))
    changes.append(
        LogChange("a ramdisk without a header needs its size: bootm KERNEL RAMDISK:SIZE DTB; none: bootm KERNEL - DTB")
    )
    yield LogFinding(
        "wrong-ramdisk",
        True,
        "the boot loader finds no ramdisk where it is told to look",
        tuple(reasons),
        tuple(changes),
    )


def _start(case: LogCase) -> _Start | None:
    said = case.kernel_at()
    return _Start(said.number("start") & -GRANULE, said.number("start"), said.line) if said else None


def _by_places(case: LogCase) -> Iterator[LogFinding]:
    """The device tree or the initrd where lowmem cannot be."""
    start = _start(case)
    tree = case.log.first("dtb")
    if tree is not None:
        base = start.phys_offset if start else _ram_start(case)
        if base is not None and tree.number("start") - base >= LOWMEM and not _maps_apart(case):
            yield _above(case, "dtb-above-lowmem", "the device tree", tree, base, start, "fdt_high")
    initrd = case.log.first("ramdisk")
    if initrd is not None:
        base = start.phys_offset if start else _ram_start(case)
        if base is not None and initrd.number("start") - base >= LOWMEM:
            yield _above(case, "initrd-above-lowmem", "the initrd", initrd, base, start, "initrd_high")


def _in_the_way(case: LogCase) -> Iterator[LogFinding]:
    """The device tree or the initrd where the decompressor may write, for a boot of which the kernel said nothing.

    It unpacks the kernel to 32 KiB into RAM.  Where it runs in the way itself, it first moves behind where the kernel
    will end (arch/arm/boot/compressed/head.S).
    """
    written = written_by_decompressor(case)
    if written is None or case.progress.reached("started") or case.progress.ending is not Ending.SILENT:
        return
    base, moves = written.base, written.moves
    start = case.kernel_at()
    line = start.line if start is not None else 0
    log = case.log
    for what, said, variable in (
        ("the device tree", log.first("dtb") or log.first("blob"), "fdt_addr_r"),
        ("the initrd", log.first("ramdisk") or log.first("ramdisk_at"), "ramdisk_addr_r"),
    ):
        if said is None or not base <= said.number("start") < written.most:
            continue
        at = said.number("start")
        text = (
            f"the zImage has {image_bytes(case) / MIB:.1f} MiB, and such kernels are {GROWS[0]} to {GROWS[1]} times as "
            f"large: it "
            f"is unpacked to {hex_address(base)}" + (", and the zImage moves itself behind it first" if moves else "")
        )
        reasons = (
            Reason(line, text),
            Reason(0, f"so it writes up to {hex_address(written.least)} at least, {hex_address(written.most)} at most"),
            Reason(said.line, f"{what} is at {hex_address(at)}"),
        )
        clear = hex_address(align_up(written.most, MIB))
        change = LogChange(f"setenv {variable} {clear}, or higher, and load it there")
        yield LogFinding(
            "in-decompressors-way", True, f"{what} lies where the decompressor may write", reasons, (change,), False
        )


def _ram_start(case: LogCase) -> int | None:
    said = case.log.first("dram_bank") or case.log.first("bd_start")
    return said.number("start") if said else None


def _maps_apart(case: LogCase) -> bool:
    """Whether the kernel is known to map the device tree by itself."""
    return case.found is not None and case.found.replay.state.kernel.has("fdt_fixed_base")


def _above(case: LogCase, id: str, what: str, said: Said, base: int, start: _Start | None, variable: str) -> LogFinding:
    at = said.number("start")
    virtual = at - base + 0xC0000000 & 0xFFFFFFFF
    reasons = [Reason(said.line, f"the boot loader put {what} at {hex_address(at)}")]
    if start is not None:
        text = f"the zImage runs at {hex_address(start.address)}, so PHYS_OFFSET is {hex_address(base)}"
        reasons.append(Reason(start.line, text))
    else:
        reasons.append(Reason(0, f"RAM begins at {hex_address(base)}"))
    reasons.append(
        Reason(
            0,
            f"{what} would be at virtual {hex_address(virtual)}, and lowmem ends at 0xef800000, {size_text(LOWMEM)} "
            f"into RAM, with the usual split: what lies above is not mapped when the kernel reads it",
        )
    )
    end = hex_address(base + LOWMEM)
    changes = [
        LogChange(f"setenv {variable} {end}, or setenv bootm_size {hex_address(LOWMEM)}: {what} then stays in lowmem"),
        LogChange(f"setenv {variable} 0xffffffff leaves it where it was loaded, which must then be below {end}"),
    ]
    if variable == "fdt_high":
        changes.append(LogChange("Linux 5.11, 5.10.38 or 5.4.120 map the device tree apart, wherever it lies"))
    fatal = variable == "fdt_high"
    headline = f"{what} lies above lowmem, where the kernel cannot read it"
    return LogFinding(
        id, fatal, headline, tuple(reasons), tuple(changes), certain=not case.progress.reached("memory types")
    )


def _by_machine_id(case: LogCase) -> Iterator[LogFinding]:
    """A machine number that the kernel does not know, beside those that it lists."""
    lines = list(case.lines())
    for at, (number, text) in enumerate(lines):
        match = _MACHINE.search(text)
        if match is None:
            continue
        asked = int(match[1], 16)
        rows = [(int(row[1], 16), row[2].strip()) for _, line in lines[at : at + 80] if (row := _ROW.match(line))]
        machines = [(value, name) for value, name in rows if value != _ANY_DT]
        trees = len(machines) < len(rows)
        go = next(((n, m[1]) for n, line in lines[:at] if (m := _GO.search(line))), None)
        yield _unknown_machine(case, number, asked, machines, trees=trees, go=go)
        return


def _by_registers(case: LogCase) -> Iterator[LogFinding]:
    """What 4.17 and later print of r1 and r2, and of what r2 points to."""
    lines = list(case.lines())
    for at, (number, text) in enumerate(lines):
        if "invalid dtb and unrecognized/unsupported machine ID" not in text:
            continue
        said = " ".join(line for _, line in lines[at : at + 4])
        match = _R1_R2.search(said)
        if match is None:
            return
        r2, first = int(match[2], 16), match[3] or ""
        yield _handed(case, number, r2, first.split())
        return


def _handed(case: LogCase, line: int, r2: int, first: list[str]) -> LogFinding:
    tree = case.log.first("dtb") or case.log.first("blob")
    what = f"r2 is {hex_address(r2)}"
    changes = [LogChange("bootz KERNEL - DTB: give the device tree's address, clear of what the zImage writes")]
    if r2 == 0:
        cause = f"{what}: the boot loader hands over neither a device tree nor tags"
    elif first[:4] == _FDT_MAGIC:
        cause = f"{what}, and there is a device tree: its compatible is of no machine in this kernel"
        changes = [LogChange("the device tree of this board, or a kernel with its machine: the list below the message")]
    elif first[4:8] == _ATAG_CORE:
        cause = f"{what}, a list of tags, for a kernel that has no machine of this number: it needs a device tree"
    else:
        begins = " ".join(first[:4]) or "nothing"
        cause = f"{what}, and what lies there begins with {begins}: no device tree, which begins with d0 0d fe ed"
        if tree is not None and tree.number("start") == r2:
            cause += "; the boot loader had put one there: it was overwritten since"
    return LogFinding(
        "no-tags-no-dtb",
        True,
        "the kernel finds no device tree that it accepts",
        (Reason(line, cause),),
        tuple(changes),
    )


def _unknown_machine(
    case: LogCase, line: int, asked: int, machines: list[tuple[int, str]], *, trees: bool, go: tuple[int, str] | None
) -> LogFinding:
    reasons = [Reason(line, f"r1 is {asked:#x}, a machine that the kernel does not know")]
    changes: list[LogChange] = []
    tree = case.log.first("dtb") or case.log.first("blob")
    if go is not None:
        reasons.insert(0, Reason(go[0], "`go` jumps to the kernel and hands over nothing: r2 is no device tree"))
        changes.append(LogChange(f"bootz {go[1]} - DTB_ADDRESS in place of go"))
    elif trees and tree is None and (named := case.boot.line_with(_NAMES_TREE)) is not None:
        text = "the boot loader loads a device tree, and the kernel does not accept it: it was overwritten, or its "
        reasons.append(Reason(named[0], f"{text}compatible is of no machine in this kernel"))
        changes.append(LogChange("put the device tree behind the zImage and what it unpacks to"))
        changes.append(LogChange("the device tree of this board, or a kernel with its machine: the list says which"))
    elif trees and tree is None:
        reasons.append(Reason(0, "the kernel has machines with a device tree, and the boot loader names none"))
        changes.append(LogChange("bootz KERNEL - DTB, or bootm KERNEL - DTB: give the device tree's address"))
        changes.append(
            LogChange(
                "a boot loader that is too old to hand one over: append it to the zImage "
                "(CONFIG_ARM_APPENDED_DTB), or update the boot loader"
            )
        )
    elif tree is not None:
        text = (
            f"the device tree at {hex_address(tree.number('start'))} was not accepted: it was overwritten, or is none"
        )
        reasons.append(Reason(tree.line, text))
        changes.append(LogChange("put the device tree behind the zImage and what it unpacks to"))
    if machines:
        known = ", ".join(f"{value:#x} ({name})" for value, name in machines[:3])
        reasons.append(Reason(0, f"it knows {known}" + (" and more" if len(machines) > 3 else "")))
    if len(machines) == 1 and not trees:
        value, name = machines[0]
        changes.append(LogChange(f"setenv machid {value:x}: the boot loader then says that it is {name}"))
    if not changes:
        changes.append(LogChange("bootz KERNEL - DTB: give a device tree; or a kernel with this machine's own support"))
    return LogFinding("machine-unknown", True, "the kernel knows no such machine", tuple(reasons), tuple(changes))


def initrd_reasons(case: LogCase) -> tuple[list[Reason], list[LogChange]]:
    """What the sizes and addresses of the boot loader say of an initrd that is damaged or in the way.

    And where it would be clear of the kernel, however large that is.
    """
    start = _start(case)
    told = next((line for _, line in case.lines() if "INITRD: 0x" in line), "")
    match = re.search(r"INITRD: (0x[0-9a-f]+)\+", told)
    size = image_bytes(case)
    if start is None or match is None or not size:
        return [], []
    at, base = int(match[1], 16), start.phys_offset + 0x8000
    least, most = (base + factor * size for factor in GROWS)
    if not base <= at < most:
        return [], []
    text = (
        f"the zImage has {size / MIB:.1f} MiB: the kernel is unpacked to {hex_address(base)} and, as large as such "
        f"kernels are, ends between {hex_address(least)} and {hex_address(most)}; the initrd is at {hex_address(at)}"
    )
    clear = align_up(most, MIB)
    change = LogChange(f"load the initrd at {hex_address(clear)} or higher, clear of the largest such kernel")
    return [Reason(start.line, text)], [change]
