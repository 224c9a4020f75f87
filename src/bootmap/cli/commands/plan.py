"""``bootmap plan``: where a boot loader puts kernel, ramdisk and device tree, and addresses that are safe."""

from __future__ import annotations

from typing import Any

import click

import bootmap
from bootmap.cli.options import ADDRESS
from bootmap.errors import UsageError
from bootmap.output import folded

_FORMS = ("setenv", "extlinux", "fit", "header")
_LOADERS = ("u-boot", "qemu", "barebox", "rpi", "efi", "kexec", "kdump")
_OF_LOADERS: dict[str, tuple[str, ...]] = {
    "printenv": ("u-boot", "qemu"),
    "bdinfo": ("u-boot", "qemu"),
    "uboot": ("u-boot", "qemu"),
    "boot": ("u-boot", "qemu", "barebox"),
    "changes": ("u-boot", "qemu", "barebox"),
    "extlinux": ("u-boot", "qemu"),
    "script": ("u-boot", "qemu"),
    "files": ("u-boot", "qemu"),
    "hush": ("u-boot", "qemu"),
    "dtb_size": ("u-boot", "qemu"),
    "iomem_file": ("barebox",),
    "barebox": ("barebox",),
    "config_file": ("rpi",),
    "pi": ("rpi",),
    "memory": ("rpi",),
    "dtb_addr": ("rpi",),
    "cmdline": ("barebox", "rpi", "efi", "kexec", "kdump"),
    "efi_map": ("efi",),
    "append": ("kexec", "kdump"),
    "image_size": ("kexec", "kdump"),
    "kexec_tools": ("kexec", "kdump"),
    "dram": ("u-boot", "qemu", "barebox", "rpi", "kexec", "kdump"),
    "zimage": ("u-boot", "qemu", "barebox", "rpi", "kexec", "kdump"),
}
"""The loaders that have a use for an option; those that are not named are for all."""
_NAMES = {"changes": "set", "files": "file", "iomem_file": "iomem", "config_file": "config-txt"}


