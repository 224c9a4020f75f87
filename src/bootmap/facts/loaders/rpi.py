"""The firmware of the Raspberry Pi (start.elf) as a boot loader of 32-bit kernels: what is documented, what logs show.

Documented: raspberrypi/documentation, documentation/asciidoc/computers/config_txt/boot.adoc, memory.adoc,
conditional.adoc, what_is_config_txt.adoc; configuration/device-tree.adoc (4.6).

Seen in logs, not documented: where "followkernel" and the tree end up (a maintainer: "a high address that is safe for
the platform", raspberrypi/documentation pull request 829); the logs are those of tests/data/loads/rpi-firmware.json.
"""

from __future__ import annotations

from msgspec import Struct

from bootmap.units import GIB, KIB, MIB


class PiModel(Struct, frozen=True):
    """A model of the Raspberry Pi.

    Attributes:
        name: that of its filter in config.txt.
        sees: the filters that it passes.
        memory: MiB of RAM that it has been sold with.
        compatible: the tree's compatible strings.
        boards: its types by number, for ``[board-type=...]``.
        starts_64: it starts a 64-bit kernel unless config.txt says otherwise.
    """

    name: str
    sees: tuple[str, ...]
    memory: tuple[int, ...]
    compatible: tuple[str, ...]
    boards: tuple[int, ...]
    starts_64: bool = False


_GIBS = (1024, 2048, 4096, 8192)
PI_MODELS = (
    PiModel("pi0", ("pi0",), (512,), ("model-zero",), (0x9,)),
    PiModel("pi0w", ("pi0", "pi0w"), (512,), ("model-zero-w",), (0xC,)),
    PiModel("pi02", ("pi0", "pi0w", "pi02"), (512,), ("model-zero-2", "model-zero-2-w"), (0x12,)),
    PiModel("pi1", ("pi1",), (256, 512),
            ("model-a", "model-a-plus", "model-b", "model-b-i2c0", "model-b-rev2", "model-b-plus", "compute-module"),
            (0x0, 0x1, 0x2, 0x3, 0x6)),
    PiModel("pi2", ("pi2",), (1024,), ("2-model-b", "2-model-b-rev2"), (0x4,)),
    PiModel("pi3", ("pi3",), (1024,), ("3-model-b", "3-compute-module", "3-compute-module-lite"), (0x8, 0xA, 0x10)),
    PiModel("pi3+", ("pi3", "pi3+"), (512, 1024), ("3-model-a-plus", "3-model-b-plus"), (0xD, 0xE)),
    PiModel("pi4", ("pi4",), _GIBS, ("4-model-b",), (0x11,), starts_64=True),
    PiModel("pi400", ("pi4", "pi400"), (4096,), ("400",), (0x13,), starts_64=True),
    PiModel("cm4", ("pi4", "cm4"), _GIBS, ("4-compute-module",), (0x14,), starts_64=True),
    PiModel("cm4s", ("pi4", "cm4s"), _GIBS, ("4-compute-module-s",), (0x15,), starts_64=True),
)
PI_MODELS_BY_NAME = {model.name: model for model in PI_MODELS}
PI_FILTERS = frozenset(PI_MODELS_BY_NAME) | {"pi5", "pi500", "cm5"}
KERNELS_32 = ("kernel.img", "kernel7.img", "kernel7l.img")
"""A ``kernel=`` of these names is started in 32 bits, kernel8.img in 64."""
KERNEL_64 = "kernel8.img"

PI_KERNEL = 0x8000
"""``kernel_address`` by default."""
GPU_MEM, GPU_MEM_LARGE = 64, 76
"""``gpu_mem`` in MiB by default: below 1 GiB of RAM, and from there on."""
GPU_MEM_LEAST = 16
TOTAL_MEM_LEAST = 128
"""``total_mem`` in MiB at the least."""
LINE_MOST = 98
"""Characters of a line of config.txt that count (before 2021: 78)."""
GPU_END = GIB
"""The GPU's memory ends here, or at the end of RAM where that is less."""
ARM_END = 0xFC000000
"""Of the Pi 4: where the peripherals begin; RAM goes on at 4 GiB."""
HIGH = 0x2F000000
"""Seen in logs: the initramfs and the tree end here, or FREE below the end of the ARM's memory where that is less."""
FREE = 64 * KIB
INITRAMFS_ALIGN, TREE_ALIGN = 4 * KIB, 0x100
"""Seen in logs: they begin on multiples of these."""
OLD_TOTAL = 1008 * MIB
"""Seen in logs: vc_mem.mem_size of boards with 1 GiB with firmware of 2016; later it is 1 GiB."""
