"""U-Boot's variables beside a board: what follows from them, where findings about them are, and the fix, booted."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import UNSET
from support.boards import MIB, kernel, tree
from support.booting import KERNELS
from support.uboot import NAMES, document

import bootmap
from bootmap.errors import InputError, UsageError
from bootmap.facts.machines.qemu import MACHINES_BY_NAME
from bootmap.verify.guest import Setup
from bootmap.verify.load import load_kernel
from bootmap.verify.loader.cases import LoaderCase
from bootmap.verify.loader.chain import boot_chain
from bootmap.verify.loader.outcome import ChainRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

UBOOT = Path("/usr/lib/u-boot/qemu_arm/u-boot.bin")
KERNEL = KERNELS / "deb-6.1"


def saved(folder: Path, variables: Mapping[str, str | None]) -> str:
    """The variables as printenv prints them."""
    lines = [f"{name}={value}" for name, value in variables.items() if value is not None]
    (folder / "env.txt").write_text("\n".join([*lines, "", "Environment size: 99/65532 bytes", ""]))
    return str(folder / "env.txt")


def place(board: bootmap.Board, path: str, key: str = "deb-6.1") -> bootmap.Board:
    return bootmap.with_environment(kernel(key), board, path)


@pytest.mark.parametrize("name", NAMES)
def test_environment_places_the_tree_where_a_real_u_boot_did(name: str, tmp_path: Path) -> None:
    """Every recorded bootz without a ramdisk that the kernel came of."""
    doc, found = document(name), []
    if doc.get("build"):
        pytest.skip("a U-Boot that was built otherwise than its variables can tell")
    for row in doc["cases"]:
        case = LoaderCase.of(row["case"])
        if case.command != "bootz" or case.ramdisk or case.fit is not None or row["handed"] is None:
            continue
        typed = f"bootz {case.kernel[0]:x} - {case.dtb:x}"
        env = dict(line.split("=", 1) for line in doc["printenv"].splitlines() if "=" in line)
        env = {name: value for name, value in env.items() if not name.startswith(("boot", "scan", "load"))}
        path = saved(tmp_path, {**env, "ver": doc["uboot"], **case.env, "bootcmd": typed})
        (tmp_path / "bdinfo.txt").write_text(doc["bdinfo"][case.ram])
        board = bootmap.Board.parse(case.tree(), "board", zimage=case.kernel[1], cpu="cortex-a15")
        board = bootmap.with_environment(kernel("deb-6.1"), board, path, str(tmp_path / "bdinfo.txt"))
        found.append((board.load_addr, board.dtb_addr) == (row["handed"]["entry"], row["handed"]["r2"]))
    assert all(found)


ENV = {
    "ver": "U-Boot 2018.03",
    "bootargs": "console=ttymxc0 mem=256",
    "loadaddr": "0x12000000",
    "fdt_addr": "0x11000000",
    "fdt_high": "0xffffffff",
    "bootcmd": "run load; bootz ${loadaddr} - ${fdt_addr}",
}
IMX6 = tree([(0x10000000, 1024 * MIB)], cpu="arm,cortex-a9")


def checked(env: Mapping[str, str | None], folder: Path, key: str = "deb-6.1") -> bootmap.CheckResult:
    board = bootmap.Board.parse(IMX6, "board.dtb", zimage=5 * MIB)
    return bootmap.check(kernel(key), place(board, saved(folder, env), key))


def test_environment_is_where_its_findings_are(tmp_path: Path) -> None:
    result = checked(ENV, tmp_path)
    where = {found.id: [(each.kind, each.text, each.line) for each in found.where] for found in result.findings}
    assert where["dtb-overwritten"][0] == ("environment variable", "fdt_addr=0x11000000", 4)
    assert where["dtb-overwritten"][1] == ("environment variable", "fdt_high=0xffffffff", 5)
    assert where["mem-parameter"] == [("command line", "mem=256", 2)]
    change = next(found for found in result.findings if found.id == "dtb-overwritten").changes[0]
    assert "setenv fdt_addr 0x" in change.note
    assert result.together == "boots"


def test_faults_that_hide_one_another_are_proven_together(tmp_path: Path) -> None:
    """mem=256 kills first: the tree's place is cured on top of that, and the two fixes do together what none does."""
    result = checked(ENV, tmp_path)
    assert result.outcome.verdict is not bootmap.Verdict.BOOTS
    cured = {found.id: [change.after for change in found.changes] for found in result.findings if found.changes}
    assert cured["dtb-overwritten"] == cured["mem-parameter"] == ["boots with the other recommended changes"]
    one = checked({**ENV, "bootargs": "console=ttymxc0"}, tmp_path)
    assert (one.together, one.findings[0].changes[0].after) == ("", "boots")


def test_environment_moves_the_tree_above_lowmem(tmp_path: Path) -> None:
    """No fdt_high, no bootm_size, 1 GiB and a kernel that reads the tree through the linear map."""
    env = {**ENV, "bootargs": "", "fdt_high": None}
    result = checked(env, tmp_path, "old419")
    first = result.findings[0]
    assert (result.outcome.verdict, first.id) == (bootmap.Verdict.DIES, "dtb-unmapped")
    assert [each.text for each in first.where[:2]] == ["bootm_size is not set", "fdt_high is not set"]
    assert checked({**env, "bootm_size": "0x20000000"}, tmp_path, "old419").outcome.all_well


