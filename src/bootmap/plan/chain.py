"""The whole chain: what the boot loader is told, where it puts things, what the decompressor does, whether it boots.

U-Boot's result is the kernel's handover: the tree that it completes, at the place that it found.  The load map shows
all of it, with U-Boot itself and the files as they were loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from bootmap.analysis.layout import LoadMap, Phase, Placed, load_map
from bootmap.assumptions import Assumption
from bootmap.boot.decompressor.phys_offset import phys_offset
from bootmap.boot.sequence import boot
from bootmap.boot.trace import Verdict
from bootmap.errors import FdtError
from bootmap.inputs import fdt
from bootmap.loaders.qemu import fits, place
from bootmap.loaders.uboot.bootm import UBootPlaced as UBootPlaced
from bootmap.loaders.uboot.bootm import run
from bootmap.loaders.uboot.fixups import complete
from bootmap.shown import Shown
from bootmap.units import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.boot.handover import Handover
    from bootmap.boot.kernel import KernelModel
    from bootmap.boot.sequence import Replay
    from bootmap.inputs.fdt import Fdt
    from bootmap.loaders.uboot.board import UBootBoard
    from bootmap.loaders.uboot.command import Command
    from bootmap.loaders.uboot.release import UBoot
    from bootmap.plan.setup import LoaderSetup


_REPLACED = ("PHYS_OFFSET", "the boot loader put")
"""Beginnings of assumptions of a hand-over that a boot loader's own result replaces."""


class Chain(Shown, Struct, frozen=True):
    """What became of a boot.

    Attributes:
        loader: the boot loader, for people.
        placed: where it put things, and what it says.
        load_map: everything in RAM.
        told: what was taken for what was not given of the boot loader.
        replay: the kernel's boot; None where none was given, or where U-Boot starts none.
    """

    loader: str
    placed: UBootPlaced
    load_map: LoadMap
    told: tuple[Assumption, ...] = ()
    replay: Replay | None = None

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """Everything that was taken for what was not given."""
        return self.told if self.replay is None else tuple(self.replay.state.assumptions)

    @property
    def verdict(self) -> Verdict | None:
        """Whether the kernel boots; DIES too where U-Boot starts none, None where no kernel was given."""
        if self.placed.failed:
            return Verdict.DIES
        return None if self.replay is None else self.replay.outcome.verdict

    @property
    def safe(self) -> bool:
        """Whether it boots with all that it was given, and nothing is damaged on the way."""
        well = self.replay is not None and self.replay.outcome.all_well
        return self.verdict is Verdict.BOOTS and well and not self.load_map.damage


def chain(setup: LoaderSetup) -> Chain:
    """Replay the boot loader, then the kernel.

    Raises:
        InputError: the tree cannot be edited.
    """
    uboot, board, command = setup.uboot, setup.board, setup.command
    if uboot is None:
        return _qemu(setup)
    kernel, handover, loader = setup.kernel, setup.handover, f"U-Boot {uboot.text}"
    placed = run(uboot, board, command)
    extra = tuple(_loader(uboot, board, command, placed))
    ready = not placed.failed and command.tree is not None and placed.dtb is not None
    if not ready or kernel is None or handover is None or command.tree is None or placed.dtb is None:
        return Chain(loader, placed, LoadMap(in_order(*extra, *moved(placed)), board.banks), setup.assumptions)
    try:
        name = command.fit.name if command.fit is not None else ""
        blob = complete(uboot, command.tree, placed.dtb.start, board.banks, placed.ramdisk, command.env, name)
    except FdtError as error:
        raise error.in_file(setup.name) from None
    tree = fdt.parse(blob)
    replay = continued(kernel, handover, placed, tree, setup.assumptions + handover.assumptions)
    return Chain(loader, placed, load_map(replay, extra), setup.assumptions, replay)


def kept(handover: Handover) -> tuple[Assumption, ...]:
    """The assumptions of a hand-over that hold whatever the boot loader does."""
    return tuple(each for each in handover.assumptions if not each.text.startswith(_REPLACED))


