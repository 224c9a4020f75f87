"""A kernel that the Raspberry Pi's firmware starts: config.txt and the model say where things are, then it boots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from bootmap.analysis.layout import LoadMap, load_map
from bootmap.assemble.board import Board
from bootmap.assemble.board_file import with_banks
from bootmap.assemble.handover import assemble
from bootmap.assemble.kernel import Kernel
from bootmap.assumptions import Assumption
from bootmap.errors import InputError, MissingInputError, UnsupportedError, UsageError
from bootmap.facts.loaders.rpi import OLD_TOTAL, PI_MODELS, PI_MODELS_BY_NAME
from bootmap.inputs import config_txt, fdt
from bootmap.inputs.fdt import Fdt
from bootmap.inputs.fdt_edit import FdtEditor, changeable
from bootmap.inputs.fs import file_name, read_file
from bootmap.loaders.rpi import PiSizes, arm_memory, follows_kernel, highest, place, starts_64
from bootmap.plan.chain import Chain, continued, in_order, kept, moved
from bootmap.plan.load import needed_zimage, parse_bank, read_ramdisk
from bootmap.plan.setup import image_of
from bootmap.units import GIB, MIB, size_text, whole_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bootmap.facts.loaders.rpi import PiModel
    from bootmap.inputs.config_txt import ConfigTxt
    from bootmap.loaders.uboot.bootm import UBootPlaced
    from bootmap.units import Span

_DECIDES = frozenset((
    "kernel", "kernel_address", "kernel_old", "initramfs", "ramfsfile", "ramfsaddr", "device_tree",
    "device_tree_address", "device_tree_end", "total_mem", "gpu_mem", "gpu_mem_256", "gpu_mem_512", "gpu_mem_1024",
    "arm_64bit", "arm_control", "auto_initramfs",
))  # fmt: skip
_VENDOR = "raspberrypi,"


def rpi_chain(
    board: str,
    *,
    config_file: str | None = None,
    pi: str = "",
    memory: str | None = None,
    dram: Iterable[str] = (),
    dtb_addr: int | None = None,
    ramdisk: str | None = None,
    cmdline: str | None = None,
    cpu: str | None = None,
    zimage: str | None = None,
    image: str | None = None,
    **kernel: Any,
) -> Chain:
    """Replay the Raspberry Pi's firmware, then the kernel.

    Args:
        board: file of the device tree, as it is on the card or as /sys/firmware/fdt has it.
        config_file: config.txt; None where there is none.
        pi: the model by the name of its filter (pi0, pi02, pi3+, cm4 ...); "" to take it from the tree.
        memory: RAM on the board, such as 512M; None where the model has only one size.
        dram: banks of RAM as a log shows them, in place of what follows from ``memory`` and gpu_mem.
        dtb_addr: where a log says "Device tree loaded to"; None for nowhere.
        ramdisk: the initramfs's file, or its size.
        cmdline: the command line, as /proc/cmdline has it; None for the tree's.
        cpu: the CPU's name.
        zimage: the zImage's file, or its size.
        image: the kernel file.
        kernel: further arguments of `Kernel.load`.

    Raises:
        BootmapError: something cannot be read, is missing, or is not modelled.
    """
    packed = needed_zimage(zimage, image)
    given = Board.load(board, cpu=cpu, zimage=packed, cmdline=cmdline)
    if not isinstance(given.description, Fdt):
        raise UsageError(f"{board}: is an ATAG list; the firmware's placements are modelled for device trees")
    model = _model(pi, given.description)
    name = "config.txt" if config_file is None else file_name(config_file)
    try:
        config = _config(config_file, model)
        device_tree = config.settings.get("device_tree")
        if device_tree is not None and not device_tree.value:
            raise InputError("device_tree= hands over ATAGs; only device trees are modelled", line=device_tree.line)
        if starts_64(config, model):
            raise UnsupportedError(_not_32(config, model, name))
        told, banks = _memory(config, model, memory, tuple(map(parse_bank, dram)))
        image_size = image_of(packed)
        if image_size.header:
            raise UsageError("the firmware starts a zImage without U-Boot's header")
        initramfs = _initramfs(config, ramdisk)
        tree = _handed(given.description, banks, None)
        sizes = PiSizes(image_size.size, initramfs, tree.totalsize)
        if initramfs:  # its place is in the tree, which does not grow by it any more
            disk = place(config, banks[0], sizes, dtb_addr).ramdisk
            tree = _handed(given.description, banks, disk)
            sizes = replace(sizes, tree=tree.totalsize)
        placed = place(config, banks[0], sizes, dtb_addr)
    except InputError as error:
        raise error.in_file(name) from None
    told = (*told, *_told(config, placed, banks[0], dtb_addr, name))
    loader = f"Raspberry Pi firmware ({model.name})"
    if placed.failed or (kernel.get("config") is None and image is None):
        return Chain(loader, placed, LoadMap(in_order(*moved(placed)), banks), told)
    read = Kernel.load(image=image, **kernel)
    kernel_model, handover = assemble(read, given.replace(load_addr=placed.entry))
    replay = continued(kernel_model, handover, placed, tree, (*told, *kept(handover)))
    return Chain(loader, placed, load_map(replay), told, replay)


def _model(pi: str, tree: Fdt) -> PiModel:
    if pi:
        if pi not in PI_MODELS_BY_NAME:
            raise UsageError(f"--pi {pi}: expected one of {', '.join(PI_MODELS_BY_NAME)}")
        return PI_MODELS_BY_NAME[pi]
    prop = tree.root.get("compatible")
    names = prop.value.split(b"\0") if prop is not None else []
    for each in names:
        text = each.decode("latin-1")
        for model in PI_MODELS:
            if text.startswith(_VENDOR) and text.removeprefix(_VENDOR) in model.compatible:
                return model
    raise MissingInputError(
        f"the tree's compatible strings name no Raspberry Pi with a 32-bit kernel; give --pi "
        f"({', '.join(PI_MODELS_BY_NAME)})"
    )


def _config(file: str | None, model: PiModel) -> ConfigTxt:
    if file is None:
        return config_txt.ConfigTxt({})
    return config_txt.parse(read_file(file).decode("utf-8", "replace"), model)


def _not_32(config: ConfigTxt, model: PiModel, name: str) -> str:
    for key in ("kernel", "arm_64bit", "arm_control"):
        if key in config.settings:
            return f"{name}: line {config.settings[key].line}: {key} starts a 64-bit kernel; bootmap is for 32-bit ones"
    return f"{model.name} starts a 64-bit kernel unless config.txt has arm_64bit=0"


def _memory(
    config: ConfigTxt, model: PiModel, memory: str | None, banks: tuple[Span, ...]
) -> tuple[tuple[Assumption, ...], tuple[Span, ...]]:
    if banks:
        return (), banks
    size = whole_number(memory) if memory is not None else model.memory[0] * MIB
    if size is None or size % MIB or size // MIB not in model.memory:
        sizes = ", ".join(f"{each}M" for each in model.memory)
        raise UsageError(f"--memory {memory}: {model.name} has {sizes}")
    told = []
    if memory is None and len(model.memory) > 1:
        told.append(Assumption(f"the board has {size_text(size)} of RAM", "--memory"))
    found = arm_memory(config, model, size // MIB)
    if not found:
        lines = [each.line for key, each in config.settings.items() if key.startswith("gpu_mem")]
        raise InputError(f"gpu_mem leaves the ARM nothing of {size_text(size)}", line=max(lines))
    if size >= GIB:
        told.append(
            Assumption(
                f"the ARM's RAM ends at {found[0].end:#010x}: firmware of 2016 (vc_mem.mem_size={OLD_TOTAL:#x} in "
                f"/proc/cmdline) leaves 16 MiB less",
                "--dram",
            )
        )
    return tuple(told), found


def _initramfs(config: ConfigTxt, ramdisk: str | None) -> int:
    """Bytes of the initramfs; 0 for none."""
    named = next((config.settings[key] for key in ("initramfs", "ramfsfile") if key in config.settings), None)
    automatic = bool(config.number("auto_initramfs"))
    disk = read_ramdisk(ramdisk)
    if disk is None and named is not None:
        raise MissingInputError(f"line {named.line} loads {named.value}; give it, or its size, with --ramdisk")
    if disk is not None and named is None and not automatic:
        raise UsageError("--ramdisk: config.txt loads none (initramfs FILE followkernel, or auto_initramfs=1)")
    return disk.header + disk.size if disk is not None else 0


def _handed(tree: Fdt, banks: tuple[Span, ...], disk: Span | None) -> Fdt:
    """The tree with RAM, and with the initramfs's place."""
    ready = with_banks(tree, banks)
    assert isinstance(ready, Fdt)
    if disk is None:
        return ready
    editor = FdtEditor(changeable(ready))
    chosen = editor.child("chosen")
    for name, value in (("linux,initrd-start", disk.start), ("linux,initrd-end", disk.end)):
        editor.set(chosen, name, value.to_bytes(4, "big"))
    editor.totalsize = max(editor.totalsize, editor.used)
    return fdt.parse(editor.blob())


