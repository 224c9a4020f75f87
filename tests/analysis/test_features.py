"""Which rules a kernel follows, against what kernels of these versions are seen to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.recordings import fresh_kernel

from bootmap.analysis.features import Answer, Subject, answer, sections
from bootmap.boot.kernel import Features
from bootmap.facts.features.table import FEATURES, ROWS_BY_NAME
from bootmap.inputs import kconfig

if TYPE_CHECKING:
    from bootmap.facts.features.feature import Version

VERSIONS: list[tuple[Version, int | None]] = [
    ((2, 6, 38), None),
    ((3, 0), 91),
    ((3, 4), None),
    ((3, 10), 5),
    ((4, 4), 70),
    ((4, 9), None),
    ((5, 4), 100),
    ((5, 10), 37),
    ((5, 10), 223),
    ((5, 15), 16),
    ((6, 1), None),
    ((6, 12), 1),
    ((7, 2), None),
]


def ask(
    name: str, version: Version, sublevel: int | None = None, config: bytes | None = b"CONFIG_MMU=y\n", **over: bool
) -> Answer:
    options = None if config is None else kconfig.parse(config)
    return answer(Subject(version, sublevel, options, over), name)


def test_sections_cover_the_table() -> None:
    names = [name for _, part in sections() for name in part]
    assert names == list(dict.fromkeys(row.name for row in FEATURES))
    assert all(part for _, part in sections())


@pytest.mark.parametrize(("version", "sublevel"), VERSIONS)
@pytest.mark.parametrize("key", ["deb-6.1", "v5-pxa"])
def test_answer_agrees_with_the_boot(key: str, version: Version, sublevel: int | None) -> None:
    config = fresh_kernel(key).config
    features = Features(version, sublevel, config, {})
    for name in ROWS_BY_NAME:
        found = answer(Subject(version, sublevel, config, {}), name)
        assert found.on is features[name], name


@pytest.mark.parametrize(
    ("name", "version", "sublevel", "on", "because", "why"),
    [
        # 7a1be318f579 came with 5.11, and to 5.10.y in 5.10.38
        ("fdt_fixed_base", (5, 11), None, True, "version", "since 5.11"),
        ("fdt_fixed_base", (5, 9), None, False, "version", "from 5.11 on"),
        ("fdt_fixed_base", (5, 10), 37, False, "stable", "only from 5.10.38 on"),
        ("fdt_fixed_base", (5, 10), 38, True, "stable", "brought back in 5.10.38"),
        ("fdt_fixed_base", (5, 10), None, True, "stable", "brought back in 5.10.38"),
        ("params_two_sections", (5, 10), 38, False, "stable", "dropped in 5.10.38"),
        ("params_two_sections", (5, 10), 37, True, "version", "since 3.8, until 5.11"),
        ("params_two_sections", (5, 12), None, False, "version", "until 5.11"),
        ("params_first_section", (2, 6, 38), None, True, "version", "until 2.6.39"),
    ],
)
def test_answer_says_why(name: str, version: Version, sublevel: int | None, on: bool, because: str, why: str) -> None:
    found = ask(name, version, sublevel)
    assert (found.on, found.because, found.why) == (on, because, why)


def test_answer_options() -> None:
    assert ask("lpae", (6, 1), config=None).on is None
    assert ask("lpae", (6, 1), config=None).why == "if CONFIG_ARM_LPAE"
    assert ask("lpae", (3, 2), config=None).on is False
    found = ask("lpae", (6, 1))
    assert (found.on, found.because, found.why) == (False, "config", "CONFIG_ARM_LPAE is not set")
    assert ask("lpae", (6, 1), config=b"CONFIG_ARM_LPAE=y\n").on is True
    pci = ask("pci_reserve_io", (4, 9), config=None)
    assert pci.why == "if CONFIG_PCI and no CONFIG_NEED_MACH_IO_H"
    found = ask("pci_reserve_io", (4, 9), config=b"CONFIG_PCI=y\nCONFIG_NEED_MACH_IO_H=y\n")
    assert (found.on, found.why) == (False, "CONFIG_NEED_MACH_IO_H is set")


def test_answer_of_a_rule_with_several_rows() -> None:
    """final_permissions: another option in each of three eras."""
    for version, option in (((3, 19), "ARM_KERNMEM_PERMS"), ((4, 9), "DEBUG_RODATA"), ((5, 4), "STRICT_KERNEL_RWX")):
        assert ask("final_permissions", version, config=None).why == f"if CONFIG_{option}"
        assert ask("final_permissions", version, config=f"CONFIG_{option}=y\n".encode()).on is True
    assert ask("final_permissions", (3, 18), config=None).on is False


def test_answer_override() -> None:
    found = ask("map_kernel", (3, 10), map_kernel=True)
    assert (found.on, found.because, found.why) == (True, "override", "--feature")
