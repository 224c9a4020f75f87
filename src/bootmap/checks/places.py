"""Where the device tree and the initrd can be put instead: an address, and the window around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.boot.payload import payloads
from bootmap.boot.places import places
from bootmap.checks.edit import SetBoard, SetParameter
from bootmap.checks.finding import Change
from bootmap.units import MIB, PAGE_SIZE, Span, align_down, align_up, hex_address, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bootmap.checks.case import CheckCase

_ROOM = 32 * MIB
_COARSE = 16 * MIB
_NAMES = {"dtb": ("the device tree", "dtb_addr"), "initrd": ("the initrd", "initrd")}
_STAYS = {"dtb_addr": "fdt_high", "initrd": "initrd_high"}
"""Attribute of the board -> the variable that, all ones, keeps U-Boot from moving it (image-fdt.c, image-board.c)."""


def payload_changes(case: CheckCase, kind: str, windows: Sequence[Span] = ()) -> Iterator[Change]:
    """Put the device tree elsewhere: where there is room for a kernel half as large again, and all of the window."""
    span = _span(case, kind)
    if span is None:
        return
    what, attribute = _NAMES[kind]
    for window in list(windows or free_windows(case, kind, span.size))[:2]:
        address = good_place(window, span.size)
        yield Change(
            f"put {what} at {hex_address(address)}",
            f"anywhere in {Span(window.start, window.end)}, clear of all else; U-Boot: "
            f"{'; '.join(uboot_lines(case, attribute, address))}",
            (_moved(kind, address, span.size),),
            recommended=True,
        )
        return


def initrd_changes(case: CheckCase, windows: Sequence[Span] = ()) -> Iterator[Change]:
    """Put the initrd elsewhere: the nearest address that does, and one with room for a larger kernel."""
    span = _span(case, "initrd")
    if span is None:
        return
    found = sorted(windows or free_windows(case, "initrd", span.size))
    if not found:
        return
    largest = max(found, key=lambda window: (window.size, -window.start))
    near = next((window for window in found if window.end > span.start), found[-1])
    nearest = max(near.start, min(span.start, align_down(near.end - span.size, PAGE_SIZE)))
    nearest = align_up(nearest, 64 << 10) if align_up(nearest, 64 << 10) + span.size <= near.end else nearest
    best = good_place(largest, span.size)
    for address, window, recommended in ((nearest, near, False), (best, largest, True)):
        if not recommended and address == best:
            continue
        param = case.parameter("initrd")
        text, edit = _initrd_text(case, address, span.size)
        how = "" if param is not None else f"; U-Boot: {'; '.join(uboot_lines(case, 'initrd', address))}"
        limit = align_down(window.end - span.size, PAGE_SIZE)
        note = f"any address from {hex_address(window.start)} to {hex_address(limit)}"
        if recommended and address > window.start:
            note = "in the largest free range"
            if _next_to_kernel(case, window):
                note = f"leaves {size_text(address - window.start)} for a larger kernel"
        yield Change(text, f"{note}{how}", (edit,), recommended=recommended)


def _next_to_kernel(case: CheckCase, window: Span) -> bool:
    """Whether nothing but the kernel, and what unpacks it, lies in front of the window: then it can grow by that."""
    end = case.state.kernel_image.end
    others = (payload.span for payload in payloads(case.state) if payload.kind != "initrd")
    return end <= window.start and not any(span.end > end and span.start < window.start for span in others)


def uboot_lines(case: CheckCase, attribute: str, address: int) -> list[str]:
    """What to type at U-Boot's prompt for an address of the board: all that it takes, for U-Boot moves things."""
    lines = [f"setenv {case.variable(attribute)} {address:#010x}"]
    if attribute in _STAYS:
        lines.append(f"setenv {_STAYS[attribute]} 0xffffffff")
    return lines


def free_windows(case: CheckCase, kind: str, size: int) -> tuple[Span, ...]:
    """Where ``size`` bytes can lie: in lowmem, or before that is known in the RAM that the tree declares."""
    state = case.state
    if case.lowmem_end:
        return places(state, kind, size)
    first = state.handover.phys_offset
    return places(state, kind, size, [Span(max(bank.start, first), bank.end) for bank in case.ram if bank.end > first])


def good_place(window: Span, size: int) -> int:
    """An address in the window that is easy to read and leaves room in front for a kernel that grows."""
    for step in (_COARSE, MIB, PAGE_SIZE):
        for room in (_ROOM, MIB, 0):
            address = align_up(window.start + room, step)
            if address + size <= window.end:
                return address
    return window.start


def _span(case: CheckCase, kind: str) -> Span | None:
    return next((payload.span for payload in payloads(case.state) if payload.kind == kind), None)


def _initrd_text(case: CheckCase, address: int, size: int) -> tuple[str, SetBoard | SetParameter]:
    param = case.parameter("initrd")
    if param is not None:
        given = (param.value or "").partition(",")[2]
        return f"initrd={address:#x},{given}", SetParameter("initrd", f"{address:#x},{given}")
    return f"put the initrd at {hex_address(address)}", SetBoard("initrd", (address, size))


def _moved(kind: str, address: int, size: int) -> SetBoard:
    return SetBoard("dtb_addr", address) if kind == "dtb" else SetBoard("initrd", (address, size))
