"""Opening page tables, by the words that people name them with.

    board.dtb                     predicted; a stage picks the moment
    recording.json.gz             a recorded boot, or a prediction's JSON; a stage picks the moment
    core, dump.lime               memory of a real machine
    dump@0x40000000,more@1G       raw memory at its addresses, joined by commas
    qmp:ADDRESS,gdb:ADDRESS       a running QEMU

Registers that are not given come from the live CPU, the recording or the prediction; for a dump without any the
tables are searched.  What was taken for what was not given is told in ``Tables.assumptions``: nothing is silent.
"""

from __future__ import annotations

import os
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from bootmap.errors import UsageError
from bootmap.facts.arm.names import ARCH_NAMES, REGISTERS
from bootmap.output import shown_name
from bootmap.source.wanted import Wanted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bootmap.source.tables import Tables

_FDT_MAGIC, _ATAG_CORE = b"\xd0\x0d\xfe\xed", b"\x01\x00\x41\x54"
_HEAD_BYTES = 512


@contextmanager
def open_tables(
    *words: str,
    stage: str | None = None,
    arch: str | None = None,
    registers: Mapping[str, int] | None = None,
    **options: Any,
) -> Iterator[Tables]:
    """Open the tables that ``words`` name (see the module); they are closed on leaving.

    Args:
        words: one source, or several parts of one image.
        stage: the stage of a prediction or recording; after paging_init where not given.
        arch: version of the architecture; ``lpae`` for long descriptors.
        registers: values by lower-case name, in place of what is known.
        options: what describes the kernel and, for a board, the board: arguments of `Kernel.load` and `Board.load`.

    Raises:
        BootmapError: something cannot be read, is missing, or does not fit together.

    >>> with open_tables("tests/data/cases/virt-cma-6.1.json.gz") as tables:  # doctest: +SKIP
    ...     tables.walk(0xC0008000)
    """
    unknown = set(registers or ()) - set(REGISTERS)
    if unknown or arch not in (None, *ARCH_NAMES):
        raise UsageError(f"no such register or architecture: {', '.join(sorted(unknown)) or arch}")
    wanted = Wanted(stage, arch, dict(registers or {}), options)
    parts = _parts(words)
    name = ",".join(parts)
    if len(parts) == 1 and is_board(parts[0]):
        yield _predicted(parts[0], wanted)
        return
    from bootmap.source.image import opened_image

    with opened_image(shown_name(name), parts, wanted) as tables:
        yield tables


def _parts(words: Sequence[str]) -> list[str]:
    """The words, those with commas taken apart where there is no file of that name."""
    parts: list[str] = []
    for word in words:
        parts += [word] if os.path.exists(word) else [part for part in word.split(",") if part]
    if not parts:
        raise UsageError("no source was named: expected a device tree, a dump, a recording or a running QEMU")
    return parts


def is_board(word: str) -> bool:
    """Whether ``word`` is a device tree blob or ATAG list, or standard input, which can be nothing else."""
    if word == "-":
        return True
    try:
        if not os.path.isfile(word):  # a named pipe, say, would wait for a writer
            return False
        with open(word, "rb") as file:
            head = file.read(_HEAD_BYTES)
    except (OSError, ValueError):
        return False
    if head.startswith(b"\x1f\x8b"):
        try:
            head = zlib.decompressobj(wbits=31).decompress(head, 8)
        except zlib.error:
            return False
    return head.startswith(_FDT_MAGIC) or head[4:8] == _ATAG_CORE


def _predicted(board: str, wanted: Wanted) -> Tables:
    from bootmap.assemble.handover import replay
    from bootmap.assemble.load import load
    from bootmap.source.tables import predicted_tables

    check_stage(wanted.stage)
    kernel, loaded = load(board, **wanted.options)
    done = replay(kernel, loaded)
    outcome = done.outcome
    snapshot = done.usual_stage if wanted.stage is None else done.stage(wanted.stage)
    if snapshot is None:
        end = f"it ends in {outcome.stage}: {outcome.reason}"
        raise UsageError(f"{board}: the boot does not come so far as {wanted.stage}: {end}")
    tables = predicted_tables(loaded.name, done, snapshot)
    notes = list(tables.assumptions)
    if wanted.stage is None and snapshot.name != "paging_init":
        notes.append(f"the tables are those after {snapshot.name}; the boot ends in {outcome.stage}: {outcome.reason}")
    return replace(tables, regs=wanted.on(tables.regs), assumptions=tuple(notes))


def check_stage(name: str | None) -> None:
    """See that there is a stage of that name.

    Raises:
        UsageError: there is none.
    """
    from bootmap.boot.sequence import STAGE_NAMES

    if name is not None and name not in STAGE_NAMES:
        raise UsageError(f"--stage {name}: there is no such stage; {', '.join(STAGE_NAMES)} are")