def continued(
    kernel: KernelModel,
    handover: Handover,
    placed: UBootPlaced,
    tree: Fdt,
    told: tuple[Assumption, ...],
    initrd: Span | None = None,
) -> Replay:
    """The kernel's boot from where a boot loader left things.

    Args:
        kernel: the kernel.
        handover: CPU, zImage and what else does not depend on the boot loader.
        placed: where things are.
        tree: the tree that the kernel gets.
        told: assumptions.
        initrd: where the ramdisk is, if the tree does not tell of it.
    """
    assert placed.dtb is not None
    offset, how = phys_offset(kernel, tree, placed.entry)
    assert offset is not None
    told = (Assumption(f"PHYS_OFFSET is {offset:#010x}: {how}"), *told)
    zimage = replace(handover.zimage, load_addr=placed.entry) if handover.zimage is not None else None
    return boot(
        kernel,
        replace(
            handover,
            board=tree,
            params=placed.dtb.start,
            phys_offset=offset,
            zimage=zimage,
            assumptions=told,
            initrd=(initrd.start, initrd.size) if initrd is not None else None,
        ),
    )


def _qemu(setup: LoaderSetup) -> Chain:
    """The same with QEMU's own loader in U-Boot's place; the tree is taken as it is given."""
    command, tree = setup.command, setup.command.tree
    assert tree is not None
    ram = setup.board.banks[0]
    found = place(ram, command.kernel.size, command.ramdisk.size if command.ramdisk is not None else 0)
    dtb = Span(found.dtb, found.dtb + tree.totalsize)
    placed = UBootPlaced(found.kernel, found.kernel.start, found.initrd, dtb)
    if not fits(ram, found):
        placed.failed = "QEMU refuses: Not enough space for DTB after kernel/initrd"
    if placed.failed or setup.kernel is None or setup.handover is None:
        return Chain("QEMU", placed, LoadMap(in_order(*moved(placed)), setup.board.banks))
    told = setup.assumptions + setup.handover.assumptions
    replay = continued(setup.kernel, setup.handover, placed, tree, told, found.initrd)
    return Chain("QEMU", placed, load_map(replay), setup.assumptions, replay)


def in_order(*objects: Placed) -> tuple[Placed, ...]:
    """Rows of a load map, lowest first."""
    return tuple(sorted(objects, key=lambda each: (each.start, -each.size)))


def _loader(uboot: UBoot, board: UBootBoard, command: Command, placed: UBootPlaced) -> Iterator[Placed]:
    """U-Boot itself, and the files where they were loaded, if that is not where they end up."""
    own = board.own(uboot)
    yield Placed("U-Boot, its heap and its stack", own.start, own.size, "loader", until=Phase.LOADER)
    kernel = command.kernel
    if command.fit is not None:
        yield from _fit(command.fit.whole, command, placed)
        return
    if kernel.start != placed.kernel.start:
        name = "kernel image, as loaded"
        yield Placed(name, kernel.at, kernel.end - kernel.at, "image", until=Phase.LOADER)
    if command.ramdisk is not None and command.ramdisk != placed.ramdisk:
        yield _as_loaded("initrd", command.ramdisk)
    if command.dtb is not None and command.tree is not None and not placed.in_place:
        yield Placed("device tree, as loaded", command.dtb, command.tree.totalsize, "dtb", until=Phase.LOADER)


def _fit(whole: Span, command: Command, placed: UBootPlaced) -> Iterator[Placed]:
    """What lies around the parts of a FIT that are used where they are."""
    used = [placed.kernel] if command.kernel.load is None or command.kernel.load == command.kernel.start else []
    fit = command.fit
    if fit is not None and fit.ramdisk is not None and placed.ramdisk == fit.ramdisk.data:
        used.append(placed.ramdisk)
    if placed.in_place and placed.dtb is not None and placed.dtb.start in whole:
        used.append(placed.dtb)
    start = whole.start
    for span in (*sorted(used, key=lambda each: each.start), Span(whole.end, whole.end)):
        if span.start > start:
            yield Placed("FIT image, as loaded", start, span.start - start, "image", until=Phase.LOADER)
        start = max(start, span.end)


def _as_loaded(kind: str, span: Span) -> Placed:
    return Placed(f"{kind}, as loaded", span.start, span.size, kind, until=Phase.LOADER)


def moved(placed: UBootPlaced) -> Iterator[Placed]:
    """What a boot loader had placed when no kernel is known."""
    yield Placed("kernel image", placed.kernel.start, placed.kernel.size, "zimage")
    if placed.ramdisk is not None:
        yield Placed("initrd", placed.ramdisk.start, placed.ramdisk.size, "initrd")
    if placed.dtb is not None:
        yield Placed("device tree", placed.dtb.start, placed.dtb.size, "dtb")
