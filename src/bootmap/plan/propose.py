"""Addresses that are safe: for every board and kernel given, and for kernels that grow.

    RAM   kernel_addr_r            fdt_addr_r   ramdisk_addr_r
    |     |                        |            |
    | unpacked kernel, N times | zImage, N times | 1 MiB | ramdisk ...      ... | ramdisk and tree, moved | U-Boot
    |<--------------- first 128 MiB ----------------->|                         ^ bootm_size, within lowmem

The zImage runs behind what it unpacks, so it need not move; and in the first 128 MiB, from which the kernel takes the
start of RAM.  The tree lies behind the zImage's heap, the ramdisk behind the tree.  U-Boot moves both to the top of
what bootm_size leaves, so that ends within lowmem.  Reserved memory and U-Boot's own place are kept clear.  Each
proposal is proven: every board is booted again with it, with the kernel as it is and N times as large.

Source: Documentation/arch/arm/booting.rst; arch/arm/boot/compressed/head.S; boot/image-board.c (U-Boot).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from bootmap.boot.trace import Verdict
from bootmap.errors import MissingInputError, UnsupportedError, UsageError
from bootmap.facts.linux.zimage import MALLOC
from bootmap.loaders.uboot.areas import areas_of
from bootmap.plan.chain import chain
from bootmap.shown import Shown
from bootmap.units import MIB, Span, align_down, align_up

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bootmap.boot.handover import Handover, ZImage
    from bootmap.boot.kernel import KernelModel
    from bootmap.plan.chain import Chain
    from bootmap.plan.setup import LoaderSetup

FIRST = 128 * MIB
"""The zImage takes the start of RAM to be its own address, rounded down to this."""
RECOMMENDED = 32 * MIB
"""Into RAM: where booting.rst wants a zImage at the least."""
_STEP = 2 * MIB
_INITRD = re.compile(r"(?:^|\s)initrd=\S+")
_TREE_ROOM = MIB
_HEAP_ROOM = MALLOC + 64 * 1024
_SIZE_STEP = 16 * MIB


class Proposal(Shown, Struct, frozen=True):
    """Safe addresses.

    Attributes:
        kernel: kernel_addr_r.
        fdt: fdt_addr_r.
        ramdisk: ramdisk_addr_r.
        bootm_size: bytes; None where all of RAM is within lowmem.
        times: how many times larger a kernel may be.
        bootargs: the command line without its initrd=, which would override U-Boot; None where it has none.
        constraints: what decided, a sentence each.
        proofs: for each setup, the boot with the kernel as it is and with the larger one.
    """

    kernel: int
    fdt: int
    ramdisk: int
    bootm_size: int | None
    times: float
    bootargs: str | None
    constraints: tuple[str, ...]
    proofs: tuple[tuple[str, Chain, Chain], ...]

    @property
    def variables(self) -> dict[str, str | None]:
        """The variables to set, None for those to delete."""
        own = {} if self.bootargs is None else {"bootargs": self.bootargs}
        return {
            "kernel_addr_r": f"{self.kernel:#010x}",
            "fdt_addr_r": f"{self.fdt:#010x}",
            "ramdisk_addr_r": f"{self.ramdisk:#010x}",
            "bootm_size": f"{self.bootm_size:#x}" if self.bootm_size is not None else None,
            "bootm_low": None,
            "bootm_mapsize": None,
            "fdt_high": None,
            "initrd_high": None,
            **own,
        }


def propose(setups: Sequence[LoaderSetup], times: float) -> Proposal:
    """Find addresses for all of ``setups``, for kernels up to ``times`` as large.

    Raises:
        MissingInputError: a setup has no kernel, or no zImage.
        UnsupportedError: there are none; says what stands in the way.
        UsageError: a board is a FIT, whose own place decides too.
    """
    for setup in setups:
        if setup.command.fit is not None:
            raise UsageError(f"{setup.name}: is a FIT; give its device tree, and --format fit for load addresses")
    base = _base(setups)
    limit = min(_lowmem(setup) for setup in setups)
    end = min(min(setup.board.banks[0].end for setup in setups), limit)
    ends = {setup.board.banks[0].end for setup in setups}
    size = align_down(limit - base, _SIZE_STEP) if max(ends) > limit else None
    busy = sorted(span for setup in setups for span in _busy(setup))
    reasons: list[str] = []
    start = max(base + RECOMMENDED, base + _unpacked(setups, times))
    for kernel in range(align_up(start, _STEP), base + FIRST, _STEP):
        room = align_up(_packed(setups, times) + _HEAP_ROOM, MIB)
        if kernel + room > base + FIRST:
            break
        fdt = _free(busy, kernel + room, _TREE_ROOM, end)
        ramdisk = _free(busy, (fdt or 0) + _TREE_ROOM, max(map(_ramdisk, setups)), end)
        if _hit(busy, Span(kernel, kernel + room)) or fdt is None or ramdisk is None:
            continue
        proofs = tuple((setup.name, *_prove(setup, kernel, fdt, ramdisk, size, times)) for setup in setups)
        failed = [(name, one) for name, *both in proofs for one in both if not one.safe]
        if not failed:
            found = Proposal(kernel, fdt, ramdisk, size, times, _bootargs(setups), (), proofs)
            return replace(found, constraints=tuple(_constraints(setups, found, base, limit)))
        reasons.append(f"with the kernel at {kernel:#010x}, {failed[0][0]} {_why(failed[0][1])}")
    raise UnsupportedError(_nothing(setups, times, base, reasons))


def _base(setups: Sequence[LoaderSetup]) -> int:
    bases = {setup.board.banks[0].start for setup in setups}
    if len(bases) > 1:
        text = ", ".join(f"{base:#010x}" for base in sorted(bases))
        raise UnsupportedError(f"RAM begins at {text}: boards that share addresses have it at one place")
    return bases.pop()


def _lowmem(setup: LoaderSetup) -> int:
    """Where lowmem ends with U-Boot's own choice of addresses, or as far as the boot came."""
    replay = chain(_moved(setup)).replay
    limits = [stage.vars.arm_lowmem_limit for stage in replay.stages] if replay is not None else []
    found = max(limits, default=0)
    return min(found, 1 << 32) or setup.board.banks[0].end


