"""Every recorded boot is what its name says, and is in the index.

What a name claims is read from the configuration of the kernel that was booted, and from what was read out of it.
"""

from __future__ import annotations

import fnmatch
import gzip
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from support.recordings import DATA, NAMES, Case

REPOSITORY = Path(__file__).parent.parent
SPLITS = {"VMSPLIT_3G": 0xC0000000, "VMSPLIT_3G_OPT": 0xB0000000, "VMSPLIT_2G": 0x80000000, "VMSPLIT_1G": 0x40000000}

# Part of a kernel's name -> options that it must have, or with "!" not have.
CLAIMS = {
    "lpae": ("ARM_LPAE",),
    "2g": ("VMSPLIT_2G",),
    "1g": ("VMSPLIT_1G",),
    "3gopt": ("VMSPLIT_3G_OPT",),
    "kasan": ("KASAN", "KASAN_GENERIC"),
    "inline": ("KASAN_INLINE",),
    "sparse": ("SPARSEMEM", "!FLATMEM"),
    "xip": ("XIP_KERNEL",),
    "deflated": ("XIP_DEFLATED_DATA",),
    "smp": ("SMP", "!SMP_ON_UP"),
    "be8": ("CPU_BIG_ENDIAN", "CPU_ENDIAN_BE8"),
    "cma": ("DMA_CMA",),
    "cmamax": ("DMA_CMA",),
    "up": ("!SMP",),
    "nohm": ("!HIGHMEM",),
    "debugll": ("DEBUG_LL",),
    "rodata": ("DEBUG_RODATA",),
    "fixedphys": ("!ARM_PATCH_PHYS_VIRT",),
    "marvell": ("CPU_FEROCEON", "CPU_FEROCEON_OLD_ID"),
    "kfence": ("KFENCE",),
    "pagealloc": ("DEBUG_PAGEALLOC",),
    "huge": ("TRANSPARENT_HUGEPAGE", "HUGETLB_PAGE"),
    "efi": ("EFI", "EFI_STUB"),
    "wt": ("CPU_DCACHE_WRITETHROUGH",),
    "thumb": ("THUMB2_KERNEL",),
    "supersection": ("IO_36",),
    "rt": ("PREEMPT_RT",),
    "pxa": ("CPU_XSCALE",),
    "pxa34": ("CPU_XSCALE",),
    "versatile": ("ARCH_VERSATILE", "CPU_ARM926T"),
    "integrator": ("ARCH_INTEGRATOR",),
    "realview": ("ARCH_REALVIEW",),
    "sx1": ("MACH_SX1", "CPU_ARM925T"),
    "v5": ("CPU_32v5",),
    "v6k": ("CPU_V6K",),
    "v7": ("CPU_V7",),
    "rpi": ("CPU_V6K",),
}
NOTHING = {"deb", "eb", "pba8", "dt"}  # Debian's; a board, which the machine in the recording says
# Kernels whose name has no release, or not in full: the release as far as it must agree.
RELEASES = {
    "cmamax": "6.12",
    "fixedphys": "6.1",
    "lpae-kasan": "6.12",
    "lpae-sparse": "6.12",
    "sx1": "6.1",
    "xip": "6.1",
    "pxa34": "3.4",
    "v512": "6.12",
    "v510": "5.10",
    "v720": "7.2",
}


@cache
def config(key: str) -> str:
    return "\n" + gzip.decompress((DATA / "kernels" / key / "config.gz").read_bytes()).decode()


@cache
def case(name: str) -> Case:
    return Case(name)


def is_on(key: str, option: str) -> bool:
    return f"\nCONFIG_{option}=y\n" in config(key)


def is_excerpt(key: str) -> bool:
    """Of some kernels only the options that decide page tables were kept."""
    return not is_on(key, "MMU")


KEYS = sorted({case(name).key for name in NAMES})
RELEASE_PART = re.compile(r"(?:old|v|ve|vers|rv|ic|pxa)?(\d)(\d{1,2})(\d\d)?|(\d\.\d+)")


def claimed_release(key: str) -> str:
    """The release that the kernel's name claims, such as "6.1"; "" for none."""
    if key in RELEASES:
        return RELEASES[key]
    for part in key.split("-"):
        match = RELEASE_PART.fullmatch(part)
        if match is None or part in CLAIMS:
            continue
        if match[4]:
            return match[4]
        if match[1] == "2":  # ve2638: 2.6.38
            return f"2.6.{match[3]}"
        return f"{match[1]}.{match[2]}"
    return ""


@pytest.mark.parametrize("key", KEYS)
def test_kernel_has_what_its_name_claims(key: str) -> None:
    for part in key.split("-"):
        assert part in CLAIMS or part in NOTHING or RELEASE_PART.fullmatch(part), f"{key}: what does {part} claim?"
        for option in CLAIMS.get(part, ()):
            wanted = not option.startswith("!")
            assert is_on(key, option.removeprefix("!")) is wanted, f"{key}: {option}"
    found = re.search(r"Linux/arm (\d+(?:\.\d+)+)", config(key))
    assert found is not None
    claimed = claimed_release(key)
    if claimed:
        assert f"{found[1]}.".startswith(f"{claimed}."), (key, found[1])
    else:
        assert found[1].startswith("6.1."), f"{key}: a name without a release stands for 6.1"


