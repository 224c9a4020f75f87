from __future__ import annotations

import pytest
from support.make_inputs import BANNER, ikconfig

from bootmap.inputs.kernel_file import Identity, ZImageHeader, identify


def test_identify_takes_the_version_of_the_config_first() -> None:
    found = identify(BANNER + ikconfig(b"# Linux/arm 6.1.28 Kernel Configuration\nCONFIG_A=y\n"), "k")
    assert (found.version, found.release) == ((6, 1, 28), "6.1.0-9-armmp")
    assert found.config is not None
    assert found.config.file == "k (IKCONFIG)"
    assert identify(BANNER + ikconfig(b"CONFIG_A=y\n"), "k").version == (6, 1, 27)


@pytest.mark.parametrize(
    ("release", "rest", "version"),
    [
        ("4.9.0", "(r@h) (gcc version 6.3.0) #1 SMP Sat Jan 1", (4, 9, 0)),
        ("7.2.12+deb14-armmp", "(d@b) (gcc-15) #1 SMP Debian 7.2.12-1 (2026-10-30)", (7, 2, 12)),
        ("6.1.0-50-armmp", "(d@b) (gcc-12) # SMP Debian 6.1.176-1 (2026-07-02)", (6, 1, 176)),
        ("2.6.32", "(r@h) #1", (2, 6, 32)),
    ],
)
def test_identify_banners(release: str, rest: str, version: tuple[int, int, int]) -> None:
    banner = f"Linux version {release} {rest}"
    found = identify(bytes(9) + banner.encode() + b"\n\0", "k")
    assert (found.banner, found.release, found.version) == (banner, release, version)


def test_identify_looks_only_where_it_is_told() -> None:
    data = bytes(100) + BANNER
    nothing = Identity(None, None, None, None)
    assert identify(data, "k", [(0, 90)]) == nothing
    assert identify(data, "k", [(0, 90), (95, len(data))]).version == (6, 1, 27)
    assert identify(b"Linux version %s (%s)\0Linux version \0", "k") == nothing


def test_zimage_header_size() -> None:
    assert ZImageHeader(0x60008000, 0x60108000).size == 0x100000