def _moved(setup: LoaderSetup) -> LoaderSetup:
    """The setup with everything at places that any board has, and no variable set."""
    base = setup.board.banks[0].start
    kernel = replace(setup.command.kernel, at=base + RECOMMENDED)
    return replace(setup, command=replace(setup.command, kernel=kernel, dtb=base + 96 * MIB, ramdisk=None, env={}))


def _kernel(setup: LoaderSetup) -> tuple[KernelModel, Handover, ZImage]:
    """The kernel of a setup, which a proposal needs.

    Raises:
        MissingInputError: it has none, or nothing says how large the zImage is.
    """
    if setup.kernel is None or setup.handover is None:
        raise MissingInputError("a proposal needs the kernel: give --kernel, or --config, --system-map and --zimage")
    if setup.handover.zimage is None:
        raise MissingInputError("a proposal needs the zImage's size: give --zimage FILE or SIZE")
    return setup.kernel, setup.handover, setup.handover.zimage


def _unpacked(setups: Sequence[LoaderSetup], times: float) -> int:
    """Bytes from the start of RAM that the unpacked kernel and its bss take."""
    kernels = [_kernel(setup) for setup in setups]
    return max(kernel.text_offset + int((zimage.image_size + zimage.bss_size) * times) for kernel, _, zimage in kernels)


def _packed(setups: Sequence[LoaderSetup], times: float) -> int:
    """Bytes of the largest zImage."""
    return max(int(_kernel(setup)[2].size * times) for setup in setups)


def _ramdisk(setup: LoaderSetup) -> int:
    return setup.command.ramdisk.size if setup.command.ramdisk is not None else 0


def _busy(setup: LoaderSetup) -> Iterator[Span]:
    """Memory that nothing may be loaded to."""
    if setup.uboot is not None:
        yield setup.board.own(setup.uboot)
    for region in setup.board.reserved:
        yield region.span
    if setup.command.tree is not None:
        for area in areas_of(setup.command.tree):
            yield Span(area.base, area.base + area.size)


def _hit(busy: Sequence[Span], wanted: Span) -> Span | None:
    return next((span for span in busy if span.overlaps(wanted)), None)


def _free(busy: Sequence[Span], start: int, size: int, end: int) -> int | None:
    """The first place from ``start`` on, a multiple of 1 MiB, with ``size`` free bytes before ``end``."""
    place = align_up(start, MIB)
    while place + size <= end:
        hit = _hit(busy, Span(place, place + max(size, 1)))
        if hit is None:
            return place
        place = align_up(hit.end, MIB)
    return None


