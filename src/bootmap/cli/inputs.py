"""The options that describe a board and a kernel, shared by every command that predicts, and how they are read.

What is not given is derived, else assumed and said; what cannot be assumed is asked for by name, with the flag that
gives it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from bootmap.errors import InputError, MissingInputError, UnsupportedError, UsageError
from bootmap.units import MIB, hex_address, memparse

if TYPE_CHECKING:
    from collections.abc import Callable

    from bootmap.boot.handover import Handover
    from bootmap.boot.kernel import KernelModel
    from bootmap.boot.sequence import Replay
    from bootmap.facts.arm.cpus import Cpu
    from bootmap.inputs.atags import AtagList
    from bootmap.inputs.fdt import Fdt
    from bootmap.inputs.kconfig import Config
    from bootmap.inputs.kernel_file import KernelFile
    from bootmap.inputs.symbols import Symbols

OLDEST = (2, 6, 38)
NEWEST = (7, 2)
_BANNER = b"Linux version "

_Command = TypeVar("_Command", bound="Callable[..., Any]")


class AddressType(click.ParamType[int]):
    """An address or size as people write it: 0x40000000, 1G, 1073741824."""

    name = "address"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read ``value`` as the kernel's memparse does, all of it."""
        if isinstance(value, int):
            return value
        number, rest = memparse(value)
        if rest or not value:
            self.fail(f"{value!r} is no address (0x40000000, 1024M and 1073741824 are)", param, ctx)
        return number


ADDRESS = AddressType()

_OPTIONS = (
    click.option("--config", "config", type=click.Path(), help="The kernel's .config (also .gz)."),
    click.option("--system-map", type=click.Path(), help="Its System.map."),
    click.option("--kernel", "kernel_file", type=click.Path(), help="vmlinux or zImage, for what it tells of these."),
    click.option("--kernel-version", help="Version, where the configuration does not say it: 3.10 or 6.1.55."),
    click.option("--feature", "features", multiple=True, metavar="NAME=on|off", help="Override a rule of the kernel."),
    click.option("--cmdline", help="Command line in place of the board's."),
    click.option("--cpu", help="CPU: a name such as cortex-a9, or the value of MIDR."),
    click.option("--cpus", type=click.IntRange(1, 4), help="CPUs that a Cortex-A9's snoop control unit counts."),
    click.option("--dtb-addr", type=ADDRESS, help="Physical address of the device tree or ATAG list (r2)."),
    click.option("--initrd", metavar="ADDR,SIZE", help="Where the boot loader put the initrd."),
    click.option("--phys-offset", type=ADDRESS, help="PHYS_OFFSET, the start of RAM to the kernel."),
    click.option("--zimage", metavar="FILE|SIZE", help="The zImage, where --kernel is not it: what it overwrites."),
    click.option("--load-addr", type=ADDRESS, help="Where the zImage runs; it decides PHYS_OFFSET and what is moved."),
    click.option("--machine-id", type=int, help="Machine number (r1), with an ATAG list."),
    click.option("--dtcm", metavar="SIZE[,SIZE]", help="Data TCM of the CPU, one size a bank; 0 for none."),
    click.option("--itcm", metavar="SIZE[,SIZE]", help="Its instruction TCM."),
    click.option("--static-map", "static_maps", multiple=True, metavar="VIRT,PHYS,LEN,TYPE",
                 help="A mapping that the machine's map_io makes, or @FILE with one a line."),
)  # fmt: skip


