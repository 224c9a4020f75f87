"""What the user says of board and kernel beside a log, read.

Not here: the options that say it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from bootmap.boot.decompressor.phys_offset import memory_ranges
from bootmap.boot.kernel import KernelModel
from bootmap.inputs.symbols import Symbols
from bootmap.units import Span

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bootmap.facts.arm.cpus import Cpu
    from bootmap.facts.machines.machine import StaticMap
    from bootmap.inputs.atags import AtagList
    from bootmap.inputs.fdt import Fdt
    from bootmap.inputs.kconfig import Config
    from bootmap.inputs.kernel_file import KernelFile


class Given(Struct, frozen=True):
    """What the user says, read; None for what the log must tell.

    Attributes:
        board: the device tree or ATAG list.
        config: the configuration.
        symbols: the symbols.
        image: the kernel file.
        version: of Linux, as text.
        cpu: the boot CPU.
        cpus: CPUs that the snoop control unit counts.
        phys_offset: PHYS_OFFSET.
        params: physical address of the board's description.
        initrd: (start, size).
        cmdline: the command line.
        machine_id: r1.
        static_maps: what map_io maps.
        dtcm: banks of data TCM in bytes.
        itcm: of instruction TCM.
        features: rules that are overridden.
        cache: the kind of data cache, as ``--cache`` has it.
    """

    board: Fdt | AtagList | None = None
    config: Config | None = None
    symbols: Symbols | None = None
    image: KernelFile | None = None
    version: str | None = None
    cpu: Cpu | None = None
    cpus: int | None = None
    phys_offset: int | None = None
    params: int | None = None
    initrd: tuple[int, int] | None = None
    cmdline: str | None = None
    machine_id: int | None = None
    static_maps: tuple[StaticMap, ...] | None = None
    dtcm: tuple[int, ...] | None = None
    itcm: tuple[int, ...] | None = None
    features: Mapping[str, bool] = field(default_factory=dict)
    cache: str | None = None

    @property
    def banks(self) -> list[Span] | None:
        """RAM of the board, None where none is given."""
        if self.board is None:
            return None
        return [Span(start, end) for start, end in memory_ranges(self.board) if start < end]

    @property
    def release(self) -> str | None:
        """Version of Linux: as given, else as the configuration or the kernel file says."""
        if self.version is not None:
            return self.version
        if self.config is not None and self.config.release is not None:
            return self.config.release
        known = self.image is not None and self.image.version is not None
        return str(self.image.version) if self.image is not None and known else None

    @property
    def page_offset(self) -> int | None:
        """PAGE_OFFSET by the configuration, which alone decides it."""
        if self.config is None:
            return None
        return KernelModel((0, 0), None, self.config, self.symbols or Symbols([], [], [])).page_offset