def _prove(
    setup: LoaderSetup, kernel: int, fdt: int, ramdisk: int, size: int | None, times: float
) -> tuple[Chain, Chain]:
    env = dict(setup.command.env)
    for name in ("bootm_low", "bootm_mapsize", "bootm_size", "fdt_high", "initrd_high"):
        env.pop(name, None)
    if size is not None:
        env["bootm_size"] = f"{size:#x}"
    if (bootargs := _bootargs([setup])) is not None:
        env["bootargs"] = bootargs
    own = setup.command.ramdisk
    moved = Span(ramdisk, ramdisk + own.size) if own is not None else None
    results = []
    for factor in (1.0, times):
        _, handover, large = _kernel(setup)
        if factor != 1:
            code = large.code
            grown = int(large.size * factor) - large.size
            code = replace(code, bss_start=code.bss_start + grown, bss_end=code.bss_end + grown)
            large = replace(
                large,
                size=large.size + grown,
                image_size=int(large.image_size * factor),
                bss_size=int(large.bss_size * factor),
                code=code,
            )
        image = replace(setup.command.kernel, at=kernel, size=large.size + large.appended)
        command = replace(setup.command, kernel=image, ramdisk=moved, dtb=fdt, env=env)
        results.append(chain(replace(setup, command=command, handover=replace(handover, zimage=large))))
    return results[0], results[1]


def _bootargs(setups: Sequence[LoaderSetup]) -> str | None:
    """The first command line that has an initrd=, without it."""
    for setup in setups:
        text = setup.command.env.get("bootargs")
        if text is None and setup.command.tree is not None:
            chosen = setup.command.tree.node("/chosen")
            prop = chosen.get("bootargs") if chosen is not None else None
            text = prop.value.split(b"\0")[0].decode("latin-1") if prop is not None else None
        if text is not None and _INITRD.search(text):
            return _INITRD.sub("", text).strip()
    return None


def _why(one: Chain) -> str:
    if one.placed.failed:
        return f"is refused by U-Boot: {one.placed.failed}"
    damage = one.load_map.damage
    if damage:
        return f"has {damage[0].first.name} and {damage[0].second.name} in one place"
    assert one.replay is not None
    outcome = one.replay.outcome
    word = "does not boot" if outcome.verdict is Verdict.DIES else "is uncertain"
    return f"{word}: {outcome.stage}: {outcome.reason}"


def _nothing(setups: Sequence[LoaderSetup], times: float, base: int, reasons: Sequence[str]) -> str:
    if reasons:
        return f"no addresses are safe: {reasons[0]}"
    unpacked, packed = _unpacked(setups, times), _packed(setups, times)
    return (
        f"no addresses are safe for kernels {times:g} times as large: {unpacked / MIB:.0f} MiB unpacked and a zImage "
        f"of {packed / MIB:.0f} MiB behind it do not fit between {base:#010x} and {base + FIRST:#010x} beside what is "
        f"reserved there"
    )


def _constraints(setups: Sequence[LoaderSetup], found: Proposal, base: int, limit: int) -> Iterator[str]:
    offset = max(_kernel(setup)[0].text_offset for setup in setups)
    end = base + _unpacked(setups, found.times)
    yield (
        f"the kernel unpacks to {base + offset:#010x} (TEXT_OFFSET {offset:#x}); {found.times:g} times as large it "
        f"ends at {end:#010x} with its bss: a zImage behind that need not move"
    )
    yield f"booting.rst wants a zImage at least 32 MiB into RAM, {base + RECOMMENDED:#010x}"
    yield f"the zImage must run below {base + FIRST:#010x}: it takes the start of RAM from the 128 MiB that it is in"
    yield f"lowmem ends at {limit:#010x}: tree and ramdisk must end below"
    if found.bootargs is not None:
        yield "initrd= in the command line names a place of its own: it is dropped, U-Boot tells of the ramdisk"
    if found.bootm_size is not None:
        yield f"bootm_size keeps what U-Boot moves below {base + found.bootm_size:#010x}"
    for setup in setups:
        if setup.uboot is not None:
            own = setup.board.own(setup.uboot)
            yield f"{setup.name}: U-Boot {setup.uboot.text} is at {own.start:#010x} and above, to {own.end - 1:#010x}"
        if setup.command.tree is not None:
            for area in areas_of(setup.command.tree):
                yield f"{setup.name}: reserved memory {area.base:#010x}-{area.base + area.size - 1:#010x}"
