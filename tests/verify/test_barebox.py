"""The whole chain with barebox under QEMU, with images that tools/build-barebox built: .kernels/barebox/NAME.img."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bootmap.boot.decompressor.phys_offset import phys_offset
from bootmap.facts.machines.qemu import MACHINES_BY_NAME
from bootmap.inputs import fdt
from bootmap.report.chain_text import chain_json, chain_text
from bootmap.units import MIB
from bootmap.verify.guest import Setup
from bootmap.verify.load import load_kernel
from bootmap.verify.loader.barebox_chain import boot_barebox
from bootmap.verify.loader.outcome import ChainRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from bootmap.verify.kernels import BootKernel

    CommandLine = Callable[..., tuple[int | str | None, str, str]]

KERNELS = Path(__file__).parents[2] / ".kernels"
KERNEL, IMAGES = KERNELS / "deb-6.1", sorted((KERNELS / "barebox").glob("*.img"))
NEEDED = (
    pytest.mark.oracle,
    pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="QEMU is not installed"),
    pytest.mark.skipif(not (KERNEL / "zImage").exists(), reason="no kernel to boot; `make kernels` fetches Debian's"),
    pytest.mark.skipif(not IMAGES, reason="no barebox; tools/build-barebox builds it"),
)


def debian() -> BootKernel:
    files = (str(KERNEL / name) for name in ("zImage", "config.gz", "System.map"))
    return load_kernel(*files, None, ())


@pytest.mark.parametrize(
    "image", [pytest.param(path, marks=NEEDED) for path in IMAGES] or [pytest.param(None, marks=NEEDED)], ids=str
)
def test_boot_barebox_decompressor_and_kernel_are_equal(image: Path) -> None:
    disk = bytes(random.Random(1).randrange(256) for _ in range(5000))
    changes = {"linux.bootargs.base": "console=ttyAMA0", "bootm.image.loadaddr": "0x41000000"}
    setup = Setup(MACHINES_BY_NAME["virt"], 512 * MIB)
    boot = boot_barebox(debian(), setup, ChainRequest(image, ramdisk=disk, changes=changes))
    assert boot.loader_differences == ()
    if boot.barebox.passes_over_efi:  # Debian's kernel has the EFI stub
        assert "no image handler" in boot.placed.failed
        return
    assert boot.comparison is not None
    assert boot.equal, chain_text("virt", boot)
    assert boot.placed.entry == 0x41000000
    offset, _ = phys_offset(debian().model(), fdt.parse(boot.placed.blob), boot.placed.entry)
    assert offset == 0x40000000
    assert f"EQUAL: virt, barebox {boot.barebox.text}" in chain_text("virt", boot)


@pytest.mark.parametrize("image", [pytest.param(IMAGES[-1] if IMAGES else None, marks=NEEDED)])
def test_boot_barebox_refuses_as_predicted(image: Path) -> None:
    request = ChainRequest(image, changes={"bootm.image.loadaddr": "0x5f000000"})
    boot = boot_barebox(debian(), Setup(MACHINES_BY_NAME["virt"], 512 * MIB), request)
    assert "cannot request memory" in boot.placed.failed
    assert boot.equal
    row = json.loads(chain_json([("virt", boot)]))["boots"][0]
    assert (row["barebox"], row["equal"], row["dtb"]) == (boot.barebox.text, True, None)


@pytest.mark.skipif(not (KERNEL / "zImage").exists(), reason="no kernel to boot; `make kernels` fetches Debian's")
def test_verify_barebox_wants_its_image(command_line: CommandLine) -> None:
    words = ("--config", KERNEL / "config.gz", "--system-map", KERNEL / "System.map")
    code, _, error = command_line("verify", "--loader", "barebox", "--kernel", KERNEL / "zImage", *words)
    assert code == 2
    assert "give barebox-dt-2nd.img with --loader-file" in error
    image = ("--loader-file", KERNEL / "config.gz", "--set", "bootm.image=x")
    code, _, error = command_line("verify", "--loader", "barebox", "--kernel", KERNEL / "zImage", *words, *image)
    assert code == 2
    assert "--set bootm.image: with barebox" in error
