"""What ``bootmap verify --loader`` prints."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Any

from bootmap.output import text_width
from bootmap.units import hex_address
from bootmap.verify.loader.barebox_chain import BareboxBoot
from bootmap.verify.loader.chain import ChainBoot
from bootmap.verify.loader.kexec import KexecBoot

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bootmap.verify.loader.efi import EfiBoot

    Boot = ChainBoot | BareboxBoot | EfiBoot | KexecBoot

_WHEN = {"before": "on entry to paging_init", "after": "on its return"}


def chain_text(name: str, boot: Boot) -> str:
    """One boot: a verdict, what was compared, what differs."""
    lines = [f"{'EQUAL' if boot.equal else 'DIFFERENT'}: {name}, {_what(boot)}"]
    if isinstance(boot, ChainBoot | BareboxBoot):
        lines += _loader(boot)
    elif isinstance(boot, KexecBoot):
        lines += _kexec(boot)
    else:
        lines.append(f"  {len(boot.map.rows)} rows of the memory map, the tree at {hex_address(boot.entry.r2)}")
    if boot.comparison is not None:
        for moment, words in boot.comparison.words.items():
            wrong = boot.comparison.wrong_words[moment]
            differs = f"{wrong} differ" if wrong else "all equal"
            lines.append(f"  {_WHEN[moment]:<26} {words} words of page tables, {differs}")
        lines.append(f"  {boot.comparison.lists} lists and limits of memblock: {boot.comparison.finding.value}")
    return "\n".join(lines)


def _what(boot: Boot) -> str:
    if isinstance(boot, ChainBoot):
        return f"U-Boot {boot.uboot.version}"
    if isinstance(boot, BareboxBoot):
        return f"barebox {boot.barebox.text}"
    if isinstance(boot, KexecBoot):
        return f"{'kdump' if boot.placed.elfcorehdr else 'kexec'}, kexec-tools {'.'.join(map(str, boot.version))}"
    return f"by UEFI ({boot.firmware})"


def _kexec(boot: KexecBoot) -> Iterator[str]:
    placed = boot.placed
    if placed.failed:
        yield from textwrap.wrap(f"kexec loads nothing: {placed.failed}", text_width(), initial_indent="  ")
    elif placed.dtb is not None:
        parts = [f"zImage at {hex_address(placed.kernel.start)}"]
        parts += [f"initrd at {hex_address(placed.ramdisk.start)}"] if placed.ramdisk is not None else []
        parts += [f"tree at {hex_address(placed.dtb.start)}: byte for byte"]
        if placed.elfcorehdr is not None:
            parts += [f"crash headers at {hex_address(placed.elfcorehdr.start)}: their ranges of RAM"]
        if boot.restart is not None:
            address, status = boot.restart
            abort = f"a prefetch abort at {hex_address(address)}, IFSR {status:#x}"
            parts = [f"the first kernel dies in soft_restart: {abort}"]
        text = ", ".join(parts) if not boot.loader_differences else ""
        yield from textwrap.wrap(text, text_width(), initial_indent="  ", subsequent_indent="    ")
    for text in boot.loader_differences:
        yield from textwrap.wrap(text, text_width(), initial_indent="  ", subsequent_indent="    ")


def _loader(boot: ChainBoot | BareboxBoot) -> Iterator[str]:
    placed = boot.placed
    count = f"{len(placed.said)} lines of {'U-Boot' if isinstance(boot, ChainBoot) else 'barebox'}'s"
    if placed.failed:
        yield from textwrap.wrap(f"{count}; it starts no kernel: {placed.failed}", text_width(), initial_indent="  ")
    elif placed.dtb is not None:
        yield f"  {count}; the tree at {hex_address(placed.dtb.start)}, byte for byte"
    for text in boot.loader_differences:
        yield from textwrap.wrap(text, text_width(), initial_indent="  ", subsequent_indent="    ")


def chain_json(rows: Sequence[tuple[str, Boot]]) -> str:
    """All boots as one document (bootmap.verify-loader/1)."""
    return json.dumps({"schema": "bootmap.verify-loader/1", "boots": [_row(*row) for row in rows]}, indent=1)


def _row(name: str, boot: Boot) -> dict[str, Any]:
    comparison = boot.comparison
    row: dict[str, Any] = {
        "board": name,
        "equal": boot.equal,
        "finding": comparison.finding.value if comparison is not None else None,
        "words": comparison.words if comparison is not None else {},
        "wrong_words": comparison.wrong_words if comparison is not None else {},
    }
    if isinstance(boot, ChainBoot | BareboxBoot):
        dtb = boot.placed.dtb
        row |= {"uboot": boot.uboot.version} if isinstance(boot, ChainBoot) else {"barebox": boot.barebox.text}
        row |= {
            "says": boot.placed.said,
            "failed": boot.placed.failed,
            "dtb": dtb.start if dtb is not None else None,
            "loader_differences": list(boot.loader_differences),
        }
    elif isinstance(boot, KexecBoot):
        placed = boot.placed
        spans = {"kernel": placed.kernel, "ramdisk": placed.ramdisk, "dtb": placed.dtb, "headers": placed.elfcorehdr}
        row |= {
            "kexec_tools": ".".join(map(str, boot.version)),
            "command_line": placed.command_line,
            "areas": {name: list(span) if span is not None else None for name, span in spans.items()},
            "failed": placed.failed,
            "restart": list(boot.restart) if boot.restart is not None else None,
            "loader_differences": list(boot.loader_differences),
        }
    else:
        row |= {
            "firmware": boot.firmware,
            "map": [[r.kind, r.start, r.size, r.attributes] for r in boot.map.rows],
        }
    return row
