"""What the commands that read page tables read from: a board, predicted on the spot, or an image of any kind.

    board.dtb                     predicted; --state picks the moment
    recording.json.gz             a recorded boot, or a prediction's JSON; --state picks the moment
    core, dump.lime               memory of a real machine
    dump@0x40000000,more@1G       raw memory at its addresses, joined by commas
    qmp:ADDRESS,gdb:ADDRESS       a running QEMU

Registers that are not given come from the live CPU, the recording or the prediction; for a dump without any the
tables are searched.  What was taken for what was not given is told in ``Source.assumptions``: nothing is silent.
"""

from __future__ import annotations

import os
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

import click

from bootmap.cli.inputs import ADDRESS, board_options, predict
from bootmap.errors import MissingInputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bootmap.boot.kernel import KernelModel
    from bootmap.boot.sequence import Replay, Stage
    from bootmap.cli.inputs import _Command
    from bootmap.image.open import Image
    from bootmap.mmu.memory import Memory
    from bootmap.mmu.regs import Regs

REGISTERS = ("ttbr0", "ttbr1", "ttbcr", "sctlr", "dacr", "prrr", "nmrr", "mair0", "mair1")
ARCH_NAMES = ("v4", "v5", "xscale", "v6", "v6k", "v6kz", "v7", "v7lpae", "lpae")
_LONG_ARCH = "lpae"
_EAE = 1 << 31
_FDT_MAGIC, _ATAG_CORE = b"\xd0\x0d\xfe\xed", b"\x01\x00\x41\x54"

_OPTIONS = (
    click.option("--state", metavar="NAME", help="The moment of a prediction or recording. [paging_init, after]"),
    click.option("--arch", type=click.Choice(ARCH_NAMES), help="Version of the architecture; lpae: long descriptors."),
    *(
        click.option(f"--{name}", type=ADDRESS, metavar="VALUE", help=f"{name.upper()}, in place of what is known.")
        for name in REGISTERS
    ),
)


