"""The documentation site: Markdown (MyST) pages, and reference pages made from the program at build time.

Built by ``make site`` with warnings as errors.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

import bootmap

project = "bootmap"
author = "the bootmap authors"
copyright = "the bootmap authors, Apache-2.0"
release = version = bootmap.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_click",
    "bootmap_facts",  # the tables of facts as pages
    "bootmap_json",  # and the keys of what it prints
    "bootmap_languages",  # two languages in one site, and a search that finds words of both
    "bootmap_links",  # files of the repository that are no pages
    "bootmap_made",  # drawings and pages that commands make
    "bootmap_types",  # names of types for the signatures of structs
]
root_doc = "index"
exclude_patterns = ["README.md", "_build", "_ext", "_templates"]
templates_path = ["_templates"]
language = "en"
nitpicky = True
nitpick_ignore_regex = [("py:.*", r".*")]  # types in signatures are often private: no links there

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_google_docstring = True

html_theme = "furo"
html_title = "bootmap"
html_favicon = "_static/icon.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
smartquotes = False  # a straight quote and two dashes are what a reader types
html_search_language = "en"
html_search_scorer = str(Path(__file__).parent / "_ext" / "search_scorer.js")
html_theme_options = {"navigation_with_keys": False}
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "sidebar/search.html",
        "sidebar/languages.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}
