"""Buildroot's post-image script and Yocto's shell function, called as these call them on a kernel's build tree.

BOOTMAP_BUILDROOT names a checkout of Buildroot, whose own target-post-image step then calls the script.
"""

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


# A kernel's folder is there already, so that nothing is downloaded: of packages only the skeleton is made.
BUILDROOT_CONFIG = f"""\
BR2_arm=y
BR2_cortex_a15=y
BR2_TOOLCHAIN_EXTERNAL=y
BR2_INIT_NONE=y
BR2_LINUX_KERNEL=y
BR2_LINUX_KERNEL_CUSTOM_VERSION=y
BR2_LINUX_KERNEL_CUSTOM_VERSION_VALUE="6.1.176"
BR2_LINUX_KERNEL_DEFCONFIG="multi_v7"
BR2_ROOTFS_POST_IMAGE_SCRIPT="{SCRIPT}"
BR2_ROOTFS_POST_SCRIPT_ARGS="--phys-offset 0x40000000"
# BR2_TARGET_ROOTFS_TAR is not set
"""
ONLY_THE_SKELETON = ["PACKAGES=skeleton", "TARGETS_ROOTFS="]


@pytest.mark.oracle
@pytest.mark.skipif("BOOTMAP_BUILDROOT" not in os.environ, reason="no Buildroot: BOOTMAP_BUILDROOT=CHECKOUT names one")
@pytest.mark.skipif(shutil.which("patchelf") is None, reason="patchelf, which Buildroot builds for itself, is missing")
def test_buildroot_itself(linux: Path) -> None:
    out = linux.parents[1]
    for name in ("images", "host/bin"):
        (out / name).mkdir(parents=True)
    (out / "host" / "bin" / "patchelf").symlink_to(str(shutil.which("patchelf")))
    (out / "defconfig").write_text(BUILDROOT_CONFIG)
    make = ["make", "-C", os.environ["BOOTMAP_BUILDROOT"], f"O={out}"]
    environment = {**ENVIRONMENT, "FORCE_UNSAFE_CONFIGURE": "1"}  # Buildroot's own word for being run by root
    subprocess.run([*make, f"BR2_DEFCONFIG={out}/defconfig", "defconfig"], env=environment, check=True)
    said = []
    for tree in (DEAD, BOARDS / "findings" / "nomap-in-last-section-6.12.dtb"):
        shutil.copy(tree, out / "images" / "board.dtb")
        step = [*make, *ONLY_THE_SKELETON, "target-post-image"]
        done = subprocess.run(step, env=environment, capture_output=True, text=True)
        said.append((done.returncode, done.stdout + done.stderr))
    (dead, why), (alive, how) = said
    assert dead == 2, why
    assert "\nDOES NOT BOOT" in why
    assert "target-post-image] Error 1" in why
    assert alive == 0, how
    assert "\nBOOTS" in how
    assert "Linux 6.1.176" in " ".join(how.split())


@pytest.mark.parametrize(("fatal", "code"), [("1", 1), ("0", 0)])
def test_yocto_function(fatal: str, code: int, linux: Path) -> None:
    """The class's shell function with its variables expanded, as bitbake does; test_bitbake.py runs bitbake itself."""
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
