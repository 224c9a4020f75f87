"""English pages with Chinese twins under zh/: links between the two, each page's language and labels, and the search.

Sphinx splits text for its search at spaces.  Chinese has none, so each run of Chinese is split into overlapping pairs
of characters, in the index and in what a reader types; other words are treated as in an English site.
"""

from __future__ import annotations

import re
from pathlib import Path
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


# What the theme says itself, some of it past gettext; "Toggle navigation of ..." and a page's name are one label.
LABELS = {
    "'s": " 的",
    "and": "和",
    "Auto light/dark, in dark mode": "自动，当前为深色",
    "Auto light/dark, in light mode": "自动，当前为浅色",
    "Back to top": "回到顶部",
    "Contents": "目录",
    "Copyright &#169;": "版权所有 &#169;",
    "Dark mode": "深色",
    "Expand": "展开",
    "Home": "首页",
    "Index": "索引",
    "Light mode": "浅色",
    "Link to this heading": "本标题的链接",
    "Made with": "制作工具：",
    "Menu": "菜单",
    "Next": "下一页",
    "On this page": "本页目录",
    "Previous": "上一页",
    "Search": "搜索",
    "Skip to content": "跳到正文",
    "Toggle Light / Dark / Auto color theme": "切换浅色、深色、自动",
    "Toggle navigation of": "展开或收起：",
    "Toggle site navigation sidebar": "打开或收起导航栏",
    "Toggle table of contents sidebar": "打开或收起本页目录",
}
_ARTICLE = re.compile(r"(<article\b.*?</article>)", re.DOTALL)
_ANY = "|".join(re.escape(label) for label in sorted(LABELS, key=len, reverse=True))
_ATTRIBUTE = re.compile(rf'((?:aria-label|title|placeholder)=")({_ANY})(?=[" ])')
_BETWEEN = re.compile(rf"(>\s*)({_ANY})(?=\s|<)")


def in_chinese(page: str) -> str:
    """A Chinese page's HTML with the theme's labels in Chinese; what the page itself says stays."""

    def translated(found: re.Match[str]) -> str:
        return found[1] + LABELS[found[2]]

    parts = _ARTICLE.split(_ATTRIBUTE.sub(translated, page))
    return "".join(part if at % 2 else _BETWEEN.sub(translated, part) for at, part in enumerate(parts))


def _label(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        for page in Path(app.outdir, CHINESE).rglob("*.html"):
            page.write_text(in_chinese(page.read_text()))


def setup(app: Sphinx) -> dict[str, bool]:
    """Put the search in place of English's."""
    app.connect("build-finished", _label)
    sphinx.search.languages["en"] = TwoLanguages
    app.connect("source-read", _join)
    app.connect("html-page-context", _speak)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
