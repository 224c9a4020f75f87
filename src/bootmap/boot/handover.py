"""What the boot loader hands to the kernel, and what the hardware is: everything the boot is a function of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.shown import Shown

if TYPE_CHECKING:
    from bootmap.assumptions import Assumption
    from bootmap.facts.arm.cpus import Cpu
    from bootmap.facts.machines.machine import StaticMap
    from bootmap.inputs.atags import AtagList
    from bootmap.inputs.decompressor_code import DecompressorCode
    from bootmap.inputs.efi_map import EfiMap
    from bootmap.inputs.fdt import Fdt
    from bootmap.units import Span


class ZImage(Struct, frozen=True):
    """A zImage, as far as it matters where its decompressor writes to.

    Attributes:
        size: bytes from its first instruction to _edata.
        image_size: bytes of the kernel that it unpacks, bss not included.
        code: where things are in it.
        load_addr: where it runs; None where not known.
        start: the address that it was linked for.
        bss_size: bytes of the kernel's bss.
        appended: bytes of the device tree appended to it, 0 for none.
    """

    size: int
    image_size: int
    code: DecompressorCode
    load_addr: int | None = None
    start: int = 0
    bss_size: int = 0
    appended: int = 0


class Handover(Shown, Struct, frozen=True):
    """The machine at the kernel's first instruction.

    Attributes:
        board: the device tree or ATAG list that r2 points to; None where r2 is 0.
        params: r2, its physical address.
        phys_offset: PHYS_OFFSET, physical address of the start of RAM as the kernel takes it.
        cpu: the boot CPU.
        cpus: CPUs that the snoop control unit counts (Cortex-A9 only); None where not known.
        machine_id: r1, for an ATAG list.
        cmdline: replaces the boot loader's command line; None to take the board's.
        initrd: (physical start, size in bytes) that replaces the board's; None to take the board's.
        static_maps: what the user says ``map_io`` maps; None to take what is known of the machine.
        assumptions: what was not given and what was taken instead.
        dtcm: bytes of each bank of data TCM; None where not known.
        itcm: the same for instructions.
        zimage: the zImage that the boot loader starts; None where it starts the kernel itself, or is not asked about.
        ram: the RAM that the board really has; None where its description is believed.
        efi: the memory map of the firmware, for a kernel that UEFI starts; None where it does not, or is not known.
    """

    board: Fdt | AtagList | None
    params: int
    phys_offset: int
    cpu: Cpu
    cpus: int | None = None
    machine_id: int | None = None
    cmdline: str | None = None
    initrd: tuple[int, int] | None = None
    static_maps: tuple[StaticMap, ...] | None = None
    assumptions: tuple[Assumption, ...] = ()
    zimage: ZImage | None = None
    dtcm: tuple[int, ...] | None = None
    itcm: tuple[int, ...] | None = None
    efi: EfiMap | None = None
    ram: tuple[Span, ...] | None = None
