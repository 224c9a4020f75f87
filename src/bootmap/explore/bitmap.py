"""A drawing as a PNG, by the optional package resvg-py."""

from __future__ import annotations

from bootmap.errors import ToolMissingError


def png_of(svg: str, zoom: float = 2.0) -> bytes:
    """The picture of ``svg``, ``zoom`` pixels for one of its units.

    Raises:
        ToolMissingError: resvg-py is not installed.
    """
    try:
        import resvg_py
    except ImportError:
        raise ToolMissingError(
            "a PNG needs the package resvg-py: pip install 'bootmap[png]'; SVG needs nothing"
        ) from None
    return bytes(resvg_py.svg_to_bytes(svg_string=svg, zoom=zoom))
