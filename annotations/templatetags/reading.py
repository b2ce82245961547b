"""How texts are shown: in the face of their letters, and guidelines with their headings and lists."""

import nh3
from django import template

from annotations.clauses import MARKDOWN, numbered_tokens

register = template.Library()

_TAGS = {"h3", "h4", "h5", "h6", "p", "ul", "ol", "li", "strong", "em", "code", "pre", "blockquote", "hr", "br", "a"}
_ATTRIBUTES = {"a": {"href"}}

# Above this share of Han characters a text is set as Chinese; below, quoted words stand in another text.
_HAN_SHARE = 0.2


@register.filter
def language(text: str) -> str:
    """Return "zh" for mostly Chinese text, else "und": which other language it is cannot be told by its letters."""
    letters = [sign for sign in text if sign.isalpha()]
    han = sum("\u4e00" <= sign <= "\u9fff" for sign in letters)
    return "zh" if han > _HAN_SHARE * len(letters) else "und"


class _Cleaned(str):
    """HTML that went through nh3, so that a template shows it as it is."""

    def __html__(self) -> str:
        return str(self)


def _cleaned(html: str, *, tags: set[str], attributes: dict[str, set[str]]) -> str:
    return _Cleaned(nh3.clean(html, tags=tags, attributes=attributes, url_schemes={"http", "https"}))


@register.filter
def markdown(text: str) -> str:
    """A person's Markdown as clean HTML, its headings two levels down: they stand inside a page."""
    tokens = MARKDOWN.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + 2)}"
    html = MARKDOWN.renderer.render(tokens, MARKDOWN.options, {})
    return _cleaned(html, tags=_TAGS, attributes=_ATTRIBUTES)


@register.filter
def clauses(text: str, prefix: str = "clause") -> str:
    """Guidelines as clean HTML: headings are numbered, have addresses `PREFIX-…`, and carry what they apply to."""
    html = MARKDOWN.renderer.render(numbered_tokens(text, prefix), MARKDOWN.options, {})
    marks = {tag: {"id", "tabindex", "data-applies"} for tag in ("h3", "h4", "h5", "h6")}
    return _cleaned(html, tags=_TAGS | {"span"}, attributes=_ATTRIBUTES | marks | {"span": {"class"}})
