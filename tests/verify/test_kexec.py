"""Linux that boots itself again, now: a kernel of .kernels, Debian's busybox and kexec, QEMU's virt machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from support.booting import KERNELS, bootmap, kernel
from support.schemas import hold

from bootmap.errors import ToolMissingError
from bootmap.facts.machines.qemu import MACHINES_BY_NAME
from bootmap.report.chain_text import chain_json, chain_text
from bootmap.units import MIB
from bootmap.verify.compare import ComparedAs
from bootmap.verify.guest import Setup
from bootmap.verify.load import load_kernel
from bootmap.verify.loader.kexec import KexecRequest, boot_kexec
from bootmap.verify.loader.userland import with_kexec

if TYPE_CHECKING:
    from pathlib import Path

    from bootmap.verify.kernels import BootKernel

pytestmark = pytest.mark.oracle


def twice(key: str, *, on_crash: bool, image_size: int, command_line: str) -> tuple[BootKernel, Setup, KexecRequest]:
    folder = kernel(key)
    if not (KERNELS / "kexec" / "kexec").exists() or not (KERNELS / "busybox").exists():
        pytest.skip(f"no kexec and busybox for ARM in {KERNELS}: `make kernels` fetches them")
    request = KexecRequest(KERNELS, on_crash, command_line, "console=ttyAMA0 maxcpus=1", bytes(70_000), image_size)
    return load_kernel(folder), Setup(MACHINES_BY_NAME["virt"], 512 * MIB), request


def booted(key: str, *, on_crash: bool, image_size: int, command_line: str = "console=ttyAMA0") -> tuple[object, ...]:
    done = boot_kexec(*twice(key, on_crash=on_crash, image_size=image_size, command_line=command_line))
    assert done.loader_differences == ()
    assert done.comparison is not None
    hold(json.loads(chain_json([("virt", done)])))
    assert chain_text("virt", done).startswith("EQUAL: virt, k")
    return done.comparison.finding, sum(done.comparison.words.values()), sum(done.comparison.wrong_words.values())


def test_kdump_a_real_crash_kernel_is_equal_to_the_word() -> None:
    found, words, wrong = booted(
        "deb-6.1", on_crash=True, image_size=0x1B00000, command_line="console=ttyAMA0 crashkernel=128M"
    )
    assert found is ComparedAs.EQUAL
    assert isinstance(words, int)
    assert words > 10_000
    assert wrong == 0


def test_kexec_without_image_size_dies_as_predicted() -> None:
    """The decompressor writes over the tree: kexec-tools does not know Debian's TEXT_OFFSET."""
    found, *_ = booted("deb-6.1", on_crash=False, image_size=0)
    assert found is ComparedAs.KNOWN_DEATH


@pytest.mark.parametrize("on_crash", [False, True])
def test_kexec_a_first_kernel_that_does_not_come_to_the_second(on_crash: bool) -> None:
    """Debian's 6.12 with LPAE: CONFIG_CPU_TTBR0_PAN."""
    words = "console=ttyAMA0 crashkernel=128M"
    done = boot_kexec(*twice("deb-6.12-lpae", on_crash=on_crash, image_size=0, command_line=words))
    hold(json.loads(chain_json([("virt", done)])))
    assert done.loader_differences == ()
    assert done.handed is None
    assert done.restart is not None
    assert done.restart[1] == 0x206
    assert "dies in soft_restart: a prefetch abort at 0x4040" in chain_text("virt", done)


def test_kexec_userland_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ToolMissingError, match="has no busybox and kexec/kexec"):
        with_kexec(tmp_path, "", {})


def test_verify_loader_kexec_bad_options() -> None:
    folder = kernel("deb-6.1")
    for words, said in (
        (("--set", "fdt_high=0"), "only append and image-size can be set"),
        (("--set", "image-size=big"), "is no size"),
        (("--loader-file", "/nowhere"), "has no busybox"),
    ):
        done = bootmap("verify", "--loader", "kdump", "--kernel", f"{folder}/zImage", *words)
        assert done.returncode in (2, 3, 4)
        assert said in done.stderr.replace("\n", " ")
        assert "Traceback" not in done.stderr
