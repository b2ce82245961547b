"""How texts are shown: in the face of their letters, and guidelines with their headings and lists."""

import nh3
from django import template
from markdown_it import MarkdownIt

from annotations.invisible import shown

register = template.Library()

_MARKDOWN = MarkdownIt("commonmark", {"html": False})
_TAGS = {"h3", "h4", "h5", "h6", "p", "ul", "ol", "li", "strong", "em", "code", "pre", "blockquote", "hr", "br", "a"}

# Above this share of Han characters a text is set as Chinese; below, quoted words stand in another text.
_HAN_SHARE = 0.2


@register.filter
def language(text: str) -> str:
    """Return "zh" for mostly Chinese text, else "und": which other language it is cannot be told by its letters."""
    letters = [sign for sign in text if sign.isalpha()]
    han = sum("\u4e00" <= sign <= "\u9fff" for sign in letters)
    return "zh" if han > _HAN_SHARE * len(letters) else "und"


@register.filter
def visible(text: str) -> str:
    """The text with the characters that nobody sees written out: `⟨U+200B⟩`."""
    return shown(text)


class _Cleaned(str):
    """HTML that went through nh3, so that a template shows it as it is."""

    def __html__(self) -> str:
        return str(self)


@register.filter
def markdown(text: str) -> str:
    """A person's Markdown as clean HTML, its headings two levels down: they stand inside a page."""
    tokens = _MARKDOWN.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + 2)}"
    html = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    return _Cleaned(nh3.clean(html, tags=_TAGS, attributes={"a": {"href"}}, url_schemes={"http", "https"}))