@pytest.mark.parametrize("name", NAMES)
def test_recording_is_of_that_kernel(name: str) -> None:
    """What was read out of the guest agrees with the configuration that lies beside it."""
    recorded = case(name)
    key, doc = recorded.key, recorded.doc
    assert recorded.long is is_on(key, "ARM_LPAE")
    assert recorded.big_endian is is_on(key, "CPU_ENDIAN_BE8")
    split = next((value for option, value in SPLITS.items() if is_on(key, option)), SPLITS["VMSPLIT_3G"])
    assert doc["page_offset"] == split
    symbols = dict(line.split()[::-2] for line in (DATA / "kernels" / key / "System.map").read_text().splitlines())
    for symbol, address in doc["symbols"].items():
        assert symbol not in symbols or int(symbols[symbol], 16) == address, f"{symbol}: another kernel's System.map"
    if is_on(key, "KASAN"):
        page = int(symbols["kasan_early_shadow_page"], 16) - doc["page_offset"] + doc["phys_offset"]
        table = f"{int(symbols['kasan_early_shadow_pte'], 16) - doc['page_offset'] + doc['phys_offset']:#x}"
        recorded_table = recorded.pages("before")[int(table, 16)]
        assert (
            int.from_bytes(recorded_table[-4:] if not recorded.long else recorded_table[:4], "little") & -4096 == page
        )
    banner = next((line for line in recorded.log if line.startswith("Linux version ")), None)
    release = re.search(r"Linux/arm (\d+(?:\.\d+)+)", config(key))
    if banner is not None and release is not None:
        assert release[1].removesuffix(".0") in banner  # Debian's release is 6.1.0, what it is made of stands behind


@pytest.mark.parametrize("name", NAMES)
def test_name_of_a_recording_names_its_kernel(name: str) -> None:
    """Names that begin or end with a kernel's name are of that kernel."""
    key = case(name).key
    if name.startswith("own-v6"):
        assert name.startswith(f"own-{key}-")
    elif key.startswith("deb-"):
        wanted = key.removeprefix("deb-").split("-")
        assert all(part in name.split("-") for part in wanted if part not in ("rpi", "6.1", "marvell")), name
        assert "marvell" not in key or name.startswith("marvell-")


def test_kernels_are_all_recorded() -> None:
    """No configuration lies there of which no boot was recorded."""
    assert sorted(path.name for path in (DATA / "kernels").iterdir()) == KEYS


def test_index_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, str(REPOSITORY / "tools" / "case-index"), "--print"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (DATA / "cases" / "INDEX.md").read_text() == done.stdout, "run tools/case-index"


def test_page_of_options_names_recordings() -> None:
    """Each pattern in docs/versions.md is a recorded boot's name, and of a kernel that is there."""
    text = (REPOSITORY / "docs" / "versions.md").read_text()
    rows = text[text.index("<!-- options -->") : text.index("<!-- end of options -->")].splitlines()
    named = [pattern for row in rows for pattern in re.findall(r"`([^`]+)`", row.rpartition(" | ")[2])]
    assert len(named) > 30
    assert [pattern for pattern in named if not fnmatch.filter(NAMES, pattern)] == []


# A row of docs/versions.md -> options of which each of its recordings' kernels has one, or with "!" has not.
OPTION_ROWS = {
    "long descriptors (ARM_LPAE)": ("ARM_LPAE",),
    "VMSPLIT_2G, 1G, 3G_OPT": ("VMSPLIT_2G", "VMSPLIT_1G", "VMSPLIT_3G_OPT"),
    "no SMP; no HIGHMEM": ("!SMP", "!HIGHMEM"),
    "THUMB2_KERNEL": ("THUMB2_KERNEL",),
    "CPU_BIG_ENDIAN (BE8)": ("CPU_ENDIAN_BE8",),
    "XIP_KERNEL": ("XIP_KERNEL",),
    "no ARM_PATCH_PHYS_VIRT: PHYS_OFFSET is fixed": ("!ARM_PATCH_PHYS_VIRT",),
    "KASAN, up to the end of `paging_init`": ("KASAN",),
    "KFENCE": ("KFENCE",),
    "SPARSEMEM": ("SPARSEMEM",),
    "huge pages, which make a pageblock 2 MiB: CMA areas are aligned to that": (
        "TRANSPARENT_HUGEPAGE",
        "!HUGETLB_PAGE",
    ),
    "the largest CMA areas, MAX_ORDER 12": ("DMA_CMA",),
    "EFI_STUB, started without UEFI": ("EFI_STUB",),
    "PREEMPT_RT": ("PREEMPT_RT",),
    "CPU_FEROCEON, an ARM926 taken by CPU_FEROCEON_OLD_ID": ("CPU_FEROCEON_OLD_ID",),
    "36-bit supersections (IO_36)": ("IO_36",),
    "DEBUG_LL; STRICT_KERNEL_RWX or not": ("DEBUG_LL", "DEBUG_RODATA", "!DEBUG_RODATA"),
}


def option_rows() -> dict[str, list[str]]:
    """The table of docs/versions.md: row -> patterns of recordings."""
    page = (REPOSITORY / "docs" / "versions.md").read_text()
    table = page.partition("<!-- options -->")[2].partition("<!-- end of options -->")[0]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.strip().splitlines()[2:]]
    return {row[0]: re.findall(r"`([\w.*-]+-[\w.*-]+)`", row[1]) for row in rows}


@pytest.mark.parametrize("row", option_rows())
def test_options_page_names_recordings_that_have_them(row: str) -> None:
    patterns = option_rows()[row]
    assert patterns
    for pattern in patterns:
        found = fnmatch.filter(NAMES, pattern)
        assert found, f"no recording is called {pattern}"
        for name in found:
            key = case(name).key
            has = [is_on(key, option.lstrip("!")) is not option.startswith("!") for option in OPTION_ROWS[row]]
            assert any(has), f"{name}: {key} has not what its row says: {row}"
