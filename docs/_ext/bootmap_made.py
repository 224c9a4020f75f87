"""A directive for what a command makes: a drawing that the page shows, or a page of its own that it links to.

    ```{made} draw boards/imx6q-sabrelite.dtb --phys-offset 0x10000000
    :file: sabrelite.svg
    :text: what the reader of a drawing is told who does not see it; or the link's text
    ```

Commands run in the repository's folder, with ``--output`` added.
"""

from __future__ import annotations

import html
import posixpath
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from collections.abc import Callable

    from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
FOLDER = "made"


class Made(SphinxDirective):
    """What one command of bootmap writes to a file."""

    required_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[dict[str, Callable[[str], str]]] = {
        "file": directives.unchanged_required,
        "text": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()
        name, text = self.options["file"], self.options["text"]
        target = Path(self.env.app.outdir) / FOLDER / name
        target.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "bootmap", *self.arguments[0].split(), "--output", str(target)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode not in (0, 1):  # 1: it was made, and tells of a board that does not boot
            raise self.error(f"bootmap {self.arguments[0]}: {done.stderr.strip()}")
        address = posixpath.relpath(f"{FOLDER}/{name}", posixpath.dirname(self.env.docname) or ".")
        if name.endswith(".svg"):
            # Not Sphinx's image node, which wants a file among the sources.
            return [
                nodes.raw("", f'<p><img class="made" src="{address}" alt="{html.escape(text)}"></p>', format="html")
            ]
        link = nodes.reference("", text, refuri=address, internal=False)
        return [nodes.paragraph("", "", link)]


def setup(app: Sphinx) -> dict[str, bool]:
    """Name the directive."""
    app.add_directive("made", Made)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
