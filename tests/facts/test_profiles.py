"""The sizes of typical kernels against the System.map and the zImage of the kernels that were measured."""

from __future__ import annotations

import pytest
from support.booting import KERNELS
from support.recordings import loaded_kernel

from bootmap.assemble.profiles import profile
from bootmap.facts.profiles.defconfigs import DEFCONFIGS, SIZES, ZIMAGE_SHARE
from bootmap.inputs.zimage import read_kernel

MEASURED = {
    ("large", (5, 10)): "deb-5.10",
    ("large", (6, 1)): "deb-6.1",
    ("large", (6, 12)): "deb-6.12",
    ("large", (7, 2)): "deb-7.2",
    ("large, LPAE", (6, 1)): "deb-6.1-lpae",
    ("large, LPAE", (6, 12)): "deb-6.12-lpae",
    ("medium", (6, 1)): "deb-6.1-rpi",
    ("small", (6, 1)): "deb-6.1-marvell",
}
ROWS = [(kind, row) for kind, rows in SIZES.items() for row in rows]


@pytest.mark.parametrize(("of", "key"), MEASURED.items(), ids=MEASURED.values())
def test_sizes_are_those_of_system_map(of: tuple[str, tuple[int, int]], key: str) -> None:
    row = next(row for kind, row in ROWS if (kind, row.version) == of)
    symbols = loaded_kernel(key).symbols
    start = symbols["_text"] - 0x8000
    names = ("_stext", "_etext", "__init_begin", "_sdata", "__bss_start", "_end")
    assert [symbols[name] - start for name in names] == [row.stext, row.etext, row.init, row.data, row.bss, row.end]


@pytest.mark.parametrize(("of", "key"), MEASURED.items(), ids=MEASURED.values())
def test_sizes_of_the_zimage(of: tuple[str, tuple[int, int]], key: str) -> None:
    """What the image unpacks to ends where bss begins."""
    path = KERNELS / key / "zImage"
    if not path.exists():
        pytest.skip(f"no kernel in {path.parent}: `make kernels` fetches it")
    row = next(row for kind, row in ROWS if (kind, row.version) == of)
    file = read_kernel(str(path))
    assert (file.zimage_size, file.image_size) == (row.zimage, row.bss - 0x8000)


def test_sizes_are_in_order_and_a_third_at_the_most() -> None:
    for kind, row in ROWS:
        borders = [row.stext, row.etext, row.init, row.data, row.bss, row.end]
        assert borders == sorted(borders), (kind, row.version)
        assert row.zimage * ZIMAGE_SHARE <= row.bss, (kind, row.version)
    assert {each.size for each in DEFCONFIGS} <= SIZES.keys()


@pytest.mark.parametrize(("lpae", "section"), [(False, 1 << 20), (True, 2 << 20)])
def test_profile_of_a_kernel_with_long_descriptors_has_its_borders_on_sections(lpae: bool, section: int) -> None:
    """STRICT_KERNEL_RWX: text, rodata and data begin on sections (arch/arm/kernel/vmlinux.lds.S, SECTION_SHIFT)."""
    config = loaded_kernel("deb-6.1-lpae" if lpae else "deb-6.1").config
    symbols = profile(None, "6.1", "multi_v7", config=config).symbols
    assert all(symbols[name] % section == 0 for name in ("_stext", "_etext", "__init_begin", "_sdata"))
