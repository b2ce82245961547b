"""Guidelines are Markdown; whatever else somebody writes into them stays text or goes."""

import re

import pytest
from django.template import Context, Template
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Guideline, Project, User
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
