"""English pages with Chinese twins under zh/: links between the two, the language of each page, and the search.

Sphinx splits text for its search at spaces.  Chinese has none, so each run of Chinese is split into overlapping pairs
of characters, in the index and in what a reader types; other words are treated as in an English site.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import sphinx.search
from sphinx.search.en import SearchEnglish

if TYPE_CHECKING:
    from sphinx.application import Sphinx

CHINESE = "zh/"
_WORDS = re.compile(r"[㐀-鿿]+|[^\W㐀-鿿]+")

# What a reader types, split in the browser as `TwoLanguages.split` does here.
_SPLIT_IN_BROWSER = """
function splitQuery(query) {
  const words = [];
  for (const [run] of query.matchAll(/[\\u3400-\\u9fff]+|(?:(?![\\u3400-\\u9fff])[\\p{L}\\p{N}_])+/gu)) {
    if (!/^[\\u3400-\\u9fff]/.test(run) || run.length === 1) words.push(run);
    else for (let i = 0; i + 1 < run.length; i++) words.push(run.slice(i, i + 2));
  }
  return words;
}
"""


class TwoLanguages(SearchEnglish):
    """English words and pairs of Chinese characters."""

    lang = "en"
    js_splitter_code = _SPLIT_IN_BROWSER

    def split(self, input: str) -> list[str]:
        """The words of a text as the index has them."""
        words = []
        for run in _WORDS.findall(input):
            if "㐀" <= run[0] <= "鿿" and len(run) > 1:
                words += [run[at : at + 2] for at in range(len(run) - 1)]
            else:
                words.append(run)
        return words

    def word_filter(self, word: str) -> bool:
        """Whether a word is worth an entry; every Chinese one is."""
        return "㐀" <= word[0] <= "鿿" or bool(super().word_filter(word))


_FULL_WIDTH = "\u3001-\u301f\uff00-\uffef"
# Between two Chinese characters or marks; or behind a mark, but never before a list, a table, a heading or code.
_BREAK = re.compile(
    rf"(?<=[\u3400-\u9fff{_FULL_WIDTH}])\n *(?=[\u3400-\u9fff{_FULL_WIDTH}])"
    rf"|(?<=[{_FULL_WIDTH}])\n *(?![-*|#\n`<]|\d+\.)(?=\S)"
)


def _join(app: Sphinx, page: str, source: list[str]) -> None:
    """A line's end is a space to a browser, and Chinese has none."""
    if page.startswith(CHINESE):
        source[0] = _BREAK.sub("", source[0])


def twin_of(page: str, pages: set[str]) -> str | None:
    """The same page in the other language; None where there is none."""
    twin = page.removeprefix(CHINESE) if page.startswith(CHINESE) else f"{CHINESE}{page}"
    return twin if twin in pages else None


def _speak(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: object) -> None:
    """Tell the templates which language a page has and where its twin is."""
    chinese = page.startswith(CHINESE)
    context["page_language"] = context["language"] = "zh-CN" if chinese else "en"
    context["twin"] = twin_of(page, set(app.env.found_docs))
    context["twin_name"] = "English" if chinese else "中文"
    context["twin_language"] = "en" if chinese else "zh-CN"
    context["chinese_start"], context["root_doc"] = f"{CHINESE}index", app.config.root_doc


def setup(app: Sphinx) -> dict[str, bool]:
    """Put the search in place of English's."""
    sphinx.search.languages["en"] = TwoLanguages
    app.connect("source-read", _join)
    app.connect("html-page-context", _speak)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
