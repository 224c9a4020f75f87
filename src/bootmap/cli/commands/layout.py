"""``bootmap layout``: the load map, of a board or of a few sizes and addresses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

import bootmap
from bootmap.cli.options import ADDRESS, board_options, input_options
from bootmap.errors import UsageError
from bootmap.output import folded

if TYPE_CHECKING:
    from collections.abc import Mapping


_ALONE = frozenset({"zimage", "load_addr", "phys_offset", "initrd", "memory", "version"})
_SIZE = "; --image-size says how large the kernel is"
_INSTEAD = {"dtb_addr": "; --dtb ADDR,SIZE says where the tree lies and how large it is"}
_INSTEAD |= dict.fromkeys(("config", "system_map", "image", "build"), _SIZE)
_SPELT = {"image": "kernel", "version": "kernel-version", "overlays": "overlay", "static_maps": "static-map"}


@click.command()
@click.argument("board", required=False, type=click.Path())
@board_options
@input_options
@click.option("--image-size", type=ADDRESS, help="Bytes of the unpacked kernel (arch/arm/boot/Image).")
@click.option("--bss-size", type=ADDRESS, help="Bytes of bss behind it.")
@click.option("--text-offset", type=ADDRESS, default=0x8000, help="TEXT_OFFSET.  [0x8000]")
@click.option("--dtb", metavar="ADDR,SIZE", help="Where the device tree lies, where BOARD is not given.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (bootmap.layout/1).")
def command(
    board: str | None,
    image_size: int | None,
    bss_size: int | None,
    text_offset: int,
    dtb: str | None,
    as_json: bool,
    **options: Any,
) -> int:
    """Show everything that lies in RAM when the kernel starts, with the gaps between.

    With BOARD as for check; without, from --image-size, --zimage, --load-addr, --initrd and --dtb alone.  Exit code 1:
    two things damage each other.
    """
    if board is not None:
        kernel, loaded = bootmap.load(board, typical=True, **options)
        load_map = bootmap.check(kernel, loaded, prove=False).load_map
    elif image_size is None:
        raise UsageError("give a BOARD, or --image-size with --zimage, --load-addr, --initrd and --dtb")
    else:
        load_map = _alone(image_size, bss_size, text_offset, dtb, options)
    if as_json:
        from bootmap.report.check_json import load_map_rows

        click.echo(json.dumps({"schema": "bootmap.layout/1", "objects": load_map_rows(load_map)}))
    else:
        from bootmap.report.layout_text import layout_text, margin_text

        click.echo(folded(layout_text(load_map) + margin_text(load_map)), nl=False)
    return int(bool(load_map.damage))


def _alone(
    image_size: int, bss_size: int | None, text_offset: int, dtb: str | None, options: Mapping[str, Any]
) -> bootmap.LoadMap:
    for name, value in options.items():
        if name not in _ALONE and value not in (None, (), False):
            instead = _INSTEAD.get(name, "")
            raise UsageError(f"--{_SPELT.get(name, name.replace('_', '-'))} goes with a BOARD{instead}")
    return bootmap.load_map(
        image_size,
        zimage=bootmap.size_of(options["zimage"]),
        load_addr=options.get("load_addr"),
        phys_offset=options.get("phys_offset"),
        bss_size=bss_size,
        initrd=bootmap.place_of(options.get("initrd"), "--initrd"),
        dtb=bootmap.place_of(dtb, "--dtb"),
        ram=[bootmap.span_of(text, "--memory") for text in options.get("memory") or ()],
        text_offset=text_offset,
        version=options.get("version"),
    )
