"""Which rules kernels follow, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.analysis.features import Subject, answer, sections
from bootmap.assemble.kernel import read_config_of, read_image, version_of
from bootmap.assemble.texts import parse_features
from bootmap.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bootmap.analysis.features import Answer


class FeatureTable(Shown, Struct, frozen=True):
    """The rules of one kernel.

    Attributes:
        name: the kernel, in words.
        sections: titles and the answers under each, in the table's order.
    """

    name: str
    sections: tuple[tuple[str, tuple[Answer, ...]], ...]


def features(
    versions: Sequence[str] = (),
    *,
    config: str | None = None,
    image: str | None = None,
    overrides: Iterable[str] = (),
) -> list[FeatureTable]:
    """The rules by which kernels differ, for each of ``versions``, or for the version of the configuration or image.

    Args:
        versions: such as ``3.10`` or ``6.1.55``.
        config: a .config; without one the answer says which option decides.
        image: vmlinux or zImage, for its version and configuration.
        overrides: ``NAME=on`` or ``NAME=off``.

    Raises:
        BootmapError: a file cannot be read, or a version is not modelled.

    >>> [table.name for table in features(["3.10", "6.1.55"])]
    ['3.10', '6.1.55']
    """
    file = read_image(image)
    options = read_config_of(config, file)
    switched = parse_features(overrides)
    tables = []
    for text in versions or (None,):
        version, sublevel = version_of(text, options, file)
        subject = Subject(version, sublevel, options, switched)
        rows = tuple((title, tuple(answer(subject, name) for name in part)) for title, part in sections())
        tables.append(FeatureTable(subject.text, rows))
    return tables
