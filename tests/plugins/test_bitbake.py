"""The class for Yocto in bitbake itself: BOOTMAP_BITBAKE names a checkout of it.

The metadata is what bitbake brings, and a layer of a few lines: a class ``kernel`` whose do_compile puts what a
kernel's build leaves where the class looks for it.
"""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.booting import FINDINGS, REPOSITORY

CLASS = REPOSITORY / "contrib" / "yocto" / "classes" / "bootmap-check.bbclass"
BUILT = REPOSITORY / "boards" / "linux-6.1-armmp"
DEAD, ALIVE = "nomap-in-last-section-6.1.dtb", "nomap-in-last-section-6.12.dtb"
FILES = {
    "layer/conf/layer.conf": 'BBPATH .= ":${LAYERDIR}"\nBBFILES += "${LAYERDIR}/recipes/*.bb"\n',
    "layer/classes/kernel.bbclass": """\
B = "${WORKDIR}/build"
do_compile() {
    mkdir -p ${B}/arch/arm/boot/dts
    cp ${LINUX}/.config ${LINUX}/System.map ${B}
    cp ${LINUX}/*.dtb ${B}/arch/arm/boot/dts
}
do_deploy() {
    touch ${DEPLOYED}
}
addtask compile
addtask deploy before do_build after do_compile
""",
    "layer/recipes/linux-trial_6.1.176.bb": "inherit kernel\n",
    "layer/recipes/other_1.0.bb": "do_compile() {\n    :\n}\naddtask compile before do_build\n",
}

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif("BOOTMAP_BITBAKE" not in os.environ, reason="no bitbake: BOOTMAP_BITBAKE=CHECKOUT names one"),
]


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """A build folder."""
    bitbake = Path(os.environ["BOOTMAP_BITBAKE"])
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    shutil.copy(bitbake / "classes" / "base.bbclass", tmp_path / "layer" / "classes")
    shutil.copy(CLASS, tmp_path / "layer" / "classes")
    own = (bitbake / "conf" / "bitbake.conf").read_text()
    (tmp_path / "layer" / "conf" / "bitbake.conf").write_text(f"{own}\ninclude conf/local.conf\n")
    linux = tmp_path / "linux"
    linux.mkdir()
    (linux / ".config").write_bytes(gzip.decompress((BUILT / "config.gz").read_bytes()))
    shutil.copy(BUILT / "System.map", linux)
    for name in (DEAD, ALIVE):
        shutil.copy(FINDINGS / name, linux)
    (tmp_path / "build" / "conf").mkdir(parents=True)
    (tmp_path / "build" / "conf" / "bblayers.conf").write_text(
        f'BBPATH = "${{TOPDIR}}"\nBBFILES ?= ""\nBBLAYERS = "{tmp_path}/layer"\n'
    )
    return tmp_path / "build"


def bitbake(build: Path, recipe: str, *lines: str) -> tuple[int, str, str]:
    """Exit code, what bitbake said, and what the class's task logged; "" where it did not run."""
    usual = ['TARGET_ARCH = "arm"', 'INHERIT += "bootmap-check"', 'BOOTMAP_OPTIONS = "--phys-offset 0x40000000"']
    usual += [f'LINUX = "{build.parent}/linux"', f'DEPLOYED = "{build}/deployed"']
    (build / "conf" / "local.conf").write_text("\n".join([*usual, *lines, ""]))
    program = Path(os.environ["BOOTMAP_BITBAKE"]) / "bin" / "bitbake"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, program, recipe],
        cwd=build,
        env={**os.environ, "PATH": path, "BBPATH": str(build)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    logs = list(build.glob("tmp/work/*/temp/log.do_bootmap_check"))
    return done.returncode, done.stdout + done.stderr, logs[0].read_text() if logs else ""


def test_board_that_dies_ends_the_build(build: Path) -> None:
    code, said, log = bitbake(build, "linux-trial", f'KERNEL_DEVICETREE = "{DEAD}"')
    assert code == 1, said
    assert "linux-trial_6.1.176.bb:do_bootmap_check) failed" in said
    assert "DOES NOT BOOT" in log
    assert "Linux 6.1.176" in " ".join(log.split())
    assert "a device tree is not well (exit code 1)" in log
    assert not (build / "deployed").exists()


def test_build_goes_on_where_it_is_told_to(build: Path) -> None:
    code, said, log = bitbake(build, "linux-trial", f'KERNEL_DEVICETREE = "{DEAD}"', 'BOOTMAP_FATAL = "0"')
    assert code == 0, said
    assert "DOES NOT BOOT" in log
    assert (build / "deployed").exists()


def test_only_the_trees_of_the_machine_are_checked(build: Path) -> None:
    code, said, log = bitbake(build, "linux-trial", f'KERNEL_DEVICETREE = "{ALIVE}"')
    assert code == 0, said
    assert ALIVE in log
    assert DEAD not in log
    assert (build / "deployed").exists()


@pytest.mark.parametrize(("recipe", "lines"), [("other", ()), ("linux-trial", ('TARGET_ARCH = "aarch64"',))])
def test_other_recipes_have_no_such_task(recipe: str, lines: tuple[str, ...], build: Path) -> None:
    code, said, log = bitbake(build, recipe, f'KERNEL_DEVICETREE = "{DEAD}"', *lines)
    assert code == 0, said
    assert "bootmap" not in said
    assert log == ""