@click.command()
@click.argument("boards", metavar="[BOARD]...", nargs=-1, type=click.Path())
@click.option(
    "--loader",
    default="u-boot",
    type=click.Choice(_LOADERS),
    help="U-Boot; QEMU's own (-kernel); barebox; the Raspberry Pi's firmware; UEFI and the kernel's stub; Linux "
    "itself: kexec -l, or kexec -p and a panic.",
    show_default=True,
)
@click.option("--printenv", type=click.Path(), help="U-Boot's variables: what printenv prints, or the image in flash.")
@click.option("--bdinfo", type=click.Path(), help="What bdinfo prints; a whole console log will do.")
@click.option("--uboot", default="", help="U-Boot's release: 2023.01, or the line that it begins with.")
@click.option("--dram", multiple=True, metavar="BASE,SIZE", help="A bank of RAM, where bdinfo is not given.")
@click.option(
    "--boot", default="", metavar="COMMAND", help="What is typed: 'bootz ADDR ADDR:SIZE ADDR', 'run bootcmd'."
)
@click.option("--set", "changes", multiple=True, metavar="NAME=VALUE", help="Set a variable; NAME= deletes it.")
@click.option("--iomem", "iomem_file", type=click.Path(), help="What barebox's iomem prints; a log will do.")
@click.option("--barebox", default="", help="Its release: 2025.08.0, or the line that it begins with.")
@click.option("--config-txt", "config_file", type=click.Path(), help="For rpi: config.txt.")
@click.option(
    "--pi", default="", metavar="MODEL", help="For rpi: the model, as config.txt's filters call it: pi0, pi3+."
)
@click.option("--memory", metavar="SIZE", help="For rpi: RAM on the board, where the model has several sizes: 512M.")
@click.option("--dtb-addr", type=ADDRESS, help='For rpi: where its log says "Device tree loaded to".')
@click.option("--extlinux", type=click.Path(), help="extlinux.conf: its command line, and whether it has a ramdisk.")
@click.option("--script", type=click.Path(), help="boot.scr or its text: what it sets, loads, and boots.")
@click.option(
    "--file",
    "files",
    multiple=True,
    metavar="NAME=PATH",
    help="A file that the script loads as NAME, or a folder for all below; NAME= where there is none.",
)
@click.option("--hush", type=click.Choice(("old", "modern")), help="U-Boot's parser, as 'cli get' says.")
@click.option("--ramdisk", metavar="FILE|SIZE", help="The ramdisk.")
@click.option(
    "--cmdline", help="The (first) kernel's command line, in place of the board's; for U-Boot --set bootargs."
)
@click.option("--efi-map", type=click.Path(), help="For efi: UEFI's memory map, such as a shell's memmap.")
@click.option("--append", help="For kexec and kdump: kexec's --append.")
@click.option("--image-size", default=0, type=ADDRESS, help="For kexec and kdump: kexec's --image-size.")
@click.option("--kexec-tools", default="", help="For kexec and kdump: kexec's version, such as 2.0.25.")
@click.option("--dtb-size", type=ADDRESS, help="Bytes of the device tree, where BOARD is not given.")
@click.option("--config", type=click.Path(), help="The kernel's .config (also .gz).")
@click.option("--system-map", type=click.Path(), help="Its System.map.")
@click.option("--kernel", "image", type=click.Path(), help="zImage or uImage: for what it tells of these.")
@click.option("--kernel-version", "version", help="Its version, if the configuration does not say: 3.10, 6.1.55.")
@click.option("--feature", "features", multiple=True, metavar="NAME=on|off", help="Override a rule of the kernel.")
@click.option("--cpu", help="CPU: a name such as cortex-a9, or the value of MIDR.")
@click.option("--zimage", metavar="FILE|SIZE", help="The zImage, or its size, where --kernel is not it.")
@click.option("--propose", is_flag=True, help="Print addresses that are safe, for all BOARDs at once.")
@click.option(
    "--times", default=1.5, type=click.FloatRange(1, 16), help="Room for kernels so much larger.", show_default=True
)
@click.option(
    "--format", "form", default="setenv", type=click.Choice(_FORMS), help="A proposal's form.", show_default=True
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (bootmap.plan/1, bootmap.proposal/1).")
def command(
    boards: tuple[str, ...], propose: bool, times: float, form: str, as_json: bool, ramdisk: str | None, **options: Any
) -> int:
    """Say where the boot loader puts everything for BOARD, and whether that boots.

    Prints the load map from the boot loader's first byte to the decompressor's heap, the messages that U-Boot will
    print, and the verdict where a kernel is given (--config and --system-map).  With --propose prints safe addresses.

    With --loader barebox what its iomem prints says where memory is free (--iomem); with rpi config.txt and the model
    decide; with efi the map of --efi-map says where memory is free.  With --loader kexec or kdump BOARD boots the
    kernel, and the kernel boots itself again: where kexec-tools puts things, what the crash kernel gets, and whether
    it boots.
    """
    loader = options["loader"]
    _refuse(options, loader)
    if loader in ("barebox", "rpi", "efi", "kexec", "kdump"):
        if propose or len(boards) != 1:
            raise UsageError(f"--loader {loader} takes one BOARD, and no --propose")
        if loader in ("kexec", "kdump"):
            setup = bootmap.kexec_setup(boards[0], ramdisk=ramdisk, **options)
            return _print(bootmap.kexec_chain(setup), boards[0], as_json)
        chains = {"barebox": bootmap.barebox_chain, "rpi": bootmap.rpi_chain, "efi": bootmap.efi_chain}
        return _print(chains[options.pop("loader")](boards[0], ramdisk=ramdisk, **options), boards[0], as_json)
    if propose and not boards:
        raise UsageError("--propose needs a BOARD: its reserved memory decides too")
    if len(boards) > 1 and not propose:
        raise UsageError("several boards go with --propose only")
    setups = bootmap.uboot_setups(boards, ramdisk=ramdisk, anywhere=propose, **options)
    if propose:
        proposal = bootmap.propose(setups, times)
        if as_json:
            from bootmap.report.plan_json import proposal_json

            click.echo(proposal_json(proposal))
        else:
            from bootmap.report.plan_text import proposal_text

            file = "" if ramdisk is None else "initrd" if ramdisk[:1].isdigit() else ramdisk
            click.echo(proposal_text(proposal, form, "zImage", file, boards[0]), nl=False)
        return 0
    return _print(bootmap.chain(setups[0]), setups[0].name, as_json)


def _refuse(options: dict[str, Any], loader: str) -> None:
    """Take options out that a boot loader has no use for; none may be given."""
    for name, loaders in _OF_LOADERS.items():
        if loader not in loaders and options.pop(name) not in (None, "", (), 0):
            raise UsageError(f"--{_NAMES.get(name, name.replace('_', '-'))} does not go with --loader {loader}")


def _print(chain: bootmap.Chain, name: str, as_json: bool) -> int:
    if as_json:
        from bootmap.report.plan_json import plan_json

        click.echo(plan_json(chain))
    else:
        from bootmap.report.plan_text import plan_text

        click.echo(folded(plan_text(chain, name)), nl=False)
    return 0 if chain.safe or (chain.verdict is None and not chain.load_map.damage) else 1
