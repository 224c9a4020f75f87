from __future__ import annotations

import gzip
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.make_inputs import DATA, ikconfig

from bootmap.errors import ConfigError, InputError
from bootmap.inputs import kconfig

if TYPE_CHECKING:
    from pathlib import Path

REAL = {"v7": (6, 1, 192), "old49": (4, 9, 0), "deb-6.1": (6, 1, 176)}


@pytest.mark.parametrize("key", REAL)
def test_read_config_real_files(key: str) -> None:
    path = DATA / "kconfig" / f"{key}.config.gz"
    config = kconfig.read_config(path)
    lines = gzip.decompress(path.read_bytes()).decode().split("\n")
    assert config.version == REAL[key]
    set_lines = {
        match[1]: (match[2], number)
        for number, line in enumerate(lines, 1)
        if (match := re.match(r"CONFIG_([A-Z0-9a-z_]+)=(.*)$", line))
    }
    assert set(config) == set(set_lines)
    for name, (value, number) in set_lines.items():
        assert config.line(name) == number
        if value.startswith('"'):
            value = value[1:-1].replace('\\"', '"').replace("\\\\", "\\")
        assert config[name] == config[f"CONFIG_{name}"] == value
    unset = {line.split()[1] for line in lines if line.endswith(" is not set")}
    assert unset
    assert not any(name in config or config.enabled(name) for name in unset)
    assert all(lines[(config.line(name) or 0) - 1].split()[1] == name for name in unset)


def test_config_readings() -> None:
    text = (
        b"CONFIG_A=y\nCONFIG_B=m\n# CONFIG_C is not set\nCONFIG_PAGE_OFFSET=0xC0000000\nCONFIG_CMA_SIZE_MBYTES=16\n"
        b'CONFIG_CMDLINE="root=/dev/ram0 x=\\"a b\\" back\\\\slash # no comment"\n'
        b'CONFIG_EMPTY=""\nCONFIG_N=n\nCONFIG_NEG=-5\n'
    )
    config = kconfig.parse(text, file="c")
    assert [config.enabled(name) for name in ("A", "B", "C", "N", "PAGE_OFFSET", "ABSENT")] == [True, True] + [
        False
    ] * 4
    assert config.integer("PAGE_OFFSET") == 0xC0000000
    assert (config.integer("CMA_SIZE_MBYTES"), config.integer("ABSENT", 7), config.integer("NEG")) == (16, 7, -5)
    assert config.text("CMDLINE") == 'root=/dev/ram0 x="a b" back\\slash # no comment'
    assert (config.text("EMPTY"), config.text("ABSENT", "d")) == ("", "d")
    assert (config.line("C"), config.line("CMDLINE"), config.line("ABSENT"), config.line("N")) == (3, 6, None, 8)
    assert config.version is None
    with pytest.raises(ConfigError, match=r"c: CONFIG_ABSENT is not set; .* --config"):
        config.integer("ABSENT")
    with pytest.raises(ConfigError, match="c: line 1: CONFIG_A is 'y', expected a number"):
        config.integer("CONFIG_A")


def test_parse_the_last_setting_wins() -> None:
    config = kconfig.parse(
        b"CONFIG_A=1\nCONFIG_A=2\n# CONFIG_B is not set\nCONFIG_B=y\nCONFIG_C=y\n# CONFIG_C is not set\n"
    )
    assert (config.integer("A"), config.line("A")) == (2, 2)
    assert config.enabled("B")
    assert "C" not in config
    assert config.line("C") == 6


@pytest.mark.parametrize(
    ("header", "version"),
    [
        (b"# Linux/arm 6.1.176 Kernel Configuration", (6, 1, 176)),
        (b"# Linux/arm 3.10.0 Kernel Configuration", (3, 10, 0)),
        (b"# Linux/arm 6.12-rc3 Kernel Configuration", (6, 12, 0)),
        (b"# Linux/arm 7.2.0-rc1-dirty Kernel Configuration", (7, 2, 0)),
        (b"# Linux kernel version: 2.6.38", (2, 6, 38)),
        (b"# Linux kernel version: 2.6.32.12-fast", (2, 6, 32)),
        (b"# Automatically generated", None),
    ],
)
def test_parse_version_of_the_header(header: bytes, version: tuple[int, int, int] | None) -> None:
    assert kconfig.parse(b"#\n" + header + b"\n#\nCONFIG_MMU=y\n").version == version


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (b"", None, "holds no option"),
        (b"# only a comment\n", None, "holds no option"),
        (b"CONFIG_A=y\nwhatever\n", 2, "found 'whatever'"),
        (b"CONFIG_A=y\nCONFIG_B y\n", 2, "found 'CONFIG_B y'"),
        (b'CONFIG_A="open\n', 1, "CONFIG_A: the string does not end"),
        (b'CONFIG_A="a\\"\n', 1, "CONFIG_A: the string does not end"),
        (b"# Linux/x86 6.1.0 Kernel Configuration\nCONFIG_X86=y\n", 1, "is for the architecture x86"),
        (b"# Linux/arm64 6.1.0 Kernel Configuration\nCONFIG_ARM64=y\n", 1, "is for the architecture arm64"),
        (b"CONFIG_A=y\0", None, "is binary and holds no IKCONFIG"),
    ],
)
def test_parse_faults_name_their_line(text: bytes, line: int | None, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        kconfig.parse(text, file="c")
    assert error.value.line == line
    assert message in error.value.message
    assert str(error.value).startswith("c: ")


def test_parse_ikconfig_inside_an_image() -> None:
    text = b"# Linux/arm 6.1.5 Kernel Configuration\nCONFIG_MMU=y\n"
    image = b"\0IKCFG_ST but not yet\0" + bytes(99) + ikconfig(text) + bytes(99)
    config = kconfig.parse(image)
    assert (config.version, config.enabled("MMU")) == ((6, 1, 5), True)
    assert kconfig.extract_ikconfig(image) == text
    assert kconfig.extract_ikconfig(bytes(100)) is None
    at = image.index(b"\x1f\x8b")
    for damaged in (image[: at + 30], image[: at + 12] + b"\xff" * 20 + image[at + 32 :]):
        with pytest.raises(ConfigError, match="IKCONFIG: ") as error:
            kconfig.parse(damaged)
        assert error.value.offset == at


def test_read_config_bounds_what_it_unpacks(tmp_path: Path) -> None:
    path = tmp_path / "config.gz"
    path.write_bytes(gzip.compress(b"#" * (kconfig.MAX_SIZE + 1)))
    with pytest.raises(InputError, match=r"config\.gz: .*more than any kernel configuration"):
        kconfig.read_config(path)
    with pytest.raises(ConfigError, match="IKCONFIG: decompresses to more than 8 MiB"):
        kconfig.parse(b"\0" + ikconfig(b"#" * (kconfig.MAX_SIZE + 1)))


@given(st.binary(max_size=200))
def test_parse_any_bytes(noise: bytes) -> None:
    try:
        kconfig.parse(b"CONFIG_A=y\n" + noise)
    except ConfigError:
        return
