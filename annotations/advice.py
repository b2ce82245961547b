"""What may be wrong with a text that a person writes. It is told to them and never stops them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from annotations.invisible import invisible, suspicious
from annotations.templatetags.reading import language

# So few words or Chinese characters rarely answer anything.
_SHORT = 3
# Below this many letters nobody can tell a language.
_TELLING = 8
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_WORD = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+")
# No database row holds these.
_LOST = re.compile("[\\0\\ud800-\\udfff]")
_SAME_AS = {
    "question": gettext_lazy("This is word for word the question."),
    "model": gettext_lazy("This is word for word one of the model answers to this question."),
    "yours": gettext_lazy("This is word for word an earlier answer of yours."),
}


@dataclass(frozen=True, kw_only=True)
class Advice:
    """One thing to look at, or with `good` one that is as it should be."""

    kind: str
    title: str
    detail: str = ""
    good: bool = False


def advice_on(text: str, *, question: str, known: Mapping[str, Sequence[str]]) -> list[Advice]:
    """Advice on a turn. `known` holds texts by whose they are ("model", "yours"): none of them is worth repeating."""
    if not text.strip():
        return []
    found = [*_language(text, question), *_same(text, {"question": [question], **known})]
    found += _short(text) if known else []
    return [*found, *_open_fence(text), *_invisible(text)]


def plain(text: str) -> str:
    """A text as it is compared: letters without their case, one space between words."""
    return " ".join(text.casefold().split())


def _language(text: str, question: str) -> Iterator[Advice]:
    if min(len(text), len(question)) < _TELLING:
        return
    asked, written = language(question), language(text)
    if asked == written == "zh":
        yield Advice(kind="language", good=True, title=_("Same language as the question"), detail=_("Chinese"))
    elif asked != written:
        zh_asked, zh_written = (
            _("The question is in Chinese, your text is not."),
            _("Your text is in Chinese, the question is not."),
        )
        detail = zh_asked if asked == "zh" else zh_written
        yield Advice(kind="language", title=_("Another language than the question"), detail=detail)


def _same(text: str, known: Mapping[str, Sequence[str]]) -> Iterator[Advice]:
    mine = plain(text)
    for whose, texts in known.items():
        if any(plain(other) == mine for other in texts):
            yield Advice(kind="same", title=_("Word for word the same"), detail=str(_SAME_AS[whose]))


def _short(text: str) -> Iterator[Advice]:
    if len(_WORD.findall(text)) < _SHORT:
        yield Advice(kind="short", title=_("Very short"), detail=_("A reader may want to know more."))


def _open_fence(text: str) -> Iterator[Advice]:
    fence = ""
    for line in text.splitlines():
        found = _FENCE.fullmatch(line)
        if found and not fence:
            fence = found[1]
        elif found and found[1].startswith(fence) and not found[2].strip():
            fence = ""
    if fence:
        detail = _("Close it with %(fence)s on a line of its own.") % {"fence": fence}
        yield Advice(kind="fence", title=_("A code block is not closed"), detail=detail)


def _invisible(text: str) -> Iterator[Advice]:
    if signs := invisible(text):
        title = ngettext("%(n)d invisible character", "%(n)d invisible characters", len(signs)) % {"n": len(signs)}
        detail = _("%(signs)s. The preview shows where.") % {"signs": ", ".join(suspicious(text))}
        lost = _("Some cannot be stored: they go when you submit.") if _LOST.search(text) else ""
        yield Advice(kind="invisible", title=title, detail=f"{detail} {lost}".strip())
