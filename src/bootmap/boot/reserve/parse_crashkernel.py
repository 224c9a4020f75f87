"""``crashkernel=`` as the kernel reads it: SIZE[@OFFSET], or ranges of RAM with a size each.

    64M   64M@0x48000000   256M-512M:16M,512M-:64M   256M-:64M@0x48000000

Source: kernel/crash_core.c (kernel/kexec.c before 4.13) ``parse_crashkernel_simple``, ``parse_crashkernel_mem``,
``get_last_crashkernel``.
"""

from __future__ import annotations

from typing import NamedTuple

from bootmap.units import memparse

_SUFFIXES = (",high", ",low")


class Crashkernel(NamedTuple):
    """What is asked for: bytes, 0 for nothing; a physical address, 0 for "anywhere"; what the kernel complains of."""

    size: int
    base: int
    complaint: str = ""


def parse(value: str, ram: int) -> Crashkernel:
    """Read the parameter's value on a machine with ``ram`` bytes of RAM, as the kernel counts it."""
    head = value.partition(" ")[0]
    return _ranges(head, ram) if ":" in head else _simple(head)


def has_suffix(value: str) -> bool:
    """Whether it is of the form with ``,high`` or ``,low``, which 32-bit ARM passes over."""
    return value.endswith(_SUFFIXES)


def _simple(text: str) -> Crashkernel:
    size, rest = memparse(text)
    if rest == text:
        return Crashkernel(0, 0, "crashkernel: memory value expected")
    if rest.startswith("@"):
        return Crashkernel(size, memparse(rest[1:])[0])
    if rest:
        return Crashkernel(0, 0, f"crashkernel: unrecognized char: {rest[0]}")
    return Crashkernel(size, 0)


def _ranges(text: str, ram: int) -> Crashkernel:
    wanted = 0
    rest = text
    while True:
        start, behind = memparse(rest)
        if behind == rest:
            return Crashkernel(0, 0, "crashkernel: Memory value expected")
        if not behind.startswith("-"):
            return Crashkernel(0, 0, "crashkernel: '-' expected")
        rest, end = behind[1:], 1 << 64
        if not rest.startswith(":"):
            end, behind = memparse(rest)
            if behind == rest:
                return Crashkernel(0, 0, "crashkernel: Memory value expected")
            rest = behind
            if end <= start:
                return Crashkernel(0, 0, "crashkernel: end <= start")
        if not rest.startswith(":"):
            return Crashkernel(0, 0, "crashkernel: ':' expected")
        size, behind = memparse(rest[1:])
        if behind == rest[1:]:
            return Crashkernel(0, 0, "Memory value expected")
        rest = behind
        if size >= ram:
            return Crashkernel(0, 0, "crashkernel: invalid size")
        if start <= ram < end:
            wanted = size
            break
        if not rest.startswith(","):
            break
        rest = rest[1:]
    if not wanted:
        return Crashkernel(0, 0, "crashkernel size resulted in zero bytes")
    _, at, place = text.partition("@")
    base, behind = memparse(place)
    if at and behind == place:
        return Crashkernel(0, 0, "Memory value expected after '@'")
    return Crashkernel(wanted, base)
