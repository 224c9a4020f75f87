"""Options that are more than a number, as people write them: versions, features, initrds, static maps, TCM."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bootmap.errors import UsageError
from bootmap.units import MIB, Span, memparse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bootmap.facts.arm.cpus import Cpu
    from bootmap.facts.arm.tcm import TcmKind
    from bootmap.facts.features.feature import Version
    from bootmap.facts.machines.machine import StaticMap

_VERSIONS = "6.1, 6.1.55 and 2.6.38 are"


def parse_kernel_version(text: str) -> tuple[Version, int | None]:
    """``6.1.55`` as ((6, 1), 55), ``6.1`` as ((6, 1), None), ``2.6.38.2`` as ((2, 6, 38), 2).

    Raises:
        UsageError: it is no version.
    """
    parts = text.split("-")[0].split("+")[0].split(".")
    if len(parts) < 2 or not all(part.isdecimal() and len(part) < 6 for part in parts[:4]):
        raise UsageError(f"{text!r} is no kernel version ({_VERSIONS})")
    numbers = [int(part) for part in parts[:4]]
    width = 3 if numbers[:2] == [2, 6] else 2
    if len(numbers) < width:
        raise UsageError(f"{text!r} is no kernel version ({_VERSIONS})")
    return tuple(numbers[:width]), numbers[width] if len(numbers) > width else None


def parse_features(texts: Iterable[str]) -> dict[str, bool]:
    """``NAME=on|off`` pairs as a mapping.

    Raises:
        UsageError: an unknown feature or a value that is neither.
    """
    from bootmap.facts.features.table import ROWS_BY_NAME

    overrides = {}
    for text in texts:
        name, _, value = text.partition("=")
        if name not in ROWS_BY_NAME:
            raise UsageError(f"--feature {text}: there is no feature {name!r}; `bootmap features` lists them")
        if value not in ("on", "off"):
            raise UsageError(f"--feature {text}: expected {name}=on or {name}=off")
        overrides[name] = value == "on"
    return overrides


def parse_initrd(text: str) -> tuple[int, int]:
    """``ADDR,SIZE`` as physical start and bytes.

    Raises:
        UsageError: it is something else.
    """
    start, rest = memparse(text)
    size, tail = memparse(rest[1:])
    if not rest.startswith(",") or tail or not size:
        raise UsageError(f"--initrd {text}: expected ADDR,SIZE such as 0x48000000,8M")
    return start, size


def parse_place(text: str | None, option: str) -> tuple[int, int] | None:
    """``ADDR,SIZE`` as (address, bytes); None for None.

    Raises:
        UsageError: it is something else.
    """
    if text is None:
        return None
    span = parse_span(text, option)
    return span.start, span.size


def parse_size(given: str | None) -> int:
    """A size as people write it, or the size of the file of that name; 0 for None.

    Raises:
        UsageError: it is neither.
    """
    if given is None:
        return 0
    number, rest = memparse(given)
    if given[:1].isdigit() and not rest:
        return number
    try:
        return os.path.getsize(given)
    except OSError:
        raise UsageError(f"{given}: is neither a size nor a file") from None


def parse_span(given: str, option: str) -> Span:
    """``BASE,SIZE`` as a range.

    Raises:
        UsageError: it is something else.
    """
    start, rest = memparse(given)
    size, tail = memparse(rest[1:])
    if not given[:1].isdigit() or not rest.startswith(",") or tail or not size or start + size > 1 << 40:
        raise UsageError(f"{option} {given}: expected BASE,SIZE such as 0x80000000,512M")
    return Span(start, start + size)


def parse_static_maps(texts: Iterable[str]) -> tuple[StaticMap, ...]:
    """Read ``--static-map VIRT,PHYS,LEN,TYPE``, or ``@FILE`` with one a line and comments behind ``#``.

    Raises:
        UsageError: one is not of that form, or of a type that there is not.
        InputError: the file cannot be read.
    """
    from bootmap.facts.linux.mem_types import MEM_TYPES
    from bootmap.facts.machines.machine import StaticMap
    from bootmap.inputs.fs import read_file

    rows = []
    for text in texts:
        if text.startswith("@"):
            lines = read_file(text[1:], MIB).decode("utf-8", "replace").splitlines()
            rows += [(f"{text[1:]}: line {n}", line.split("#")[0].strip()) for n, line in enumerate(lines, 1)]
        else:
            rows.append((f"--static-map {text}", text))
    known = {row.name for row in MEM_TYPES}
    maps = []
    for where, text in rows:
        if not text:
            continue
        parts = [part.strip() for part in text.split(",")]
        numbers = [memparse(part) for part in parts[:3]]
        kind = parts[-1].upper().removeprefix("MT_")
        if len(parts) != 4 or any(rest or not part for (_, rest), part in zip(numbers, parts, strict=False)):
            raise UsageError(f"{where}: expected VIRT,PHYS,LEN,TYPE such as 0xf8000000,0x10000000,1M,MT_DEVICE")
        if kind not in known:
            raise UsageError(f"{where}: {parts[3]} is no memory type; {', '.join(sorted(known))} are")
        maps.append(StaticMap(numbers[0][0] & 0xFFFFFFFF, numbers[1][0], numbers[2][0], kind, where))
    return tuple(maps)


def parse_tcm(text: str | None, kind: TcmKind, cpu: Cpu) -> tuple[int, ...] | None:
    """``16K`` or ``16K,8K`` as the bytes of each bank, ``0`` as none of them; None for None.

    Raises:
        UsageError: it is something else, or the CPU cannot have any.
    """
    from bootmap.facts.arm.tcm import BANK_SIZES, MAX_BANKS

    if text is None:
        return None
    if text == "0":
        return ()
    parsed = [memparse(part) for part in text.split(",")]
    sizes = tuple(size for size, rest in parsed if size in BANK_SIZES and not rest)
    if len(sizes) != len(parsed) or len(sizes) > MAX_BANKS:
        raise UsageError(f"{kind.option} {text}: expected SIZE or SIZE,SIZE, each a power of two from 4K to 1M, or 0")
    if not cpu.tcm:
        raise UsageError(f"{kind.option} {text}: {cpu.name} has no tightly coupled memory")
    return sizes
