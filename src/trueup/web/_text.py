"""What models wrote, made fit to be shown: it is hostile until shown otherwise."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import cache, lru_cache

import nh3
from markdown_it import MarkdownIt

__all__ = ["differences", "safe_html"]

_TAGS = {
    *("p", "br", "hr", "em", "strong", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}
_LONGEST = 20_000  # words of two answers together, above which they are not compared


@cache
def _markdown() -> MarkdownIt:
    # pictures would be fetched from wherever the text says, and tell that it is being read
    return (
        MarkdownIt("commonmark", {"html": False})
        .enable(["table", "strikethrough"])
        .disable("image")
    )


@lru_cache(maxsize=1024)  # an item is shown to several, and guidelines with each
def safe_html(text: str) -> str:
    """Return a Markdown text as HTML that runs nothing and loads nothing by itself."""
    return nh3.clean(
        _markdown().render(text),
        tags=_TAGS,
        attributes={"a": {"href", "title"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )


def differences(texts: Sequence[str]) -> list[list[tuple[str, bool]]]:
    """Cut each text into pieces, with whether the other one lacks them.

    Args:
        texts: two are compared by words; any other number comes back whole.

    Returns:
        For each text its pieces in order, which together are the text.
    """
    if len(texts) != 2:
        return [[(text, False)] for text in texts]
    one, two = (re.findall(r"\s+|\w+|[^\w\s]", text) for text in texts)
    if len(one) + len(two) > _LONGEST:
        return [[(text, False)] for text in texts]
    matcher = SequenceMatcher(None, one, two, autojunk=False)
    left: list[tuple[str, bool]] = []
    right: list[tuple[str, bool]] = []
    for kind, i, j, k, m in matcher.get_opcodes():
        for pieces, words in ((left, one[i:j]), (right, two[k:m])):
            if words:
                pieces.append(("".join(words), kind != "equal"))
    return [left, right]
