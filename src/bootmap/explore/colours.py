"""The colours of drawings, and their style sheet."""

from __future__ import annotations

LIGHT = {
    "paper": "#ffffff",
    "ink": "#14181f",
    "muted": "#566070",
    "line": "#c9cfd9",
    "ground": "#eceff4",
    "lowmem": "#cfe2f6",
    "highmem": "#ddd6f5",
    "nomap": "#d5dae2",
    "reserved": "#e0a05c",
    "limit": "#b3261e",
    "rw": "#4c94d8",
    "rwx": "#d64a33",
    "rx": "#2f9e68",
    "ro": "#6fc2b4",
    "device": "#d9a116",
    "inside": "#10151c",
}
DARK = {
    "paper": "#171b22",
    "ink": "#e8ebf0",
    "muted": "#a3adbb",
    "line": "#454e5c",
    "ground": "#222833",
    "lowmem": "#27405c",
    "highmem": "#3b335f",
    "nomap": "#313844",
    "reserved": "#d68744",
    "limit": "#ff8f85",
    "rw": "#4a8fd0",
    "rwx": "#e8614b",
    "rx": "#3bb57c",
    "ro": "#68b8ab",
    "device": "#dcae3a",
    "inside": "#10151c",
}

# selector -> (property, colour)
_COLOURED = (
    (".paper", "fill", "paper"),
    (".ground", "fill", "ground"),
    (".lowmem", "fill", "lowmem"),
    (".highmem", "fill", "highmem"),
    (".no-map", "fill", "nomap"),
    (".reserved", "fill", "reserved"),
    (".rw", "fill", "rw"),
    (".rwx", "fill", "rwx"),
    (".rx", "fill", "rx"),
    (".ro", "fill", "ro"),
    (".device", "fill", "device"),
    ("text", "fill", "ink"),
    (".note,.tick,.about", "fill", "muted"),
    (".inside", "fill", "inside"),
    (".hole,.leader", "stroke", "line"),
    (".limit", "stroke", "limit"),
    (".tick", "stroke", "paper"),
    ("rect", "stroke", "paper"),
)
_FORM = (
    "text{font:11px system-ui,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}"
    ".title{font-size:17px;font-weight:650}.about{font-size:12px}"
    ".axis,.inside{text-anchor:middle;font-weight:650}"
    ".inside,.tick{font-family:ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace}"
    ".tick{font-size:9px;stroke-width:3px;paint-order:stroke}.note{font-size:10px}"
    ".end{text-anchor:end}.start{text-anchor:start}"
    "rect{stroke-width:.6}.hole{fill:none;stroke-dasharray:3 3}.paper{stroke:none}"
    ".leader,.limit{fill:none}.limit{stroke-width:1.5;stroke-dasharray:5 3}.ribbon{fill-opacity:.25}"
)


def style(theme: str, *, inline: bool) -> str:
    """The style sheet of a drawing, for ``light``, ``dark`` or both (``auto``); see ``drawing.draw``."""
    first = _colours(DARK if theme == "dark" else LIGHT, inline)
    second = f"@media (prefers-color-scheme:dark){{{_colours(DARK, inline)}}}" if theme == "auto" else ""
    return first + second + _FORM


def _colours(palette: dict[str, str], inline: bool) -> str:
    rules = []
    for selector, name, colour in _COLOURED:
        value = f"var(--bootmap-{colour},{palette[colour]})" if inline else palette[colour]
        rules.append(f"{selector}{{{name}:{value}}}")
    return "".join(rules)