def _told(config: ConfigTxt, placed: UBootPlaced, ram: Span, dtb_addr: int | None, name: str) -> Iterator[Assumption]:
    """What the documentation does not say, and what of config.txt hangs on things that it does not tell."""
    settings, end = config.settings, highest(ram)
    if placed.ramdisk is not None and follows_kernel(config):
        yield Assumption(
            f"the initramfs lies at {placed.ramdisk.start:#010x}, as high as it can below {end:#x}: no documentation "
            f"says so, public logs do (initramfs loaded to); initramfs FILE ADDR in {name} sets it"
        )
    address = settings.get("ramfsaddr")
    if placed.ramdisk is not None and address is not None and not address.value:
        yield Assumption(
            f"{name}: line {address.line}: initramfs without an address is taken for followkernel; firmware of 2015 "
            f"passes over such a line"
        )
    if dtb_addr is None and placed.dtb is not None and "device_tree_address" not in settings:
        yield Assumption(
            f"the device tree lies at {placed.dtb.start:#010x}, below the initramfs or below {end:#x}: no "
            f"documentation says so, public logs do (Device tree loaded to)",
            "--dtb-addr",
        )
    yield Assumption(
        "the tree is BOARD with RAM and the initramfs written into it: overlays and what the firmware writes besides "
        "are in it already (/sys/firmware/fdt)"
    )
    for key, setting in dict(config.maybe).items():
        if key in _DECIDES:
            yield Assumption(f"{name}: line {setting.line}: {key} is not set: [{setting.when}] does not hold")
    for include in {each.value: each for each in config.includes}.values():
        yield Assumption(f"{name}: line {include.line}: {include.value} sets nothing that decides on places")
