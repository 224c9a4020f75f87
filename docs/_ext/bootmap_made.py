"""A directive for what a command makes: a drawing that the page shows, or a page of its own that it links to.

    ```{made} draw boards/imx6q-sabrelite.dtb --phys-offset 0x10000000
    :file: sabrelite.svg
    :text: what the reader of a drawing is told who does not see it; or the link's text
    ```

Commands run in the repository's folder, with ``--output`` added.

The pictures of pages are made anew once the site is built, by tools/screenshots; where there is no Chromium the site
keeps those of docs/images, and the build says so.
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
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from collections.abc import Callable

    from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
FOLDER = "made"
NO_BROWSER = 4
logger = logging.getLogger(__name__)


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


def _pictures(app: Sphinx, error: Exception | None) -> None:
    """Put today's pictures in place of the kept ones."""
    folder = Path(app.outdir) / "_images"
    if error is not None or app.builder.format != "html" or not folder.is_dir():
        return
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "screenshots"), str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode == NO_BROWSER:
        # Past the log, which says nothing in a quiet build, and in which a warning would be an error.
        why = done.stderr.strip()
        print(f"pictures of pages: those of docs/images, for want of a browser ({why})", file=sys.stderr)
    elif done.returncode:
        logger.warning("pictures of pages: %s", done.stderr.strip())
    else:
        logger.info("pictures of pages, made now: %s", ", ".join(done.stdout.split("\n")[:-1]))


def setup(app: Sphinx) -> dict[str, bool]:
    """Name the directive."""
    app.add_directive("made", Made)
    app.connect("build-finished", _pictures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
