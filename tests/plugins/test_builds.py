"""Buildroot's post-image script and Yocto's shell function, called as these call them on a kernel's build tree."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.booting import REPOSITORY

BOARDS = REPOSITORY / "boards"
SCRIPT = REPOSITORY / "contrib" / "buildroot" / "post-image-bootmap.sh"
CLASS = REPOSITORY / "contrib" / "yocto" / "classes" / "bootmap-check.bbclass"
ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
# A tree that this kernel dies of, and one that it boots.
DEAD, ALIVE = BOARDS / "findings" / "nomap-in-last-section-6.1.dtb", BOARDS / "imx6q-sabrelite.dtb"


@pytest.fixture
def linux(tmp_path: Path) -> Path:
    """A kernel's build tree, as far as bootmap reads one."""
    folder = tmp_path / "build" / "linux-6.1.176"
    (folder / "arch/arm/boot/dts").mkdir(parents=True)
    own = BOARDS / "linux-6.1-armmp"
    (folder / ".config").write_bytes(gzip.decompress((own / "config.gz").read_bytes()))
    shutil.copy(own / "System.map", folder)
    return folder


@pytest.mark.parametrize(("tree", "code"), [(ALIVE, 0), (DEAD, 1)])
def test_buildroot(tree: Path, code: int, linux: Path, tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    shutil.copy(tree, images)
    start = "0x10000000" if tree is ALIVE else "0x40000000"
    done = subprocess.run(
        [str(SCRIPT), str(images), "--phys-offset", start],
        capture_output=True,
        text=True,
        env={**ENVIRONMENT, "BUILD_DIR": str(linux.parent)},
    )
    assert done.returncode == code, done.stderr
    assert done.stdout.startswith("DOES NOT BOOT" if code else "BOOTS")
    assert "Linux 6.1.176" in " ".join(done.stdout.split())


def test_buildroot_without_a_kernel(tmp_path: Path) -> None:
    done = subprocess.run(
        [str(SCRIPT), str(tmp_path)], capture_output=True, text=True, env={**ENVIRONMENT, "BUILD_DIR": str(tmp_path)}
    )
    assert (done.returncode, done.stderr) == (1, f"bootmap: no kernel in {tmp_path}\n")


@pytest.mark.parametrize(("fatal", "code"), [("1", 1), ("0", 0)])
def test_yocto_function(fatal: str, code: int, linux: Path) -> None:
    """The class's shell function with its variables expanded, as bitbake does; bitbake itself is not run."""
    shutil.copy(DEAD, linux / "arch/arm/boot/dts")
    shutil.copy(ALIVE, linux / "arch/arm/boot/dts/other.dtb")
    text = re.search(r"(?ms)^bootmap_check\(\) \{\n.*?^\}\n", CLASS.read_text())
    assert text is not None
    values = {"B": str(linux), "KERNEL_DEVICETREE": DEAD.name, "BOOTMAP_FATAL": fatal}
    values["BOOTMAP_OPTIONS"] = "--phys-offset 0x40000000"
    function = re.sub(r"\$\{([A-Z_]+)\}", lambda name: values[name[1]], text[0])
    script = f'bbfatal() {{ echo "fatal: $*"; exit 1; }}\n{function}\nbootmap_check\n'
    done = subprocess.run(["sh", "-e", "-c", script], capture_output=True, text=True, env=ENVIRONMENT)
    assert (done.returncode, done.stderr) == (code, "")
    assert " ".join(done.stdout.split()).count("Linux 6.1.176") == 1
    assert ("fatal: bootmap" in done.stdout) == bool(code)