def source_options(command: _Command) -> _Command:
    """Add the options of a source to a click command: those of a board, the moment, and the registers."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return board_options(command)


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """The options as they were given.

    Attributes:
        board: those of ``cli.inputs.board_options``, by name.
        state: the moment, None for the usual one.
        arch: one of ``ARCH_NAMES``, None where it is to be found out.
        registers: values by the lower-case names of ``REGISTERS``, those that were given.
    """

    board: Mapping[str, Any]
    state: str | None = None
    arch: str | None = None
    registers: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> SourceOptions:
        """From the keyword arguments of a command with ``source_options``."""
        registers = {name: options[name] for name in REGISTERS if options.get(name) is not None}
        own = {"state", "arch", *REGISTERS}
        board = {name: value for name, value in options.items() if name not in own}
        return cls(board, options.get("state"), options.get("arch"), registers)


@dataclass(frozen=True, slots=True)
class Source:
    """An opened source.

    Attributes:
        name: the words that named it.
        kind: prediction, recording, raw, ELF core, LiME or QEMU.
        memory: physical memory, as ``mmu`` reads it.
        regs: the registers that the tables are read under.
        kernel: version, configuration and layout, where something tells them; its symbols may be none.
        version: the kernel's version, where only that is known too.
        page_offset: PAGE_OFFSET, where known.
        phys_offset: PHYS_OFFSET, where known.
        high_memory: end of lowmem in virtual space, where known.
        symbols: virtual addresses by name, empty where no table was given.
        prediction: the whole prediction, for a board.
        stage: its moment.
        image: the image, for anything but a board.
        assumptions: what was taken for what was not given, a sentence each.
    """

    name: str
    kind: str
    memory: Memory
    regs: Regs
    kernel: KernelModel | None = None
    version: str | None = None
    page_offset: int | None = None
    phys_offset: int | None = None
    high_memory: int | None = None
    symbols: Mapping[str, int] = field(default_factory=dict)
    prediction: Replay | None = None
    stage: Stage | None = None
    image: Image | None = None
    assumptions: tuple[str, ...] = ()


@contextmanager
def open_source(words: str | Sequence[str], options: SourceOptions) -> Iterator[Source]:
    """Open what ``words`` name (see the module); it is closed on leaving.

    Args:
        words: one SOURCE word, or several that make one image.
        options: the options.

    Raises:
        BootmapError: something cannot be read, is missing, or does not fit together.
    """
    parts = _parts([words] if isinstance(words, str) else words)
    name = ",".join(parts)
    if len(parts) == 1 and _is_board(parts[0]):
        yield _predicted(parts[0], options)
        return
    from bootmap.cli.image_source import opened_image

    with opened_image(name, parts, options) as source:
        yield source


def _parts(words: Sequence[str]) -> list[str]:
    """The words, those with commas taken apart where there is no file of that name."""
    parts: list[str] = []
    for word in words:
        parts += [word] if os.path.exists(word) else [part for part in word.split(",") if part]
    if not parts:
        raise UsageError("no source was named: expected a device tree, a dump, a recording or a running QEMU")
    return parts


def _is_board(word: str) -> bool:
    """Whether ``word`` is a device tree blob or ATAG list, or standard input, which can be nothing else."""
    if word == "-":
        return True
    try:
        if not os.path.isfile(word):  # a named pipe, say, would wait for a writer
            return False
        with open(word, "rb") as file:
            head = file.read(512)
    except (OSError, ValueError):
        return False
    if head.startswith(b"\x1f\x8b"):
        try:
            head = zlib.decompressobj(wbits=31).decompress(head, 8)
        except zlib.error:
            return False
    return head.startswith(_FDT_MAGIC) or head[4:8] == _ATAG_CORE


def _predicted(board: str, options: SourceOptions) -> Source:
    from bootmap.analysis.overview import last_stage
    from bootmap.analysis.registers import linux_registers, stage_memory
    from bootmap.boot.sequence import STATE_NAMES

    if options.state is not None and options.state not in STATE_NAMES:
        raise UsageError(f"--state {options.state}: there is no such moment; {', '.join(STATE_NAMES)} are")
    prediction = predict(board, **options.board)
    outcome, assumptions = prediction.outcome, list(prediction.state.assumptions)
    stage = last_stage(prediction) if options.state is None else prediction.stage(options.state)
    if stage is None:
        end = f"it ends in {outcome.stage}: {outcome.reason}"
        raise UsageError(f"{board}: the boot does not come so far as {options.state}: {end}")
    if options.state is None and stage.name != "paging_init":
        assumptions.append(
            f"the tables are those after {stage.name}; the boot ends in {outcome.stage}: {outcome.reason}"
        )
    kernel = prediction.state.kernel
    return Source(
        name=board,
        kind="prediction",
        memory=stage_memory(prediction, stage),
        regs=overridden(linux_registers(prediction), options),
        kernel=kernel,
        version=kernel.version_text,
        page_offset=kernel.page_offset,
        phys_offset=prediction.state.handover.phys_offset,
        high_memory=stage.vars.high_memory or None,
        symbols=kernel.symbols,
        prediction=prediction,
        stage=stage,
        assumptions=tuple(assumptions),
    )


def overridden(regs: Regs, options: SourceOptions) -> Regs:
    """The registers with those that were given in their place.

    Raises:
        UsageError: a value does not fit in its register.
    """
    changes: dict[str, Any] = dict(options.registers)
    if options.arch is not None:
        changes["arch"] = "v7lpae" if options.arch == _LONG_ARCH else options.arch
    if options.arch == _LONG_ARCH and "ttbcr" not in changes:
        changes["ttbcr"] = regs.ttbcr | _EAE
    assert changes.keys() <= {row.name for row in fields(regs)}
    try:
        return replace(regs, **changes)
    except ValueError as error:
        raise UsageError(f"the registers do not fit together: {error}") from None


def missing_root(name: str, kind: str) -> MissingInputError:
    """The error where nothing tells which tables are meant; it names the flags that do."""
    if kind == "QEMU":
        return MissingInputError(
            f"{name}: QMP does not show registers; give the gdb stub too (gdb:ADDRESS), or --ttbr0"
        )
    return MissingInputError(
        f"{name}: holds no registers, and no page tables were found in it; give --ttbr0 (and --arch lpae where the "
        f"descriptors are long), or --system-map with --phys-offset"
    )
