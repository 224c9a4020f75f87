"""What is the same whichever loader starts the kernel: reading it at its first instruction, and what came of it all."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from msgspec import Struct, field

from bootmap.image.recording import KernelId
from bootmap.units import hex_address
from bootmap.verify.guest import Guest
from bootmap.verify.observe import observe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from bootmap.image.machine import RunningMachine
    from bootmap.image.recording import RecordedEntry, Recording
    from bootmap.verify.compare import Comparison
    from bootmap.verify.guest import Setup
    from bootmap.verify.kernels import BootKernel


class ChainRequest(Struct, frozen=True):
    """What is to be booted.

    Attributes:
        binary: u-boot.bin or barebox-dt-2nd.img, for QEMU's virt machine.
        board: the kernel's tree; None for the one that QEMU makes.
        ramdisk: bytes of the ramdisk; None for none.
        changes: variables that are set before (barebox: of ``global``); U-Boot deletes one that is "".
        timeout: seconds for each stretch of the kernel's way.
    """

    binary: Path
    board: bytes | None = None
    ramdisk: bytes | None = None
    changes: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 60.0


class LoaderBoot(Struct, frozen=True, kw_only=True):
    """What came of a loader and the kernel that it started.

    Attributes:
        loader_differences: what the loader did otherwise than predicted, a sentence each.
        recording: the kernel, read; None where none was started.
        comparison: of the kernel; None likewise.
    """

    loader_differences: tuple[str, ...] = ()
    recording: Recording | None = None
    comparison: Comparison | None = None

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not self.loader_differences and (self.comparison is None or not self.comparison.finding.is_wrong)


def observe_kernel(
    machine: RunningMachine,
    kernel: BootKernel,
    setup: Setup,
    *,
    entry: RecordedEntry,
    phys_offset: int,
    board: bytes,
    command_line: str,
    name: str,
    timeout: float,
    progress: Callable[[str], None],
) -> Recording:
    """The boot of a kernel that stands at its first instruction, as `observe` reads it.

    Args:
        machine: QEMU, stopped there.
        kernel: the kernel.
        setup: the machine's.
        entry: the registers that it was started with.
        phys_offset: PHYS_OFFSET in bytes.
        board: the tree that it was given.
        command_line: what the loader tells it.
        name: of the recording.
        timeout: seconds for each stretch of its way.
        progress: is told what goes on.

    Raises:
        MachineError: QEMU ended, or something makes no sense.
    """
    model = kernel.model()
    return observe(
        Guest(machine, setup, entry, phys_offset),
        kernel.symbols,
        page_offset=model.page_offset,
        long=model.has("lpae"),
        board=board,
        command_line=command_line,
        name=name,
        kernel=KernelId(os.path.basename(str(kernel.file.path)), kernel.key or kernel.name),
        timeout=timeout,
        progress=progress,
    )


def serial_socket(path: str) -> list[str]:
    """QEMU's arguments that make its serial port a socket at ``path``."""
    return ["-chardev", f"socket,id=talk,path={path},server=on,wait=off", "-serial", "chardev:talk"]


def said_otherwise(name: str, predicted: Sequence[str], said: Sequence[str]) -> list[str]:
    """Lines of the boot loader ``name`` that differ from those predicted."""
    differences = []
    for i in range(max(len(said), len(predicted))):
        ours = predicted[i] if i < len(predicted) else "nothing"
        theirs = said[i].rstrip() if i < len(said) else "nothing"
        if ours != theirs:
            differences.append(f"{name} says {theirs!r}, predicted was {ours!r}")
    return differences


def handed_otherwise(place: int, predicted: bytes, r2: int, found: bytes) -> list[str]:
    """How the tree at r2 differs from the one that was predicted at ``place``."""
    if r2 != place:
        return [f"the kernel gets its tree at {hex_address(r2)}, predicted was {hex_address(place)}"]
    differs = tree_difference(predicted, found)
    return [differs] if differs else []


def tree_difference(ours: bytes, found: bytes) -> str:
    """Where a tree in RAM is not the predicted one, up to the end of its strings; "" where it is."""
    used = int.from_bytes(ours[12:16], "big") + int.from_bytes(ours[32:36], "big")
    if found[:used] == ours[:used]:
        return ""
    shorter = min(used, len(found))
    at = next((i for i in range(shorter) if found[i] != ours[i]), shorter)
    return f"the tree differs from byte {at:#x} on"
