"""The options that several commands share: those of a kernel and a board, and those of page tables to read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from bootmap import ARCH_NAMES, REGISTERS
from bootmap.units import whole_number

if TYPE_CHECKING:
    from collections.abc import Callable

    _Number = click.ParamType[int]
else:
    _Number = click.ParamType  # not to be subscripted before click 8.4

_Command = TypeVar("_Command", bound="Callable[..., Any]")


class AddressType(_Number):
    """An address or size as people write it: 0x40000000, 1G, 1073741824."""

    name = "address"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read ``value`` as the kernel's memparse does, all of it."""
        if isinstance(value, int):
            return value
        number = whole_number(value)
        if number is None:
            self.fail(f"{value!r} is no address (0x40000000, 1024M and 1073741824 are)", param, ctx)
        return number


ADDRESS = AddressType()

_KERNEL = (
    click.option("--config", type=click.Path(), help="The kernel's .config (also .gz)."),
    click.option("--system-map", type=click.Path(), help="Its System.map."),
    click.option("--kernel", "image", type=click.Path(), help="vmlinux, zImage or Image: for what it tells of these."),
    click.option("--kernel-version", "version", help="Its version, if the configuration does not say: 3.10, 6.1.55."),
    click.option("--feature", "features", multiple=True, metavar="NAME=on|off", help="Override a rule of the kernel."),
)

_BOARD = (
    click.option("--cmdline", help="Command line, in place of the board's."),
    click.option("--cpu", help="CPU: a name such as cortex-a9, or the value of MIDR."),
    click.option("--cpus", type=click.IntRange(1, 4), help="Number of CPUs of a Cortex-A9 (its snoop control unit)."),
    click.option("--dtb-addr", type=ADDRESS, help="Physical address of the device tree or ATAG list (r2)."),
    click.option("--initrd", metavar="ADDR,SIZE", help="Where the boot loader puts the initrd."),
    click.option("--phys-offset", type=ADDRESS, help="PHYS_OFFSET: where RAM starts for the kernel."),
    click.option(
        "--zimage",
        metavar="FILE|SIZE",
        help="zImage (or its size), to check what it overwrites while unpacking. Not needed if --kernel is the zImage.",
    ),
    click.option("--load-addr", type=ADDRESS, help="Where the zImage runs; it decides PHYS_OFFSET and what moves."),
    click.option("--efi-map", type=click.Path(), help="UEFI's memory map: a log with efi=debug, or a shell's memmap."),
    click.option("--machine-id", type=int, help="Machine number (r1), with an ATAG list."),
    click.option(
        "--cache",
        type=click.Choice(("vipt-aliasing", "vipt-nonaliasing", "vivt")),
        help="Kind of the data cache; one that aliases rules out highmem.",
    ),
    click.option("--vmalloc-end", type=ADDRESS, help="VMALLOC_END of the platform, before 3.3."),
    click.option("--dtcm", metavar="SIZE[,SIZE]", help="Data TCM of the CPU, one size per bank; 0 for none."),
    click.option("--itcm", metavar="SIZE[,SIZE]", help="Instruction TCM, likewise."),
    click.option(
        "--static-map",
        "static_maps",
        multiple=True,
        metavar="VIRT,PHYS,LEN,TYPE",
        help="A mapping that the machine's map_io makes, or @FILE with one per line.",
    ),
)

_INPUTS = (
    click.option("--build", type=click.Path(file_okay=False), help="A kernel's build tree, for all that it has."),
    click.option("--defconfig", metavar="NAME", help="Take a typical kernel: multi_v7, imx_v6_v7, sunxi, bcm2835, ..."),
    click.option(
        "--memory",
        "memory",
        multiple=True,
        metavar="BASE,SIZE",
        help="A bank of RAM, in place of the tree's: what the boot loader fills in. Repeatable.",
    ),
    click.option("--ram", multiple=True, metavar="BASE,SIZE", help="RAM that the board really has. Repeatable."),
    click.option("--overlay", "overlays", multiple=True, type=click.Path(), help="Apply this overlay. Repeatable."),
    click.option("--vmsplit", metavar="3g|3g_opt|2g|1g", help="What if the kernel were built with this split."),
    click.option("--highmem/--no-highmem", default=None, help="What if it were built with or without HIGHMEM."),
)

_TABLES = (
    click.option("--stage", metavar="NAME", help="The stage of a prediction or recording. [paging_init, after]"),
    click.option("--state", "stage", hidden=True),
    click.option("--arch", type=click.Choice(ARCH_NAMES), help="Version of the architecture; lpae: long descriptors."),
    *(
        click.option(f"--{name}", type=ADDRESS, metavar="VALUE", help=f"{name.upper()}, in place of what is known.")
        for name in REGISTERS
    ),
)


_BOOT = (
    click.option("--machine", help="QEMU's machine.  [virt]"),
    click.option("--memory", type=ADDRESS, help="Its RAM; the machine's usual size where not given."),
    click.option("--late", is_flag=True, help="Go on until init is about to run, and compare there too."),
    click.option("--place", is_flag=True, help="Put the unpacked kernel into RAM: no decompressor, much faster."),
    click.option("--jobs", "-j", default=1, type=click.IntRange(1, 64), help="Boots side by side.", show_default=True),
    click.option(
        "--timeout",
        default=60.0,
        type=click.FloatRange(1, 3600),
        help="Seconds for each stretch of the way.",
        show_default=True,
    ),
)


def _added(command: _Command, options: tuple[Callable[[_Command], _Command], ...]) -> _Command:
    for option in reversed(options):
        command = option(command)
    return command


def board_options(command: _Command) -> _Command:
    """Add the options of a kernel and a board; a command passes them on to `bootmap.load`."""
    return _added(command, (*_KERNEL, *_BOARD))


def input_options(command: _Command) -> _Command:
    """Add the ways to describe a board and its kernel by less, or otherwise, than what is there."""
    return _added(command, _INPUTS)


def boot_options(command: _Command) -> _Command:
    """Add the options of a boot under QEMU to a command that has those of a board."""
    return _added(command, _BOOT)


def tables_options(command: _Command) -> _Command:
    """Add the options of page tables: the stage, the registers, those of a board; see `tables_arguments`."""
    return _added(command, (*_TABLES, *_KERNEL, *_BOARD))


def tables_arguments(options: dict[str, Any]) -> dict[str, Any]:
    """The values of `tables_options` as arguments of `bootmap.open`."""
    left = dict(options)
    registers = {name: value for name in REGISTERS if (value := left.pop(name)) is not None}
    return {**left, "registers": registers}
