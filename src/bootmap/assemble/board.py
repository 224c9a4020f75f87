"""The board under prediction: its description, and what the boot loader and the hardware add to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from bootmap.assemble import texts
from bootmap.errors import InputError, UsageError
from bootmap.inputs.kernel_file import KernelFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from os import PathLike

    from bootmap.assemble.board_file import BoardFile
    from bootmap.assemble.environment import Environment
    from bootmap.assumptions import Assumption
    from bootmap.facts.machines.machine import StaticMap
    from bootmap.inputs.atags import AtagList
    from bootmap.inputs.efi_map import EfiMap
    from bootmap.inputs.fdt import Fdt
    from bootmap.units import Span

    Path = str | PathLike[str]


class Board(Struct, frozen=True, kw_only=True):
    """A board and how its boot loader starts the kernel.  What is None is derived or assumed by `predict`.

    Attributes:
        name: what reports and errors call it.
        description: the device tree, or the ATAG list, that the boot loader passes.
        cmdline: the command line in place of the description's.
        cpu: a name such as ``cortex-a9``, or the value of MIDR as text.
        cpus: CPUs that a Cortex-A9's snoop control unit counts.
        dtb_addr: physical address of the description (r2).
        initrd: physical start and bytes of the initrd, in place of the description's.
        phys_offset: PHYS_OFFSET, physical address of the start of RAM as the kernel takes it.
        zimage: the zImage, or its size in bytes, to check what it overwrites while unpacking.
        load_addr: where the zImage runs.
        machine_id: machine number (r1), with an ATAG list.
        static_maps: what the machine's map_io maps, in place of what is known of it.
        dtcm: data TCM as ``SIZE[,SIZE]``; ``0`` for none.
        itcm: instruction TCM, likewise.
        efi_map: the memory map of a firmware that starts the kernel by UEFI; None where it does not.
        cache: the kind of data cache: ``vipt-aliasing``, ``vipt-nonaliasing`` or ``vivt``; an aliasing one rules out
            highmem.
        vmalloc_end: VMALLOC_END before 3.3, where each platform had its own.
        ram: what RAM the board really has, where the description and mem= tell of other RAM.
        environment: U-Boot's variables, and what of the above follows from them.
        lines: of a tree that was compiled here, path of a node or property -> (source file, line).
        assumptions: what of this was taken for what was not given.
    """

    name: str
    description: Fdt | AtagList
    cmdline: str | None = None
    cpu: str | None = None
    cpus: int | None = None
    dtb_addr: int | None = None
    initrd: tuple[int, int] | None = None
    phys_offset: int | None = None
    zimage: KernelFile | int | None = None
    load_addr: int | None = None
    machine_id: int | None = None
    static_maps: tuple[StaticMap, ...] | None = None
    dtcm: str | None = None
    itcm: str | None = None
    efi_map: EfiMap | None = None
    cache: str | None = None
    vmalloc_end: int | None = None
    ram: tuple[Span, ...] | None = None
    environment: Environment | None = None
    lines: Mapping[str, tuple[str, int]] | None = None
    assumptions: tuple[Assumption, ...] = ()

    @classmethod
    def load(
        cls,
        path: Path,
        *,
        initrd: str | tuple[int, int] | None = None,
        zimage: Path | KernelFile | int | None = None,
        static_maps: Iterable[str | StaticMap] = (),
        efi_map: Path | EfiMap | None = None,
        overlays: Iterable[str] = (),
        memory: Iterable[str] = (),
        **more: Any,
    ) -> Board:
        """Read a board: a device tree blob, its source, a folder such as /proc/device-tree, a FIT or an ATAG list.

        Args:
            path: the file (gzip is undone; ``-`` is standard input) or folder; of a FIT the default configuration.
            initrd: (start, bytes), or ``ADDR,SIZE`` as text.
            zimage: the zImage's file, or its size.
            static_maps: mappings, or ``VIRT,PHYS,LEN,TYPE`` as text.
            efi_map: the firmware's memory map, or a file with what a kernel or a shell printed of it.
            overlays: files of overlays, applied in order.
            memory: ``BASE,SIZE`` of each bank of RAM, in place of what the tree has.
            more: the other attributes by their names.

        Raises:
            InputError: a file cannot be read, or is no board.
            UsageError: a text is not of its form.
            ToolMissingError: source or overlays need a tool that is not installed.

        >>> Board.load("boards/imx6q-sabrelite.dtb", phys_offset=0x1000_0000)
        <Board boards/imx6q-sabrelite.dtb, phys_offset=0x10000000>
        """
        from bootmap.assemble.board_file import read_boards

        more["efi_map"] = efi_map
        first = read_boards(str(path), tuple(overlays), tuple(memory))[0]
        return cls.of_file(first, initrd=initrd, zimage=zimage, static_maps=static_maps, **more)

    @classmethod
    def of_file(cls, read: BoardFile, **more: Any) -> Board:
        """A board that was read from a file: what the file says holds where nothing else is given."""
        if more.get("initrd") is None and read.initrd is not None:
            more["initrd"] = read.initrd
        if more.get("load_addr") is None and read.load_addr is not None:
            more["load_addr"] = read.load_addr
        return cls.of(read.description, read.name, lines=read.lines, **more)

    @classmethod
    def parse(cls, data: bytes, name: str = "the board", **more: Any) -> Board:
        """The same from the bytes of a device tree blob or ATAG list.

        Raises:
            InputError: they are neither.
        """
        from bootmap.inputs.board import parse_board

        try:
            description = parse_board(data)
        except InputError as error:
            raise error.in_file(name) from None
        return cls.of(description, name, **more)

    @classmethod
    def of(
        cls,
        description: Fdt | AtagList,
        name: str,
        initrd: str | tuple[int, int] | None = None,
        zimage: Path | KernelFile | int | None = None,
        static_maps: Iterable[str | StaticMap] = (),
        **more: Any,
    ) -> Board:
        """The same from a description that was parsed already."""
        maps = tuple(static_maps)
        parsed = [row for row in maps if not isinstance(row, str)]
        parsed += texts.parse_static_maps([row for row in maps if isinstance(row, str)])
        more["efi_map"] = read_efi_map(more.get("efi_map"))
        if more.get("ram") is not None:
            more["ram"] = tuple(texts.parse_span(row, "--ram") if isinstance(row, str) else row for row in more["ram"])
            more["ram"] = more["ram"] or None
        return cls(
            name=name,
            description=description,
            initrd=texts.parse_initrd(initrd) if isinstance(initrd, str) else initrd,
            zimage=read_zimage(zimage),
            static_maps=tuple(parsed) if maps else None,
            **more,
        )

    @property
    def declared_ram(self) -> list[Span]:
        """The banks of RAM that its description declares, without those of no size."""
        from bootmap.assemble.ram import declared_ram

        return declared_ram(self.description)

    @property
    def ram_start(self) -> int | None:
        """Where its RAM begins, by a memory node without a size, else by its SoC; None where nothing tells."""
        from bootmap.assemble.ram import ram_start

        return ram_start(self.description)

    def with_memory(self, banks: Sequence[Span]) -> Board:
        """The same board with ``banks`` as the RAM of its device tree, as a boot loader would write them.

        Raises:
            UsageError: a bank does not fit into the cells of the tree, or the board has an ATAG list.
        """
        from bootmap.assemble.board_file import with_banks

        return self.replace(description=with_banks(self.description, banks))

    def replace(self, **changes: Any) -> Board:
        """The same board with some attributes changed."""
        return replace(self, **changes)

    def __repr__(self) -> str:
        given = []
        for name in ("cpu", "cmdline", "phys_offset", "dtb_addr", "load_addr"):
            value = getattr(self, name)
            if value is not None:
                given.append(f"{name}={value:#x}" if isinstance(value, int) else f"{name}={value!r}")
        return f"<Board {', '.join([self.name, *given])}>"


def read_efi_map(given: Path | EfiMap | None) -> EfiMap | None:
    """A firmware's memory map from the file of what was printed, or as it is.

    Raises:
        InputError: the file cannot be read, or holds no map.
    """
    from bootmap.inputs.efi_map import EfiMap, parse
    from bootmap.inputs.fs import read_file

    if given is None or isinstance(given, EfiMap):
        return given
    try:
        return parse(read_file(str(given)).decode("utf-8", "replace"))
    except InputError as error:
        raise error.in_file(str(given)) from None


def read_zimage(given: Path | KernelFile | int | None) -> KernelFile | int | None:
    """The zImage of a file, of a size as text, or as it is.

    Raises:
        InputError: the file cannot be read.
        UsageError: the file is no zImage.
    """
    from bootmap.units import memparse

    if given is None or isinstance(given, int | KernelFile):
        return given
    text = str(given)
    number, rest = memparse(text)
    if text[:1].isdigit() and not rest:
        return number
    from bootmap.inputs.zimage import read_kernel

    file = read_kernel(text)
    if file.kind != "zImage":
        raise UsageError(f"--zimage {text}: is of the kind {file.kind}; a zImage or a size was expected")
    return file
