"""The second kernel's boot, predicted from the first's: what the first knows of its memory, what kexec makes of that.

the first kernel's boot      System RAM and Crash kernel of /proc/iomem; its tree
-> loaders.kexec           zImage, initrd, tree, crash headers
-> the second's boot       from that tree at that place
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from bootmap.analysis.layout import LoadMap, Placed, load_map
from bootmap.assumptions import Assumption
from bootmap.boot.kernel import KernelModel
from bootmap.boot.restart import RESTART_FEATURE, RestartFault, soft_restart
from bootmap.boot.sequence import boot
from bootmap.boot.setup.standard_resources import system_ram
from bootmap.boot.trace import Verdict
from bootmap.errors import UnsupportedError
from bootmap.facts.loaders.kexec import NEWEST_KEXEC
from bootmap.inputs import fdt
from bootmap.inputs.fdt import Fdt
from bootmap.loaders.kexec import KexecCall, load
from bootmap.loaders.uboot.bootm import UBootPlaced
from bootmap.plan.chain import Chain, continued
from bootmap.shown import Shown
from bootmap.units import MIB, PAGE_SIZE, Span, align_up, hex_address, size_text

if TYPE_CHECKING:
    from bootmap.boot.handover import Handover, ZImage
    from bootmap.boot.sequence import Replay
    from bootmap.facts.loaders.kexec import KexecVersion
    from bootmap.loaders.kexec import KexecPlaced

_SYSFS_TREE = (3, 19)
"""/sys/firmware/fdt; before, kexec makes a tree of /proc/device-tree."""
_CURES_RESTART = (
    "take Linux 7.1's change into the first kernel (commit 009b6c6486b9, tell bootmap with --feature "
    f"{RESTART_FEATURE}=off), or build it without CONFIG_ARM_PAN"
)
_MOST_CRASH = 256 * MIB
_CRASH_STEP = 16 * MIB


class KexecSetup(Shown, Struct, frozen=True):
    """Two boots of one kernel, the second by kexec.

    Attributes:
        name: the board, for people.
        kernel: the kernel, both times.
        handover: the first boot's, with the zImage.
        on_crash: ``kexec -p`` and a panic; else ``kexec -l`` and ``kexec -e``.
        append: ``--append``; None where it is not given.
        ramdisk: bytes of ``--initrd``; 0 for none.
        image_size: ``--image-size``; 0 where it is not given.
        version: of kexec-tools; None to take the newest that is known.
    """

    name: str
    kernel: KernelModel
    handover: Handover
    on_crash: bool
    append: str | None = None
    ramdisk: int = 0
    image_size: int = 0
    version: KexecVersion | None = None


class KexecChain(Chain, frozen=True):
    """A `Chain` whose boot loader is Linux itself.

    Attributes:
        first: the first kernel's boot.
        crash: what it has reserved for the second; None for ``kexec -l``, or where it has not.
        command_line: the second kernel's; None where the tree's own stays.
        restart: what the first kernel dies of on its way to the second, whose boot is not replayed then.
        advice: what to change so that it boots, predicted with it; "" where it does or nothing was found.
    """

    first: Replay | None = None
    crash: Span | None = None
    command_line: str | None = None
    restart: RestartFault | None = None
    advice: str = ""


def kexec_chain(setup: KexecSetup) -> KexecChain:
    """Replay the first kernel, kexec, the second kernel.

    Raises:
        UnsupportedError: the first kernel has no device tree, or UEFI started it.
        InputError: the tree cannot be edited.
    """
    done = _kexec_chain(setup)
    if done.restart is not None:
        return replace(done, advice=_restart_advice(setup))
    if done.safe or setup.image_size or done.first is None or done.first.outcome.verdict is Verdict.DIES:
        return done
    return replace(done, advice=_advice(setup, done))


def _kexec_chain(setup: KexecSetup) -> KexecChain:
    handover, tree = setup.handover, setup.handover.board
    if not isinstance(tree, Fdt):
        raise UnsupportedError(f"{setup.name}: is an ATAG list; kexec is modelled for device trees")
    if handover.efi is not None:
        raise UnsupportedError("kexec from a kernel that UEFI started is not modelled")
    version = setup.version or NEWEST_KEXEC
    loader = f"{'kdump' if setup.on_crash else 'kexec'} (kexec-tools {'.'.join(map(str, version))})"
    first = boot(setup.kernel, handover)
    told = [] if setup.version else [Assumption(f"kexec-tools is {'.'.join(map(str, version))}", "--kexec-tools")]
    if setup.kernel.version < _SYSFS_TREE:
        told.append(Assumption("the tree comes from /sys/firmware/fdt, which this kernel does not have yet"))
    if first.outcome.verdict is Verdict.DIES:
        why = f"the first kernel does not boot: {first.outcome.stage}: {first.outcome.reason}"
        return _refused(loader, why, first, tuple(told))
    crash = first.state.crashk_res
    placed = load(_call(setup, tree, first, version))
    if placed.failed:
        return _refused(loader, f"kexec loads nothing: {placed.failed}", first, tuple(told), crash)
    if (fault := soft_restart(first.state)) is not None:
        why = f"the first kernel dies in {fault.stage}: {fault.reason}"
        refused = _refused(loader, why, first, tuple(told), crash)
        return replace(refused, restart=fault, command_line=placed.command_line)
    second = fdt.parse(placed.blob)
    where = UBootPlaced(placed.kernel, placed.kernel.start, placed.ramdisk, placed.dtb)
    moved = replace(handover, cmdline=None)
    replay = continued(setup.kernel, moved, where, second, (*told, *_kept(first, handover)))
    extra = tuple(_headers(placed))
    return KexecChain(loader, where, _map(replay, extra, crash), tuple(told), replay, first, crash, placed.command_line)


def _kept(first: Replay, handover: Handover) -> tuple[Assumption, ...]:
    """What the first boot took for what was not given and the second shares: not where things lay."""
    return tuple(each for each in handover.assumptions if not each.text.startswith(("PHYS_OFFSET", "the boot loader")))


def _call(setup: KexecSetup, tree: Fdt, first: Replay, version: KexecVersion) -> KexecCall:
    zimage = setup.handover.zimage
    assert zimage is not None
    unpacked, bss = _sizes(setup.kernel, zimage)
    return KexecCall(
        version,
        zimage.size,
        unpacked,
        bss,
        tree,
        system_ram(first.state),
        _cpus(tree),
        first.state.crashk_res,
        setup.on_crash,
        setup.ramdisk,
        setup.append,
        setup.image_size,
        setup.kernel.has("rng_seed_taken"),
    )


def _sizes(kernel: KernelModel, zimage: ZImage) -> tuple[int | None, int | None]:
    """The two sizes of the zImage's table, which it has since 4.15."""
    return (zimage.image_size, zimage.bss_size) if kernel.has("zimage_size_table") else (None, None)