def test_environment_option_goes_before_it(tmp_path: Path) -> None:
    board = bootmap.Board.parse(IMX6, "board.dtb", zimage=5 * MIB, dtb_addr=0x18000000, cmdline="quiet")
    found = place(board, saved(tmp_path, ENV))
    assert (found.dtb_addr, found.cmdline, found.load_addr) == (0x18000000, "quiet", 0x12000000)


def test_environment_of_no_use_is_told(tmp_path: Path) -> None:
    (tmp_path / "noise").write_text("\n\n")
    board = bootmap.Board.parse(IMX6, "board.dtb")
    with pytest.raises(InputError, match="noise: holds no variable"):
        place(board, str(tmp_path / "noise"))
    found = place(board, saved(tmp_path, {"baudrate": "115200"}))
    assert found.dtb_addr is None
    assert any("is not taken into account" in each.text for each in found.assumptions)
    tags = bootmap.Board.parse((Path(__file__).parents[1] / "data" / "atags" / "spitz.bin").read_bytes())
    with pytest.raises(UsageError, match="ATAG"):
        place(tags, saved(tmp_path, ENV))


@pytest.mark.oracle
@pytest.mark.skipif(not UBOOT.exists(), reason="Debian's u-boot-qemu is not installed")
@pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="QEMU is not installed")
@pytest.mark.skipif(not (KERNEL / "zImage").exists(), reason="no kernel to boot; `make kernels` fetches Debian's")
def test_fix_of_the_environment_dead_before_alive_after(tmp_path: Path) -> None:
    """fdt_high lets U-Boot move the tree to where the kernel is unpacked; the script that is written cures it."""
    board = tree([(0x40000000, 512 * MIB)], cpu="arm,cortex-a15", compatible="linux,dummy-virt")
    (tmp_path / "board.dtb").write_bytes(board)
    env = {
        "ver": document(NAMES[-1])["uboot"],
        "kernel_addr_r": "42000000",
        "fdt_addr_r": "45000000",
        "fdt_high": "40a00000",
    }
    given = bootmap.Board.load(tmp_path / "board.dtb", cpu="cortex-a15", zimage=str(KERNEL / "zImage"))
    result = bootmap.check(kernel("deb-6.1"), place(given, saved(tmp_path, env)))
    assert result.outcome.verdict is not bootmap.Verdict.BOOTS
    assert result.findings[0].where[0].text == "fdt_high=40a00000"
    dict(bootmap.write_fix(result, str(tmp_path / "fixed")))
    script = (tmp_path / "fixed" / "board.setenv.txt").read_text()
    cured = dict(line.split()[1:3] for line in script.splitlines() if line.startswith("setenv "))
    assert cured["fdt_high"] == "0xffffffff"

    def boots(changes: Mapping[str, str]) -> bool:
        setup = Setup(MACHINES_BY_NAME["virt"], 512 * MIB)
        done = boot_chain(load_kernel(str(KERNEL)), setup, ChainRequest(UBOOT, board, changes=changes, timeout=20.0))
        return done.recording is not None and done.recording.outcome is UNSET and not done.loader_differences

    assert not boots({"fdt_high": "40a00000"})
    assert boots({"fdt_high": cured["fdt_high"]})


@pytest.mark.parametrize("subject", ["dtb", "initrd"])
def test_advice_for_u_boot_is_all_that_it_takes(subject: str, tmp_path: Path) -> None:
    """Variables set as the text says, and nothing else: U-Boot, which moves things, then leaves them there."""
    env: dict[str, str | None] = {
        "fdt_addr_r": "0x40800000",
        "kernel_addr_r": "0x40008000",
        "ramdisk_addr_r": "0x41000000",
        "bootcmd": "bootz ${kernel_addr_r} - ${fdt_addr_r}",
    }
    more: dict[str, Any] = {}
    if subject == "initrd":
        env |= {"fdt_high": "0xffffffff", "fdt_addr_r": "0x48000000"}
        more["initrd"] = (0x40800000, 8 * MIB)
    board = bootmap.Board.parse(tree([(0x40000000, 1024 * MIB)]), "board.dtb", zimage=5 * MIB, **more)
    key = "old419" if subject == "dtb" else "deb-6.1"
    before = bootmap.check(kernel(key), place(board, saved(tmp_path, env), key))
    assert not before.outcome.all_well
    found = next(each for each in before.findings if each.changes)
    advised = next(each for each in found.changes if each.recommended)
    told = dict(line.split()[1:] for line in advised.note.split("U-Boot: ")[1].split("; "))
    assert set(told) == ({"fdt_addr_r", "fdt_high"} if subject == "dtb" else {"ramdisk_addr_r", "initrd_high"})
    if subject == "initrd":  # --initrd is where U-Boot leaves it
        board = board.replace(initrd=(int(told["ramdisk_addr_r"], 16), 8 * MIB))
    after = bootmap.check(kernel(key), place(board, saved(tmp_path, {**env, **told}), key))
    assert after.outcome.all_well, after.outcome
    written = [Path(name).read_text() for name, _ in bootmap.write_fix(before, str(tmp_path / "fixed")) if name]
    assert any(all(f"setenv {name} {value}" in text for name, value in told.items()) for text in written)
