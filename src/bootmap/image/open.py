"""Opening an image of whatever kind: told by content, never by the file's name.

    qmp:ADDRESS gdb:ADDRESS      a running QEMU (one of them or both)
    FILE@ADDRESS ...             raw dumps; the address makes any file raw
    FILE                         ELF core, LiME, recording, prediction; anything else is raw, base unknown

Not here: searching an image for tables (analysis does), and files that would have to be unpacked first;
those are refused with the name of the tool that unpacks them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar

from msgspec import Struct, field

from bootmap.errors import ImageError, UsageError
from bootmap.image.facts import KernelFacts
from bootmap.image.files import MappedFile
from bootmap.image.raw import RawPart, open_raw, raw_part
from bootmap.output import shown_name
from bootmap.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType
    from typing import Self

    from bootmap.image.memory import ImageMemory
    from bootmap.image.prediction import PredictionDocument
    from bootmap.image.recording import Recording

Name = TypeVar("Name", bound=str)
Kind = Literal["raw", "ELF core", "LiME", "recording", "prediction", "QEMU"]

LIVE_PREFIXES = ("qmp:", "gdb:")

# First bytes -> what the file is and how to make something readable of it.
_FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"KDUMP   ", "a kdump-compressed dump; dump without compression, or convert it: makedumpfile -E"),
    (b"DISKDUMP", "a kdump-compressed dump; dump without compression, or convert it: makedumpfile -E"),
    (b"makedumpfile", "a flattened makedumpfile dump; convert it: makedumpfile -R"),
    (b"AVML", "AVML's compressed format; convert it: avml-convert"),
    (b"QFI\xfb", "a qcow2 image; take a dump with QEMU's dump-guest-memory instead"),
    (b"QEVM", "a QEMU migration stream; take a dump with QEMU's dump-guest-memory instead"),
    (b"\xfd7zXZ\0", "compressed; unpack it: xz -d"),
    (b"\x28\xb5\x2f\xfd", "compressed; unpack it: zstd -d"),
    (b"\x04\x22\x4d\x18", "compressed; unpack it: lz4 -d"),
    (b"\x89LZO\0", "compressed; unpack it: lzop -d"),
    (b"BZh", "compressed; unpack it: bzip2 -d"),
    (b"PK\x03\x04", "a zip archive; unpack it"),
)


class Image(Shown, Struct, frozen=True):
    """An opened image.  A context manager: leaving it closes the files or the connection.

    Attributes:
        kind: what it was found to be.
        memory: the physical memory that it holds.
        base_known: False for a raw file without an address, whose addresses then count from 0.
        state: which moment of a recording or state of a prediction ``memory`` is.
        states: the moments or states that there are.
        root: physical address of the first-level table, where the image names it.
        table_format: ``short`` or ``long`` descriptors, where the image names it.
        registers: the CPU's registers by their names in the architecture, as far as the image has them.
        kernel: what the image says of the kernel, where it does.
        assumptions: what of the registers and the kernel was not known but assumed when the image was written.
        close: releases what was opened.
    """

    kind: Kind
    memory: ImageMemory
    base_known: bool = True
    state: str | None = None
    states: tuple[str, ...] = ()
    root: int | None = None
    table_format: Literal["short", "long"] | None = None
    registers: Mapping[str, int] = field(default_factory=dict)
    kernel: KernelFacts = field(default_factory=KernelFacts)
    assumptions: tuple[str, ...] = ()
    close: Callable[[], None] = lambda: None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_image(*arguments: str, state: str | None = None) -> Image:
    """Open the image that ``arguments`` name (see the module); ``state`` picks a moment where there are several.

    Without ``state`` a recording is opened at its ``after`` (else its last moment), a prediction at
    ``paging_init`` (else its last state).

    Raises:
        ImageError: a file is unreadable, damaged or of a foreign format.
        MachineError: a running machine cannot be reached.
        UsageError: the arguments do not fit together.
    """
    if not arguments:
        raise UsageError("no image was named")
    live = [argument for argument in arguments if argument.startswith(LIVE_PREFIXES)]
    if live:
        if len(live) != len(arguments):
            raise UsageError("a running machine and a file cannot be one image")
        return _refuse_state(_open_live(live), state)
    parts = [raw_part(argument) for argument in arguments]
    if len(parts) > 1:
        for part in parts:
            if not part.base_known:
                raise UsageError(f"{part.path}: of several files each needs its address: FILE@ADDRESS")
    elif not parts[0].base_known:
        try:
            return _open_by_content(parts[0].path, state)
        except ImageError as error:
            raise error.in_file(shown_name(parts[0].path)) from None
    memory = open_raw(parts)
    return _refuse_state(Image("raw", memory, close=memory.close), state)


def _open_by_content(path: str, state: str | None) -> Image:
    file = MappedFile(path)
    head = bytes(file.data[:64])
    file.close()
    for magic, what in _FOREIGN:
        if head.startswith(magic):
            raise ImageError(f"{what} (for a raw dump that only looks so, give its address: FILE@ADDRESS)", file=path)
    if head.startswith((b"\x1f\x8b", b"{")):
        return _open_document(path, state)
    if head.startswith(b"\x7fELF"):
        from bootmap.image.core_file import saved_assumptions, saved_facts, saved_registers
        from bootmap.image.elfcore import open_core

        core = open_core(path)
        registers = {**(core.cpus[0] if core.cpus else {}), **saved_registers(core.saved)}
        facts, assumed = saved_facts(core.saved), saved_assumptions(core.saved)
        image = Image("ELF core", core, registers=registers, kernel=facts, assumptions=assumed, close=core.close)
        return _refuse_state(image, state)
    if head.startswith(b"EMiL"):  # the magic 0x4C694D45, little-endian
        from bootmap.image.lime import open_lime

        lime = open_lime(path)
        return _refuse_state(Image("LiME", lime, close=lime.close), state)
    raw = open_raw([RawPart(path, 0, False)])
    return _refuse_state(Image("raw", raw, base_known=False, close=raw.close), state)


def _open_document(path: str, state: str | None) -> Image:
    """A recording or a prediction: JSON, gzipped or not."""
    from bootmap.image.documents import read_document
    from bootmap.image.prediction import is_prediction, parse_prediction
    from bootmap.image.recording import parse_recording

    text = read_document(path)
    try:
        if not text.startswith(b"{"):
            raise ImageError("compressed; unpack it: gunzip")
        return (
            _prediction(parse_prediction(text), state)
            if is_prediction(text)
            else _recording(parse_recording(text), state)
        )
    except ImageError as error:
        raise error.in_file(path) from None


def _prediction(prediction: PredictionDocument, state: str | None) -> Image:
    states = tuple(prediction.states)
    picked = _pick(state, states, "paging_init")
    chosen = prediction.states[picked]
    tables = chosen.tables
    return Image(
        "prediction",
        chosen.pages(),
        state=picked,
        states=states,
        root=tables.root,
        table_format=tables.format,
        registers=prediction.registers,
        kernel=prediction.kernel.facts(),
    )


def _recording(recording: Recording, state: str | None) -> Image:
    picked = _pick(state, recording.moments, "after")
    return Image(
        "recording",
        recording.memory(picked),
        state=picked,
        states=recording.moments,
        root=recording.root(picked),
        table_format="long" if recording.lpae else "short",
        kernel=recording.facts(),
    )


def _open_live(addresses: list[str]) -> Image:
    from bootmap.image.live import attach

    machine = attach(addresses)
    return Image("QEMU", machine, registers=machine.registers(), close=machine.close)


def _pick(wanted: str | None, there: tuple[Name, ...], usual: Name) -> Name:
    if not there:
        raise ImageError("holds no state with page tables")
    if wanted is None:
        return usual if usual in there else there[-1]
    for name in there:
        if name == wanted:
            return name
    raise UsageError(f"no state {wanted!r}; there is: {', '.join(there)}")


def _refuse_state(image: Image, state: str | None) -> Image:
    if state is None:
        return image
    image.close()
    raise UsageError(f"{image.kind}: holds one moment only, {state!r} cannot be picked")
