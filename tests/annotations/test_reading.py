"""Guidelines are Markdown; whatever else somebody writes into them stays text or goes."""

import html
import re
from unicodedata import category

import pytest
from django.template import Context, Template
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Guideline, Project, User
from annotations.invisible import invisible
from annotations.templatetags.reading import rendered, visible
from tests import make


def shown(text: str) -> str:
    return Template("{% load reading %}{{ text|markdown }}").render(Context({"text": text}))


def test_headings_stand_below_those_of_the_page_and_lists_are_lists() -> None:
    html = shown("# How to rank\n\n1. **Read** it\n2. *Then* place it")
    assert "<h3>How to rank</h3>" in html
    assert "<li><strong>Read</strong> it</li>" in html


@pytest.mark.parametrize(
    "text",
    ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "[a](javascript:alert(1))", "![a](http://h/x.png)"],
)
def test_nothing_that_acts_gets_through(text: str) -> None:
    html = shown(text)
    assert not any(sign in html for sign in ("<script", "<img", 'href="javascript'))


@given(st.text(alphabet="<>&\"'=#*[]()!`abc \n", max_size=60))
def test_no_text_brings_a_tag_of_its_own(text: str) -> None:
    html = shown(text)
    assert "<a b" not in html
    assert "<b>" not in html


@pytest.mark.django_db
def test_the_rank_page_shows_the_guidelines_as_written(project: Project, alice: User, client: Client) -> None:
    Guideline.objects.create(project=project, version=9, text="# Say it plainly")
    make.make_slate(project)
    client.force_login(alice)
    answer = client.get(f"/p/{project.slug}/rank/", follow=True)
    assert re.search(r'<h3 id="clause-say-it-plainly"[^>]*>.*Say it plainly</h3>', answer.content.decode())


def read_aloud(markup: str) -> str:
    """What stands in HTML once its tags are gone."""
    return html.unescape(re.sub(r"<[^>]+>", "", markup))


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("zero\u200bwidth", "U+200B"),
        ("\x1b[31m", "U+001B"),
        ("left \u202eto right", "U+202E"),
        ("a\u200db", "U+200D"),
        ("tag \U000e0041", "U+E0041"),
        ("filled \u3164", "U+3164"),
        ("own \ue000", "U+E000"),
        ("\ufeff\ufeff\ufeffthree", "U+FEFF ×3"),
    ],
)
def test_what_nobody_sees_is_shown_by_its_number(text: str, mark: str) -> None:
    assert f'<span class="sign">{mark}</span>' in visible(text)
    assert f'<span class="sign">{mark}</span>' in rendered(f"**bold** {text}")


@pytest.mark.parametrize(
    "text", ["a\tb\nc\r\nd", "👩\u200d👩\u200d👧 ❤\ufe0f", "می\u200cخواهم", "naïve 乌龟\u3000。", "a\u00a0b"]
)
def test_what_belongs_to_a_text_is_no_mark(text: str) -> None:
    assert "sign" not in visible(text)
    assert not invisible(text)


@given(st.text(st.characters(exclude_characters="\u200c\u200d\r"), max_size=40))
def test_a_marked_text_keeps_every_sign_that_can_be_seen_and_no_other(text: str) -> None:
    markup = visible(text)
    left = re.sub(r'<span class="sign">.*?</span>', "", markup)
    assert "<" not in left
    assert not any(category(sign) in ("Cc", "Co", "Cs", "Zl", "Zp") and sign not in "\t\n" for sign in markup)
    seen = [sign for sign in text if not invisible(f"é{sign}é")]
    assert [sign for sign in html.unescape(left) if not invisible(f"é{sign}é")] == seen


TAGS = {"h3", "h4", "h5", "h6", "p", "ul", "ol", "li", "strong", "em", "code", "pre", "blockquote", "hr", "br"}
TAGS |= {"table", "thead", "tbody", "tr", "th", "td"}


# Without fences: the name of a language behind one is not shown.
@given(st.text(alphabet="\u200b<>&\"'=#*_[]()!-+.1ab \n\ue000\ue001|\\", max_size=60))
def test_rendering_loses_no_word_and_brings_no_tag(text: str) -> None:
    markup = rendered(text)
    if markup:
        assert re.sub("[^ab]", "", read_aloud(markup)) == re.sub("[^ab]", "", text)
        tags = set(re.findall(r"</?([a-z0-9]+)", markup)) - {"span"}
        assert tags <= TAGS


def test_a_table_that_would_drop_a_cell_is_shown_as_it_was_written() -> None:
    table = "| a | b |\n|---|---|\n| 1 | 2 |"
    assert "<td>2</td>" in rendered(table)
    assert rendered(table + " 3 |") == ""


@pytest.mark.parametrize("text", ["Plain words, 3 * 4 and snake_case.", "a\n\nb", "5 > 4"])
def test_a_text_without_markdown_is_not_rendered_at_all(text: str) -> None:
    assert rendered(text) == ""


def test_links_and_pictures_of_a_completion_stay_as_they_were_written() -> None:
    markup = rendered(
        "**See** [this](https://turtles.example) ![x](https://turtles.example/x.png)\n\n[r]: https://r.example"
    )
    assert "[this](https://turtles.example) ![x](https://turtles.example/x.png)" in markup
    assert "[r]: https://r.example" in markup
    assert "<a" not in markup
    assert "<img" not in markup


@pytest.mark.django_db
def test_an_answer_is_rendered_and_its_raw_text_is_there_too(project: Project, alice: User) -> None:
    make.make_slate(project, ["1. **Dig**\n2. Lay", "No marks here.", "x\u200by"])
    page = make.client_of(alice).get(f"/rank/{make.lent(alice, project).public_id}/").content.decode()
    assert "<li><strong>Dig</strong></li>" in page
    assert "1. **Dig**\n2. Lay" in page
    assert page.count("No marks here.") == 1
    assert 'x<span class="sign">U+200B</span>y' in page
