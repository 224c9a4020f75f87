"""A kernel that can be both predicted and booted: configuration and symbols for the one, its bytes for the other.

Not here: where the files are found and how they are read (the command does that).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.boot.handover import Handover
from bootmap.boot.kernel import KernelModel
from bootmap.boot.sequence import boot
from bootmap.errors import MissingInputError, UsageError
from bootmap.facts.machines.qemu import NO_MACHINE_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bootmap.boot.sequence import Replay
    from bootmap.facts.arm.cpus import Cpu
    from bootmap.inputs.atags import AtagList
    from bootmap.inputs.fdt import Fdt
    from bootmap.inputs.kconfig import Config
    from bootmap.inputs.kernel_file import KernelFile
    from bootmap.inputs.symbols import Symbols

_DATA = ("swapper_pg_dir", "_text", "_end", "_sdata", "__init_begin")


class BootKernel(Struct, frozen=True):
    """One kernel.

    Attributes:
        name: what reports call it.
        version: mainline release, such as (6, 1).
        sublevel: stable sublevel, or None.
        config: its configuration.
        symbols: its symbols.
        file: the kernel file.
        overrides: features that the user switched.
        parse: reads a device tree blob or ATAG list.
        key: the folder of its configuration and symbols in a recording.
        learned: which of the symbols no table named, but the kernel told in a boot.
    """

    name: str
    version: tuple[int, ...]
    sublevel: int | None
    config: Config
    symbols: Symbols
    file: KernelFile
    overrides: Mapping[str, bool]
    parse: Callable[[bytes], Fdt | AtagList]
    key: str = ""
    learned: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if "paging_init" not in self.symbols:
            raise MissingInputError(f"{self.name}: the symbols lack paging_init; give the whole System.map")
        if self.in_flash and self.text_only:
            missing = ", ".join(name for name in _DATA if name not in self.symbols)
            raise MissingInputError(f"{self.name}: the symbols lack {missing}; give the whole System.map of it")

    @property
    def in_flash(self) -> bool:
        """Whether the kernel runs from flash (XIP)."""
        return self.config.enabled("XIP_KERNEL")

    @property
    def text_only(self) -> bool:
        """Whether the symbols lack what a prediction needs; the kernel itself must be asked (text_symbols.py)."""
        return any(name not in self.symbols for name in _DATA)

    def model(self) -> KernelModel:
        """The kernel for a prediction: a fresh one, which nobody has asked anything."""
        return KernelModel(self.version, self.sublevel, self.config, self.symbols, self.overrides, self.file)

    def entry(self, phys_offset: int) -> int:
        """Physical address of the unpacked kernel's first byte, which is its first instruction: in RAM or in flash."""
        model = self.model()
        return model.xip_flash if self.in_flash else phys_offset + model.text_offset

    def image(self) -> bytes:
        """The unpacked kernel as it lies in memory from _text on, bss not included.

        Raises:
            UsageError: the file does not hold it in one piece.
        """
        if self.file.image is None:
            raise UsageError(f"{self.file.path}: is a {self.file.kind}; give the zImage or the unpacked Image of it")
        return self.file.image

    def predict(
        self,
        board: bytes,
        address: int,
        phys_offset: int,
        cpu: Cpu,
        cpus: int | None = None,
        machine_id: int = NO_MACHINE_ID,
    ) -> Replay:
        """What bootmap says of this kernel with a device tree blob or ATAG list at physical ``address``."""
        handover = Handover(self.parse(board), address, phys_offset, cpu, cpus=cpus, machine_id=machine_id)
        return boot(self.model(), handover)
