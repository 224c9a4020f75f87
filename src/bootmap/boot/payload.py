"""What the boot loader left in RAM for the kernel, and what it means when something else is written there.

The device tree or ATAG list at r2, the initrd, and memory that the tree reserves.  Nothing in the decompressor or in
head.S looks at where they are; the steps that write to memory ask here.

Source: Documentation/arch/arm/booting.rst; arch/arm/kernel/head-common.S ``__vet_atags``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from bootmap.boot.setup.atags_scan import tags_command_line
from bootmap.boot.setup.fdt_scan import chosen_node, command_line, reserved_memory_agrees, root_cells
from bootmap.facts.linux import atags
from bootmap.inputs.cells import pairs, read_cells
from bootmap.inputs.cmdline import parameq, parse
from bootmap.inputs.fdt import Fdt
from bootmap.units import Span, memparse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bootmap.boot.state import BootState
    from bootmap.boot.trace import KernelDied

_MAGIC_BYTES = 4
_HEADER_FIELDS = {"struct": (8, 36), "strings": (12, 32)}
"""Block of a blob -> byte offsets in its header of where it is and of its size (Devicetree Specification 5.2)."""


class Payload(Struct, frozen=True):
    """One thing in RAM.

    Attributes:
        kind: "dtb" (an ATAG list too), "initrd" or "reserved".
        what: its name, for people.
        span: physical addresses of the bytes that matter.
        vital: those by which it is recognised at all.
    """

    kind: str
    what: str
    span: Span
    vital: Span


class Overwrite(NamedTuple):
    """Something that a step writes to memory.

    Attributes:
        who: first part of the hazards' ids, such as "decompressor".
        by: what is written, for people.
        span: physical addresses.
        certain: every byte of ``span`` is written; else only some may be.
    """

    who: str
    by: str
    span: Span
    certain: bool = True


def payloads(state: BootState) -> list[Payload]:
    """Everything that the boot loader left, as far as it is known; before head.S not a tree that is in the zImage."""
    found = []
    tree, zimage = board_payload(state), state.handover.zimage
    unpacking = state.stage == "decompress_kernel"
    if tree is not None and not (unpacking and zimage is not None and zimage.appended):
        found.append(tree)
    initrd = initrd_span(state) if state.kernel.config.enabled("BLK_DEV_INITRD") else None
    if initrd is not None and initrd.size:
        found.append(Payload("initrd", "the initrd", initrd, initrd))
    board = state.handover.board
    if isinstance(board, Fdt):  # boot loaders reserve the tree and the initrd too: those are told already
        told = list(found)
        found += [
            Payload("reserved", what, span, span)
            for what, span in _reserved(board)
            if not any(span.start <= other.span.start < span.end for other in told)
        ]
    return found


def boot_command_line(state: BootState) -> str:
    """The command line that the kernel will put together, known before it does so."""
    board = state.handover.board
    if isinstance(board, Fdt):
        return command_line(state, chosen_node(board))
    if board is not None:
        return tags_command_line(state, board)
    return state.kernel.config.text("CMDLINE") if state.handover.cmdline is None else state.handover.cmdline


def board_payload(state: BootState) -> Payload | None:
    """The device tree or ATAG list at r2; None where r2 is 0."""
    board, params = state.handover.board, state.handover.params
    if board is None or not params:
        return None
    vital = Span(params, params + _MAGIC_BYTES)
    if isinstance(board, Fdt):
        return Payload("dtb", "the device tree", Span(params, params + used_bytes(board)), vital)
    return Payload("dtb", "the ATAG list", Span(params, params + board.size), vital)


@lru_cache(maxsize=4)  # many ask, of one tree after the other
def used_bytes(board: Fdt) -> int:
    """Bytes of a blob up to the end of its last block; what follows is room to grow."""
    header = [int.from_bytes(board.data[i : i + 4], "big") for i in range(0, min(len(board.data), 40), 4)]
    ends = [
        header[place // 4] + header[size // 4] for place, size in _HEADER_FIELDS.values() if size // 4 < len(header)
    ]
    return min(max(ends), board.totalsize) if board.version >= 17 else board.totalsize


def overwrite(state: BootState, writes: Sequence[Overwrite], advice: str) -> KernelDied | None:
    """Note what ``writes`` destroy, each thing once; return the exception to raise where the boot ends.

    Args:
        state: the boot, for what is in RAM and for the hazards.
        writes: what one step writes, in order.
        advice: where the things can be instead, for people.
    """
    died = None
    for payload in payloads(state):
        hits = [write for write in writes if write.span.overlaps(payload.span)]
        if not hits:
            continue
        write = max(hits, key=lambda hit: (hit.certain, hit.certain and hit.span.overlaps(payload.vital)))
        id = f"{write.who}-overwrites-{payload.kind}"
        done = "is" if write.certain else "may be"
        text = f"{payload.what}, {payload.span}, {done} overwritten by {write.by}, {write.span}"
        if payload.kind == "initrd":
            lost = "the kernel gets a damaged one" if write.certain else "the kernel may get a damaged one"
            state.hazard(
                id,
                f"{text}: {lost}; {advice}",
                address=payload.span.start,
                luck=not write.certain,
                subject="initrd",
                loses_initrd=write.certain,
            )
        elif payload.kind != "dtb":
            state.hazard(id, f"{text}: what is there is lost; {advice}", address=payload.span.start)
        elif write.certain and payload.vital.overlaps(write.span) and not _has_default_tags(state):
            died = state.die(id, f"{text}: {nothing_found(state)}; {advice}", address=payload.span.start)
        else:
            what = "the kernel reads what is left of it"
            state.hazard(id, f"{text}: {what}; {advice}", address=payload.span.start, luck=True)
    return died


def nothing_found(state: BootState) -> str:
    """What the kernel does when r2 does not lead it to a device tree or ATAG list."""
    kernel = state.kernel
    if kernel.has("atags_option") and not kernel.config.enabled("ATAGS"):
        return 'the kernel finds nothing there and stops with "no ATAGS support: can\'t continue"'
    return (
        'the kernel finds nothing there and stops with "unrecognized/unsupported machine ID", or, where r1 is ~0, '
        "goes on without devices until it waits for a timer for ever"
    )


def _has_default_tags(state: BootState) -> bool:
    """Whether a kernel that finds nothing at r2 can go on with the tags that a machine has by default."""
    kernel = state.kernel
    return state.handover.machine_id is not None and (kernel.config.enabled("ATAGS") or not kernel.has("atags_option"))


def initrd_span(state: BootState) -> Span | None:
    """The initrd as the boot loader tells of it, whether or not the kernel will accept it; None where it tells of none.

    ``initrd=`` of the command line comes last, and so wins.
    """
    handover = state.handover
    told = _initrd_parameter(boot_command_line(state))
    if told is not None:
        return told
    if handover.initrd is not None:
        return Span(handover.initrd[0], sum(handover.initrd))
    if isinstance(handover.board, Fdt):
        chosen = chosen_node(handover.board)
        start = chosen.get("linux,initrd-start") if chosen is not None else None
        end = chosen.get("linux,initrd-end") if chosen is not None else None
        if start is None or end is None:
            return None
        first, last = (read_cells(prop.value, 0, len(prop.value) // 4) for prop in (start, end))
        return Span(first, last) if first < last else None
    if handover.board is not None and (tag := handover.board.last(atags.INITRD2)) is not None:
        return Span(tag["start"], tag["start"] + tag["size"])
    return None


def _initrd_parameter(cmdline: str) -> Span | None:
    """The last ``initrd=START,SIZE`` of a command line (arch/arm/mm/init.c ``early_initrd``)."""
    found = None
    for param in parse(cmdline):
        if parameq(param.name, "initrd"):
            start, rest = memparse(param.value or "")
            if rest.startswith(","):
                found = Span(start, start + memparse(rest[1:])[0])
    return found


def _reserved(board: Fdt) -> Iterator[tuple[str, Span]]:
    """Memory that the tree reserves at a fixed place: /memreserve/ entries and nodes with ``reg``."""
    for address, size, _ in board.reservations:
        if size:
            yield f"the /memreserve/ entry {address:#x}", Span(address, address + size)
    parent = board.node("/reserved-memory")
    cells = root_cells(board)
    for node in parent.children if parent is not None and reserved_memory_agrees(parent, cells) else ():
        prop = node.get("reg")
        if prop is None or not cells.address + cells.size:
            continue
        for entry in pairs(prop, cells.address, cells.size):
            if entry.size:
                yield f"reserved memory {node.name}", Span(entry.base, entry.base + entry.size)
