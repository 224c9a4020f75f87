"""Maps that kill kernels as text: the list, one in full, and the letter to the kernel's developers."""

from __future__ import annotations

import shlex
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bootmap.verify.kernel_findings import FindingRecord, Reproduction

_WIDTH, _MAIL = 100, 72
_JUMPED = "The five words of data are a boot loader: r0 = 0, r1 = ~0, r2 = the device tree, and a jump to the zImage."
_COPIED = (
    "The words of data are a boot loader: r0 = 0, r1 = ~0, r2 = the device tree, a copy of 32 MiB from 0x42008000 to "
    "0x40008000, and a jump there."
)
_UNPACKED = (
    "The Image is arch/arm/boot/Image of a kernel whose TEXT_OFFSET is 0x8000: the decompressor of a zImage since 5.12 "
    "finds no RAM at 0x40000000 in the device tree, and puts the kernel at the first multiple of 2 MiB in RAM."
)


def findings_list(records: Sequence[FindingRecord]) -> Iterator[str]:
    """One line a finding: its name, who died of it, what it is."""
    widest = max(len(record.finding.name) for record in records)
    for record in records:
        died = [boot.kernel.split()[0] for boot in record.boots if boot.died]
        yield f"{record.finding.name:<{widest}}  {record.finding.title}"
        fate = f"died: {', '.join(dict.fromkeys(died))}" if died else "all that were booted came back"
        yield f"{'':<{widest}}  {fate}"
    yield ""
    yield "bootmap findings NAME tells of one: what happens, why, and how to see it under QEMU."


def finding_text(record: FindingRecord, kernel: str | None) -> Iterator[str]:
    """One finding in full."""
    finding = record.finding
    yield from _paragraph(f"{finding.name}: {finding.title}")
    for head, text in (
        ("The board", finding.board),
        ("What happens", finding.cause),
        ("Concerns", finding.concerns),
        ("Until it is changed", finding.avoid),
        ("Proposed change", finding.change or "none: the board is to be changed, not the kernel"),
        ("The change, tried", finding.tried),
        ("Source", finding.source),
    ):
        if text:
            yield f"\n{head}"
            yield from _paragraph(text, indent="  ")
    yield "\nBooted under QEMU 7.2"
    yield from _boots(record)
    if record.by_qemu:
        if finding.alive:
            yield "\nTo see it: trace.log begins with the exception, and nothing is on the console"
        else:
            yield "\nTo see it: the end of trace.log repeats one exception, and nothing is on the console"
        if finding.unpacked:
            yield from _paragraph(_UNPACKED, indent="  ")
        yield from _qemu(record, kernel or record.kernel_file, str(record.dtb))
    else:
        yield "\nTo see it: a zImage would choose another PHYS_OFFSET; `bootmap verify` places the unpacked kernel"
        yield f"  bootmap verify {record.dtb} --kernel FOLDER --phys-offset {record.phys_offset:#x}"


def _sentence(text: str) -> str:
    """As a sentence begins; names of functions and parameters stay as they are."""
    word = text.partition(" ")[0]
    return f"{text[0].upper()}{text[1:]}" if word.isalpha() else text


def finding_letter(record: FindingRecord) -> Iterator[str]:
    """A report for linux-arm-kernel, plain text in lines that mail keeps."""
    finding = record.finding
    yield "To: linux-arm-kernel@lists.infradead.org"
    yield from textwrap.wrap(
        f"Subject: [BUG] ARM: {finding.title}", _MAIL, subsequent_indent=" ", break_on_hyphens=False
    )
    for text in (
        "Hello,",
        f"{_sentence(finding.title)}. {finding.cause}",
        f"The board: {finding.board} Its device tree is at the end.",
    ):
        yield ""
        yield from _paragraph(text, _MAIL)
    yield "\nWhat kernels do, under QEMU 7.2, machine virt, one Cortex-A15:\n"
    yield from _boots(record)
    yield ""
    yield from _paragraph(f"Concerns: {finding.concerns}", _MAIL)
    yield f"\nTo reproduce, with the {record.kernel_file} of an armv7 kernel:\n"
    yield f"  dtc -I dts -O dtb -o {finding.name}.dtb {finding.name}.dts"
    yield from _qemu(record, record.kernel_file, f"{finding.name}.dtb")
    yield ""
    yield from _paragraph(
        f"{_COPIED if finding.unpacked else _JUMPED} The first exception in trace.log is the one that the kernel dies "
        f"of.{f' {_UNPACKED}' if finding.unpacked else ''}",
        _MAIL,
    )
    for head, text in (
        ("Proposed change", finding.change),
        ("Tried", finding.tried),
        ("Code", finding.source),
        ("Workaround", finding.avoid),
    ):
        if text:
            yield ""
            yield from _paragraph(f"{head}: {text}", _MAIL)
    yield f"\n{finding.name}.dts:\n"
    yield from record.source.rstrip("\n").split("\n")


def reproduction_text(record: FindingRecord, result: Reproduction) -> Iterator[str]:
    """What a kernel of the user's did with the board."""
    if result.came_up:
        logged = f'"{record.finding.alive}"' if record.finding.alive else "its command line"
        yield f"{record.finding.name}: this kernel comes up: it has logged {logged}."
        return
    yield f"{record.finding.name}: this kernel does not come up; {len(result.console)} bytes on the console."
    for exception in dict.fromkeys(result.exceptions):
        yield f"  {exception}"
    if not result.exceptions:
        yield "  no exception: it waits or loops"


def _boots(record: FindingRecord) -> Iterator[str]:
    widest = max(len(boot.kernel) for boot in record.boots)
    for boot in record.boots:
        end = f"died: {boot.exception or 'no exception, it loops'}"
        if boot.came_back:
            end = f"died behind paging_init: {boot.exception}" if boot.died else "came back from paging_init"
        yield f"  {boot.kernel:<{widest}}  {end}"


def _qemu(record: FindingRecord, zimage: str, dtb: str) -> Iterator[str]:
    words = [shlex.quote(word) for word in record.qemu_arguments(zimage, dtb)]
    pairs = [f"{option} {value}" for option, value in zip(words[::2], words[1::2], strict=True)]
    yield f"  qemu-system-arm {' '.join(pairs[:3])} -nic none \\"
    for pair in pairs[3:]:
        yield f"    {pair} \\"
    yield "    -nographic -d int -D trace.log"


def _paragraph(text: str, width: int = _WIDTH, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text, width, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
