"""How texts are shown: in the face of their letters, with what is invisible marked, Markdown as what it means."""

import re
from functools import lru_cache
from html import unescape

import nh3
from django import template
from django.utils.html import escape
from markdown_it import MarkdownIt
from markdown_it.token import Token

from annotations.clauses import MARKDOWN, numbered_tokens
from annotations.invisible import each, number, shown

register = template.Library()

_TAGS = {"h3", "h4", "h5", "h6", "p", "ul", "ol", "li", "strong", "em", "code", "pre", "blockquote", "hr", "br", "a"}
_ATTRIBUTES = {"a": {"href"}}

# Of a completion everything is judged, so nothing may vanish: links and images stay as written, with their targets.
_RENDERED = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable("table")
_RENDERED.disable(["link", "autolink", "image", "reference", "entity", "escape"])
_RENDERED_TAGS = (_TAGS - {"a"}) | {"table", "thead", "tbody", "tr", "th", "td"}
# A sign of Markdown anywhere: most completions have none, and then there is nothing to render.
_MARKED = re.compile(r"[*_`]\S|^\s{0,3}(?:#{1,6}\s|[-+*]\s|\d{1,9}[.)]\s|>|~~~|[-*_]{3}|\|.*\|)", re.MULTILINE)

# Above this share of Han characters a text is set as Chinese; below, quoted words stand in another text.
_HAN_SHARE = 0.2
_HAN = re.compile("[\u4e00-\u9fff]")


# What is kept here is read again by the labelers of one slate, by whoever looks twice, and by every page's drawer.
@register.filter
@lru_cache(maxsize=1024)
def language(text: str) -> str:
    """Return "zh" for mostly Chinese text, else "und": which other language it is cannot be told by its letters."""
    letters = sum(map(str.isalpha, text))
    return "zh" if len(_HAN.findall(text)) > _HAN_SHARE * letters else "und"


class _Cleaned(str):
    """HTML that was escaped or went through nh3, so that a template shows it as it is."""

    def __html__(self) -> str:
        return str(self)


def _cleaned(html: str, *, tags: set[str], attributes: dict[str, set[str]]) -> str:
    return _Cleaned(nh3.clean(html, tags=tags, attributes=attributes, url_schemes={"http", "https"}))


@register.filter
def markdown(text: str) -> str:
    """A person's Markdown as clean HTML, its headings two levels down: they stand inside a page."""
    html = _html(MARKDOWN, _parsed(MARKDOWN, text))
    return _cleaned(html, tags=_TAGS, attributes=_ATTRIBUTES)


@register.filter
@lru_cache(maxsize=1024)
def visible(text: str) -> str:
    """A text as it is, each invisible character shown by its number."""
    return _Cleaned(_badges(escape(_named(text))))


@register.filter
def spelled(text: str) -> str:
    """A text with its invisible characters written out as `⟨U+200B⟩`, still plain: for what is rendered afterwards."""
    return shown(text)


@register.filter
def rendered(text: str) -> str:
    """A completion's Markdown as clean HTML, or nothing where it has none and is shown as it is."""
    return _rendered(text) if _MARKED.search(text) else ""


# The labelers of one slate, and whoever is sent back to their mistake, read the same texts.
@lru_cache(maxsize=1024)
def _rendered(text: str) -> str:
    named = _named(text)
    tokens = _parsed(_RENDERED, named)
    html = nh3.clean(_html(_RENDERED, tokens), tags=_RENDERED_TAGS, attributes={"ol": {"start"}})
    # A table drops the cells that its head has no place for; whatever would vanish, the text is shown as it is.
    read = unescape(_TAG.sub("", html)) + "".join(token.info for token in tokens)
    whole = sum(map(str.isalnum, read)) == sum(map(str.isalnum, named))
    return _Cleaned(_badges(html)) if whole and "<" in _PLAIN.sub("", html) else ""


_PLAIN = re.compile(r"</?p>|<br>")
_TAG = re.compile(r"<[^>]*>")


def _parsed(parser: MarkdownIt, text: str) -> list[Token]:
    tokens = parser.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + 2)}"
    return tokens


def _html(parser: MarkdownIt, tokens: list[Token]) -> str:
    html: str = parser.renderer.render(tokens, parser.options, {})
    return html


# Private signs stand around a number until the text is HTML: the text itself has none left by then.
_RUN = re.compile("\ue000(U\\+[0-9A-F]{4,6})\ue001(?:\ue000\\1\ue001)*")
_NUMBER = re.compile("\ue000(U\\+[0-9A-F]{4,6}(?: ×[0-9]+)?)\ue001")


def _named(text: str) -> str:
    return _RUN.sub(
        _counted, each(text.replace("\r\n", "\n").replace("\r", "\n"), lambda sign: f"\ue000{number(sign)}\ue001")
    )


def _counted(run: re.Match[str]) -> str:
    times = run[0].count("\ue000")
    return f"\ue000{run[1]}{f' ×{times}' if times > 1 else ''}\ue001"


def _badges(html: str) -> str:
    return _NUMBER.sub(r'<span class="sign">\1</span>', html)


@register.filter
@lru_cache(maxsize=64)
def clauses(text: str, prefix: str = "clause") -> str:
    """Guidelines as clean HTML: headings are numbered, have addresses `PREFIX-…`, and carry what they apply to."""
    html = MARKDOWN.renderer.render(numbered_tokens(text, prefix), MARKDOWN.options, {})
    marks = {tag: {"id", "tabindex", "data-applies"} for tag in ("h3", "h4", "h5", "h6")}
    return _cleaned(html, tags=_TAGS | {"span"}, attributes=_ATTRIBUTES | marks | {"span": {"class"}})