def board_options(command: _Command) -> _Command:
    """Add the options to a click command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def predict(board: str, **options: Any) -> Replay:
    """Read everything and replay the boot.

    Raises:
        BootmapError: something cannot be read, is missing, or is not modelled.
    """
    from bootmap.boot.sequence import boot

    kernel, handover = read_inputs(board, **options)
    try:
        return boot(kernel, handover)
    except InputError as error:
        raise error.in_file(board) from None


def read_inputs(
    board: str,
    *,
    config: str | None,
    system_map: str | None,
    kernel_file: str | None,
    kernel_version: str | None,
    features: tuple[str, ...],
    cmdline: str | None,
    cpu: str | None,
    cpus: int | None,
    dtb_addr: int | None,
    initrd: str | None,
    phys_offset: int | None,
    load_addr: int | None,
    machine_id: int | None,
    static_maps: tuple[str, ...],
    zimage: str | None = None,
    dtcm: str | None = None,
    itcm: str | None = None,
) -> tuple[KernelModel, Handover]:
    """The kernel and the handover that the options describe.

    Raises:
        BootmapError: see :func:`predict`.
    """
    from bootmap.boot.decompressor.decompress_kernel import plan
    from bootmap.boot.decompressor.phys_offset import phys_offset as find_phys_offset
    from bootmap.boot.handover import Handover
    from bootmap.cli import zimage_options
    from bootmap.cli.static_maps import parse_static_maps
    from bootmap.cli.tcm_options import parse_tcm
    from bootmap.facts.arm.tcm import DTCM, ITCM
    from bootmap.inputs.board import read_board

    image = read_kernel_file(kernel_file)
    packed = zimage_options.read_zimage(zimage, image)
    if image is None and packed is not None and not isinstance(packed, int):
        image, kernel_file = packed, zimage
    kernel = _kernel(config, system_map, image, kernel_version, features, system_map or kernel_file or "")
    description = read_board(board)
    assumptions: list[str] = []
    load_addr = zimage_options.load_address(load_addr, packed)
    appended = zimage_options.appended_tree(kernel, packed)
    if appended is not None:
        description = appended
        assumptions.append("the device tree is the one appended to the zImage, which replaces the boot loader's")
    picked_cpu = _cpu(kernel, description, cpu, machine_id, assumptions)
    if phys_offset is None and image is not None and image.kind == "Image" and load_addr is not None:
        phys_offset = load_addr - kernel.text_offset
        assumptions.append(f"PHYS_OFFSET is {hex_address(phys_offset)}: the Image runs at {hex_address(load_addr)}")
    if phys_offset is None:
        phys_offset, how = find_phys_offset(kernel, description, load_addr, appended=appended is not None)
        if phys_offset is None:
            raise MissingInputError(f"{board}: has no memory nodes to tell where RAM starts; give --phys-offset")
        assumptions.append(f"PHYS_OFFSET is {hex_address(phys_offset)}: {how} (--phys-offset)")
    described = None
    if packed is not None:
        described = zimage_options.describe(kernel, packed, load_addr, phys_offset, assumptions)
    if dtb_addr is None and described is not None and described.appended:
        dtb_addr = plan(kernel, described, phys_offset).dtb
    if dtb_addr is None:
        dtb_addr = default_params(description, phys_offset)
        assumptions.append(f"the boot loader put the board description at {hex_address(dtb_addr)} (--dtb-addr)")
    if picked_cpu.smp == "scu" and cpus is None and kernel.has("smp"):
        assumptions.append(
            "one CPU without snoop control unit: a Cortex-A9 says itself how many there are, the device tree does not "
            "count; with two or more, RAM is mapped shareable and write-allocate (--cpus)"
        )
    handover = Handover(
        board=description,
        params=dtb_addr,
        phys_offset=phys_offset,
        cpu=picked_cpu,
        cpus=cpus,
        machine_id=machine_id,
        cmdline=cmdline,
        initrd=parse_initrd(initrd),
        static_maps=parse_static_maps(static_maps) if static_maps else None,
        assumptions=tuple(assumptions),
        zimage=described,
        dtcm=parse_tcm(dtcm, DTCM, picked_cpu),
        itcm=parse_tcm(itcm, ITCM, picked_cpu),
    )
    return kernel, handover


def read_kernel_options(
    config: str | None,
    system_map: str | None,
    kernel_file: str | None,
    kernel_version: str | None,
    features: tuple[str, ...],
) -> KernelModel:
    """The kernel that the options describe.

    Raises:
        BootmapError: a file cannot be read, or what must be known is in none of them.
    """
    image = read_kernel_file(kernel_file)
    return _kernel(config, system_map, image, kernel_version, features, system_map or kernel_file or "")


def _kernel(
    config: str | None,
    system_map: str | None,
    image: KernelFile | None,
    kernel_version: str | None,
    features: tuple[str, ...],
    symbols_file: str,
) -> KernelModel:
    from bootmap.boot.kernel import KernelModel

    configuration = _config(config, image)
    symbols = read_symbols(system_map, image)
    version, sublevel = version_of(kernel_version, configuration, image)
    kernel = KernelModel(version, sublevel, configuration, symbols, feature_overrides(features), image)
    _check_symbols(kernel, symbols, symbols_file)
    return kernel


def feature_overrides(features: tuple[str, ...]) -> dict[str, bool]:
    """``NAME=on|off`` pairs as a mapping.

    Raises:
        UsageError: an unknown feature or a value that is neither.
    """
    from bootmap.facts.features.table import ROWS_BY_NAME

    overrides = {}
    for text in features:
        name, _, value = text.partition("=")
        if name not in ROWS_BY_NAME:
            raise UsageError(f"--feature {text}: there is no feature {name!r}; `bootmap features` lists them")
        if value not in ("on", "off"):
            raise UsageError(f"--feature {text}: expected {name}=on or {name}=off")
        overrides[name] = value == "on"
    return overrides


def parse_kernel_version(text: str) -> tuple[tuple[int, ...], int | None]:
    """``6.1.55`` as ((6, 1), 55), ``6.1`` as ((6, 1), None), ``2.6.38.2`` as ((2, 6, 38), 2).

    Raises:
        UsageError: it is no version.
    """
    parts = text.split("-")[0].split("+")[0].split(".")
    if len(parts) < 2 or not all(part.isdecimal() and len(part) < 6 for part in parts[:4]):
        raise UsageError(f"{text!r} is no kernel version (6.1, 6.1.55 and 2.6.38 are)")
    numbers = [int(part) for part in parts[:4]]
    width = 3 if numbers[:2] == [2, 6] else 2
    if len(numbers) < width:
        raise UsageError(f"{text!r} is no kernel version (6.1, 6.1.55 and 2.6.38 are)")
    return tuple(numbers[:width]), numbers[width] if len(numbers) > width else None


def read_kernel_file(path: str | None) -> KernelFile | None:
    """The kernel file of ``--kernel``, where there is one.

    Raises:
        InputError: it cannot be read.
    """
    if path is None:
        return None
    from bootmap.inputs.zimage import read_kernel

    return read_kernel(path)


def read_config_option(path: str | None, image: KernelFile | None) -> Config | None:
    """The configuration of ``--config``, else the kernel's own; None where there is neither.

    Raises:
        InputError: it cannot be read.
    """
    from bootmap.inputs.kconfig import read_config

    if path is not None:
        return read_config(path)
    return image.config if image is not None else None


def _config(path: str | None, image: KernelFile | None) -> Config:
    found = read_config_option(path, image)
    if found is not None:
        return found
    where = f"{image.path} carries no configuration (CONFIG_IKCONFIG)" if image else "no configuration was given"
    raise MissingInputError(f"{where}; give the kernel's .config with --config")


def read_symbols(path: str | None, image: KernelFile | None) -> Symbols:
    """The symbols of ``--system-map``, else the kernel file's own.

    Raises:
        BootmapError: the file cannot be read, or there are none.
    """
    from bootmap.inputs.symbols import read_system_map

    if path is not None:
        return read_system_map(path)
    if image is not None and image.symbols is not None:
        return image.symbols
    where = f"{image.path} carries no symbols" if image else "no symbols were given"
    raise MissingInputError(f"{where}; give the kernel's System.map with --system-map, or a vmlinux with --kernel")


def version_of(
    given: str | None, config: Config | None, image: KernelFile | None
) -> tuple[tuple[int, ...], int | None]:
    """Mainline release and sublevel: as given, else as the configuration or the kernel file says.

    Raises:
        UsageError: what is given is no version.
        MissingInputError: nothing says it.
        UnsupportedError: it is not modelled.
    """
    if given is not None:
        version, sublevel = parse_kernel_version(given)
    elif config is not None and config.release is not None:
        version, sublevel = parse_kernel_version(config.release)
    elif image is not None and image.version is not None:
        version, sublevel = parse_kernel_version(str(image.version))
    else:
        raise MissingInputError("nothing says which version of Linux this is; give --kernel-version")
    if not OLDEST <= version <= NEWEST:
        text = ".".join(map(str, version))
        raise UnsupportedError(f"Linux {text} is not modelled; 2.6.38 to 7.2 are")
    return version, sublevel


def _check_symbols(kernel: KernelModel, symbols: Symbols, file: str) -> None:
    """Ask at once for every symbol that the steps will need."""
    needed = ["swapper_pg_dir", "_stext", "_end", "__init_begin", "__init_end", "_sdata"]
    idmap = "turn_mmu_on" if kernel.has("idmap_turn_mmu_on") else "enable_mmu"
    needed += [f"__{idmap}", f"__{idmap}_end"]
    if kernel.has("early_fixmap"):
        needed.append("bm_pte")
    missing = [name for name in needed if name not in symbols]
    if missing:
        raise MissingInputError(
            f"{file}: lacks {', '.join(missing)}; give the complete System.map of this kernel with --system-map "
            f"(a distribution's kallsyms has no data symbols)"
        )
    if not kernel.page_offset <= symbols["swapper_pg_dir"] < symbols["_end"] <= 0xFFFFFFFF:
        raise MissingInputError(
            f"{file}: swapper_pg_dir is {symbols['swapper_pg_dir']:#010x} and _end {symbols['_end']:#010x}, but "
            f"PAGE_OFFSET is {kernel.page_offset:#010x}: this System.map is not of the kernel that the "
            f"configuration describes"
        )
    banner = symbols.get("linux_banner")
    if banner is not None and (start := kernel.read(banner, len(_BANNER))) is not None and start != _BANNER:
        raise MissingInputError(f"{file}: is not of the kernel that --kernel gives: its linux_banner is elsewhere")


def _cpu(
    kernel: KernelModel, board: Fdt | AtagList, given: str | None, machine_id: int | None, assumptions: list[str]
) -> Cpu:
    from bootmap.boot.setup.machine import pick_machine
    from bootmap.facts.arm.cpus import CPUS, cpu_by_midr, cpu_by_name
    from bootmap.inputs.fdt import Fdt

    if given is not None:
        found = cpu_by_name(given)
        if found is None and given[:1].isdigit():
            number, rest = memparse(given)
            found = cpu_by_midr(number) if not rest else None
        if found is None:
            raise UnsupportedError(
                f"--cpu {given}: not modelled; known: {', '.join(cpu.name for cpu in CPUS)}, or a MIDR"
            )
        return found
    name = None
    if isinstance(board, Fdt) and (cpus := board.node("/cpus")) is not None:
        for node in cpus.children:
            compatible = node.get("compatible")
            if compatible is None:
                continue
            for text in compatible.value.rstrip(b"\0").decode("latin-1").split("\0"):
                if (found := cpu_by_name(text)) is not None:
                    return found
                name = name or text
    machine = pick_machine(kernel, board, machine_id).machine
    if machine is not None and machine.cpu is not None and (found := cpu_by_name(machine.cpu)) is not None:
        assumptions.append(f"the CPU is {found.name}, as on {machine.name} (--cpu)")
        return found
    where = f"the CPU {name!r} of the device tree is not known" if name else "the board does not name its CPU"
    raise MissingInputError(f"{where}; give --cpu (cortex-a9, arm926, or the value of MIDR)")


def default_params(board: Fdt | AtagList, phys_offset: int) -> int:
    """Where boot loaders put the description: 128 MiB into RAM, or half way where there is less; tags at 0x100."""
    from bootmap.boot.decompressor.phys_offset import memory_ranges
    from bootmap.inputs.fdt import Fdt

    if not isinstance(board, Fdt):
        return phys_offset + 0x100
    ends = [end for start, end in memory_ranges(board) if start <= phys_offset < end]
    room = (ends[0] if ends else phys_offset) - phys_offset
    return phys_offset + min(128 * MIB, room // 2 & ~(MIB - 1) if room else 128 * MIB)


def parse_initrd(text: str | None) -> tuple[int, int] | None:
    """``ADDR,SIZE`` as numbers; None for None.

    Raises:
        UsageError: it is something else.
    """
    if text is None:
        return None
    start, rest = memparse(text)
    size, tail = memparse(rest[1:])
    if not rest.startswith(",") or tail or not size:
        raise UsageError(f"--initrd {text}: expected ADDR,SIZE such as 0x48000000,8M")
    return start, size
