"""QEMU's 32-bit ARM machines that boot Linux: where their RAM is, how much they take, and their CPU.

``kernel_at`` is how far into RAM QEMU puts a ``-kernel`` file (hw/arm/boot.c KERNEL_LOAD_ADDR); from there the
decompressor starts.  Not here: machines without RAM that the kernel could use, and those of other architectures.

Source: QEMU 7.2 hw/arm/*.c (memory maps, ``default_cpu_type``, checks of ``ram_size``).
"""

from __future__ import annotations

from msgspec import Struct

from bootmap.units import GIB, MIB

KERNEL_AT = 0x10000
NO_MACHINE_ID = 0xFFFFFFFF
"""r1 where only a device tree tells the board."""


class QemuMachine(Struct, frozen=True):
    """One machine.

    Attributes:
        name: for ``-M``.
        ram_base: physical address of RAM.
        cpu: its CPU, by the name that ``-cpu`` and `spec.cpus` have; for ``virt`` the one that is asked for.
        sizes: the sizes of RAM in bytes that it takes, empty for any.
        most: the most RAM in bytes.
        default: RAM in bytes where the board does not say.
        cpu_option: whether ``-cpu`` is given to QEMU.
        cpus: ``-smp`` where the machine insists on it, else 1.
        machine_id: r1, for kernels that are told the board that way; else `NO_MACHINE_ID`.
        own_ram: the machine makes its RAM itself and takes no memory backend.
    """

    name: str
    ram_base: int
    cpu: str
    most: int
    default: int
    sizes: tuple[int, ...] = ()
    cpu_option: bool = False
    cpus: int = 1
    machine_id: int = NO_MACHINE_ID
    own_ram: bool = False


MACHINES = (
    QemuMachine("virt", 0x40000000, "cortex-a15", 3 * GIB, GIB, cpu_option=True),
    QemuMachine("vexpress-a9", 0x60000000, "cortex-a9", GIB, GIB, machine_id=2272),
    QemuMachine("vexpress-a15", 0x80000000, "cortex-a15", 2 * GIB, GIB, machine_id=2272),
    QemuMachine("sabrelite", 0x10000000, "cortex-a9", 2 * GIB, GIB),
    QemuMachine("raspi2b", 0, "cortex-a7", GIB, GIB, sizes=(GIB,), cpus=4),
    QemuMachine("raspi0", 0, "arm1176", 512 * MIB, 512 * MIB, sizes=(512 * MIB,)),
    QemuMachine("orangepi-pc", 0x40000000, "cortex-a7", GIB, GIB, sizes=(GIB,), cpus=4),
    QemuMachine("cubieboard", 0x40000000, "cortex-a8", GIB, GIB, sizes=(256 * MIB, 512 * MIB, GIB)),
    QemuMachine("mcimx6ul-evk", 0x80000000, "cortex-a7", 2 * GIB, 512 * MIB),
    QemuMachine("mcimx7d-sabre", 0x80000000, "cortex-a7", 2 * GIB, GIB),
    QemuMachine("highbank", 0, "cortex-a9", 4089 * MIB, GIB),
    QemuMachine("midway", 0, "cortex-a15", 4089 * MIB, GIB),
    QemuMachine("ast2600-evb", 0x80000000, "cortex-a7", 2 * GIB, GIB,
                sizes=(256 * MIB, 512 * MIB, GIB, 2 * GIB), cpus=2),
    QemuMachine("romulus-bmc", 0x80000000, "arm1176", GIB, 512 * MIB,
                sizes=(128 * MIB, 256 * MIB, 512 * MIB, GIB)),
    QemuMachine("versatilepb", 0, "arm926", 256 * MIB, 128 * MIB, cpu_option=True, machine_id=387),
    QemuMachine("realview-pb-a8", 0x70000000, "cortex-a8", 512 * MIB, 256 * MIB, machine_id=1897, own_ram=True),
    QemuMachine("realview-eb-mpcore", 0, "arm11mpcore", 256 * MIB, 128 * MIB, machine_id=827, own_ram=True),
    QemuMachine("integratorcp", 0, "arm926", 256 * MIB, 128 * MIB, cpu_option=True, machine_id=275),
    QemuMachine("smdkc210", 0x40000000, "cortex-a9", GIB, GIB, sizes=(GIB,), cpus=2, machine_id=2838, own_ram=True),
    QemuMachine("sx1", 0x10000000, "arm925t", 32 * MIB, 32 * MIB, sizes=(32 * MIB,), machine_id=613),
    QemuMachine("sx1-v1", 0x10000000, "arm925t", 32 * MIB, 32 * MIB, sizes=(32 * MIB,), machine_id=613),
    QemuMachine("spitz", 0xA0000000, "pxa270-c0", 64 * MIB, 64 * MIB, sizes=(64 * MIB,), machine_id=713, own_ram=True),
    QemuMachine("akita", 0xA0000000, "pxa270-c0", 64 * MIB, 64 * MIB, sizes=(64 * MIB,), machine_id=744, own_ram=True),
)

MACHINES_BY_NAME = {machine.name: machine for machine in MACHINES}


def cpu_of_machine(machine: str) -> str | None:
    """The CPU of a QEMU machine by name; None where it is not known."""
    known = MACHINES_BY_NAME.get(machine)
    return None if known is None else known.cpu
