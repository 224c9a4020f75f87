"""A board with U-Boot's environment beside it: addresses and command line follow from the variables.

What the user gave by itself holds.  What U-Boot needs besides and nobody said (its release, the zImage's size) is taken
for something usual, and noted.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from bootmap.assemble.environment import Environment, Variable
from bootmap.assumptions import Assumption
from bootmap.errors import InputError, MissingInputError, UsageError
from bootmap.facts.loaders.uboot import IN_PLACE
from bootmap.facts.profiles.defconfigs import ZIMAGE_SHARE
from bootmap.inputs import uboot_env
from bootmap.inputs.fdt import Fdt
from bootmap.inputs.fs import file_name, read_file
from bootmap.loaders.uboot.bootm import run
from bootmap.loaders.uboot.release import UBoot
from bootmap.plan.setup import (
    FDT_VARIABLES,
    KERNEL_VARIABLES,
    LoadedImage,
    Told,
    board_of,
    command_of,
    expand,
    image_of,
    read_bdinfo,
)
from bootmap.units import PAGE_SIZE, align_up, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bootmap.assemble.board import Board
    from bootmap.assemble.kernel import Kernel
    from bootmap.loaders.uboot.bootm import UBootPlaced

_COMMAND = re.compile(r"\b(?:bootz|bootm)\s+[^;&|\"'\n]+")
_USUAL_RELEASE = "2023.01"
_LIMITS = ("bootm_mapsize", "bootm_size", "bootm_low")


def with_environment(kernel: Kernel, board: Board, file: str, bdinfo: str | None = None) -> Board:
    """The board as U-Boot leaves it, with the variables in ``file``: what printenv prints, or the image in flash.

    Args:
        kernel: the kernel, for its file.
        board: what it does not say is taken from U-Boot's placement: ``load_addr``, ``dtb_addr``, ``cmdline``.  An
            initrd is where ``initrd`` says that U-Boot leaves it.
        file: the environment.
        bdinfo: file of what bdinfo prints, for where U-Boot itself is; a console log will do.

    Raises:
        InputError: the file cannot be read, or is no environment.
        UsageError: the board has an ATAG list.
    """
    tree = board.description
    if not isinstance(tree, Fdt):
        raise UsageError("--env is for device trees: U-Boot's placements are not modelled for ATAG lists")
    name, data = file_name(file), read_file(file)
    try:
        values = uboot_env.parse(data)
    except InputError as error:
        raise error.in_file(name) from None
    lines = uboot_env.lines_of(data)
    known = {each: Variable(each, value, lines.get(each)) for each, value in values.items()}
    notes: list[Assumption] = []
    changes: dict[str, Any] = {}
    deciding: dict[str, tuple[Variable, ...]] = {}
    if board.cmdline is None and "bootargs" in known and "$" not in values["bootargs"]:
        changes["cmdline"], deciding["cmdline"] = values["bootargs"], (known["bootargs"],)
    failed = ""
    try:
        placed = _placed(
            kernel, board, tree, Told(values, read_bdinfo(bdinfo)[1] if bdinfo is not None else None), notes
        )
    except (MissingInputError, UsageError) as error:
        notes.append(Assumption(f"U-Boot's placement is not taken into account: {error}", "--env"))
    else:
        failed = placed.failed
        for attribute, value, why in () if failed else _places(board, placed, known):
            changes[attribute], deciding[attribute] = value, why
    return board.replace(
        **changes,
        environment=Environment(name, known, deciding, failed),
        assumptions=(*board.assumptions, *notes),
    )


def _placed(kernel: Kernel, board: Board, tree: Fdt, told: Told, notes: list[Assumption]) -> UBootPlaced:
    """Where U-Boot puts everything.

    Raises:
        MissingInputError: a variable is missing.
        UsageError: its command is not modelled, or its release is too old.
    """
    env = told.env
    uboot = UBoot.named(env.get("ver", ""), env.get("board"), env.get("soc"))
    if uboot is None or uboot.too_old:
        notes.append(Assumption(f"U-Boot places things as {_USUAL_RELEASE} does: its variables do not say `ver`"))
        uboot = UBoot.named(_USUAL_RELEASE, env.get("board"), env.get("soc"))
        assert uboot is not None
    packed = board.zimage if board.zimage is not None else kernel.file
    image = image_of(packed) if packed is not None else LoadedImage(0)
    if not image.size:
        image = replace(image, size=_usual_zimage(kernel))
        text = f"the zImage has {size_text(image.size)}: a part in {ZIMAGE_SHARE} of what it unpacks to"
        notes.append(Assumption(text, "--zimage"))
    memory = board_of(replace(told, banks=tuple(board.declared_ram)), uboot)
    notes += [Assumption(text, "--bdinfo") for text in memory.assumptions]
    told = replace(told, command=_typed(env))
    try:
        command = command_of(told, image, None, tree)
    except (MissingInputError, UsageError):
        command = command_of(replace(told, command=""), image, None, tree)
    return run(uboot, memory, command)


def _usual_zimage(kernel: Kernel) -> int:
    """Bytes of a zImage of this kernel, at the most."""
    symbols = kernel.symbols
    size = symbols.get("__bss_start", symbols["_end"]) - symbols.get("_text", symbols["_stext"])
    return align_up(size // ZIMAGE_SHARE, PAGE_SIZE)


def _typed(env: Mapping[str, str]) -> str:
    """The one boot command that the variables hold; "" where they hold none, or several that differ."""
    found = {expand(text.strip(), env) for value in env.values() for text in _COMMAND.findall(value)}
    whole = {text for text in found if len(text.split()) == 4}
    return whole.pop() if len(whole) == 1 else ""


def _places(
    board: Board, placed: UBootPlaced, known: Mapping[str, Variable]
) -> Iterator[tuple[str, Any, tuple[Variable, ...]]]:
    """Attribute of the board, its value, and the variables that decide it."""
    if board.load_addr is None:
        yield "load_addr", placed.entry, _first(known, KERNEL_VARIABLES)
    if board.dtb_addr is None and placed.dtb is not None:
        stays = _first(known, FDT_VARIABLES)
        yield "dtb_addr", placed.dtb.start, _limits(known, "fdt_high", stays if placed.in_place else ())


def _first(known: Mapping[str, Variable], names: tuple[str, ...]) -> tuple[Variable, ...]:
    return next(((known[name],) for name in names if name in known), ())


def _limits(known: Mapping[str, Variable], high: str, stays: tuple[Variable, ...]) -> tuple[Variable, ...]:
    """What decides: the address where it stays, else how high U-Boot may move it."""
    said = known.get(high)
    if stays:
        return (*stays, *((said,) if said is not None else ()))
    if said is not None and said.value and uboot_env.hextoul(said.value) != IN_PLACE:
        return (said,)
    limits = tuple(known[name] for name in _LIMITS if name in known)
    return limits or (Variable("bootm_size", None), Variable(high, None))