def _cpus(tree: Fdt) -> int:
    node = tree.node("/cpus")
    found = [child for child in node.children if child.get("device_type") is not None] if node is not None else []
    return max(len(found), 1)


def _refused(
    loader: str, why: str, first: Replay, told: tuple[Assumption, ...], crash: Span | None = None
) -> KexecChain:
    nothing = UBootPlaced(Span(0, 0), 0, failed=why)
    return KexecChain(loader, nothing, LoadMap((), system_ram(first.state)), told, None, first, crash)


def _headers(placed: KexecPlaced) -> list[Placed]:
    if placed.elfcorehdr is None:
        return []
    return [Placed("crash headers", placed.elfcorehdr.start, placed.elfcorehdr.size, "reserved")]


def _map(replay: Replay, extra: tuple[Placed, ...], crash: Span | None) -> LoadMap:
    found = load_map(replay, extra)
    return found if crash is None else replace(found, ram=(crash,))


def _restart_advice(setup: KexecSetup) -> str:
    """What lets the first kernel come to the second, and what that needs then."""
    kernel = setup.kernel
    cured = KernelModel(
        kernel.version,
        kernel.sublevel,
        kernel.config,
        kernel.symbols,
        kernel.overrides | {RESTART_FEATURE: False},
        kernel.file,
        kernel.platform_vmalloc_end,
    )
    done = kexec_chain(replace(setup, kernel=cured))
    if done.safe:
        return _CURES_RESTART
    return f"{_CURES_RESTART}; then {done.advice}" if done.advice else ""


def _advice(setup: KexecSetup, done: KexecChain) -> str:
    """``--image-size`` that keeps initrd and tree clear of the decompressor; a larger area where that is too small."""
    sizes = [done.crash.size] if done.crash is not None else [0]
    if setup.on_crash:
        sizes += range(align_up(sizes[0] + 1, _CRASH_STEP), _MOST_CRASH + 1, _CRASH_STEP)
    for size in sizes:
        wider = setup
        if size and (done.crash is None or size != done.crash.size):
            wider = replace(setup, handover=replace(setup.handover, cmdline=_reserving(done, size)))
        far = _kexec_chain(wider)
        needed = far.load_map.free_from() - far.placed.kernel.start if far.replay is not None else _enough(setup)
        tried = _kexec_chain(replace(wider, image_size=align_up(needed, PAGE_SIZE)))
        if tried.safe:
            area = "" if wider is setup else f"boot the first kernel with crashkernel={size_text(size)[:-4]}M, and "
            return (
                f"{area}give kexec --image-size={align_up(needed, PAGE_SIZE):#x}: initrd and tree then lie behind "
                f"{hex_address(tried.load_map.free_from())}, clear of what the decompressor writes"
            )
    return ""


def _enough(setup: KexecSetup) -> int:
    """More than any zImage of these sizes needs from its start on."""
    zimage = setup.handover.zimage
    assert zimage is not None
    return setup.kernel.text_offset + zimage.image_size + zimage.bss_size + 2 * zimage.size + MIB


def _reserving(done: KexecChain, size: int) -> str:
    """The first kernel's command line with another crashkernel=."""
    assert done.first is not None
    words = [word for word in done.first.state.cmdline.split() if not word.startswith("crashkernel=")]
    return " ".join([*words, f"crashkernel={size // MIB}M"])
