"""What nobody sees in a text is found, shown and flagged; what everybody sees is left alone."""

import uuid

import pytest
from django.template import Context, Template
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import Project, User
from annotations.advice import Advice, advice_on
from annotations.invisible import invisible, shown, suspicious, without
from annotations.models import Assignment, Demonstration
from annotations.services.demonstrations import submit_demonstration
from tests import make
from tests.make import client_of

QUESTION = "Where do turtles lay their eggs?"
BOTH = {"model": ["On a  Beach."], "yours": ["In the sea, as I said."]}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a\u200bb", ["U+200B"]),
        ("a\u200db\u200c", ["U+200C", "U+200D"]),
        ("\u202ereversed\u202c", ["U+202C", "U+202E"]),
        ("\u2066x\u2069", ["U+2066", "U+2069"]),
        ("\ufeffBOM and soft\u00adhyphen", ["U+00AD", "U+FEFF"]),
        ("nul\x00 bell\x07 escape\x1b c1\x85", ["U+0000", "U+0007", "U+001B", "U+0085"]),
        ("hidden\U000e0068\U000e0069", ["U+E0068", "U+E0069"]),
        ("bytes\ufe01\U000e0101", ["U+FE01", "U+E0101"]),
        ("private \ue000 and \U000f0000", ["U+E000", "U+F0000"]),
        ("half \ud800", ["U+D800"]),
        ("filler \u3164 and \u2028", ["U+2028", "U+3164"]),
    ],
)
def test_what_nobody_sees_is_found_by_its_number(text: str, found: list[str]) -> None:
    assert suspicious(text) == found
    assert all(f"⟨{number}⟩" in shown(text) for number in found)
    assert suspicious(without(text)) == suspicious(shown(text)) == []


@pytest.mark.parametrize(
    "text",
    [
        "Plain words,\ttabs\r\nand lines.",
        "绿海龟在沙滩上产卵，“通常”在夜里……\u3000好。",
        "Café naïve 50\u00a0% – “quoted” — Größe",
        "family 👨‍👩‍👧 heart ❤️ keycap 1️⃣ flag 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "نمی\u200cخواهم",
        "क्\u200dष",
        "葛\U000e0100城",
    ],
)
def test_what_everybody_sees_is_left_alone(text: str) -> None:
    assert invisible(text) == []
    assert shown(text) == without(text) == text


@settings(max_examples=50, deadline=None)
@given(st.text())
def test_showing_and_removing_leave_nothing_hidden(text: str) -> None:
    assert len(without(text)) <= len(text)
    assert invisible(shown(text)) == []
    assert (shown(text) == text) == (not invisible(text)) == (without(text) == text)


def test_the_filter_writes_them_out_and_escapes_the_rest() -> None:
    html = Template("{% load reading %}{{ text|spelled }}").render(Context({"text": "<b>\u200b"}))
    assert html == "&lt;b&gt;⟨U+200B⟩"


def warned(text: str, question: str = QUESTION, known: dict[str, list[str]] | None = None) -> list[str]:
    return [each.kind for each in advice_on(text, question=question, known=known or BOTH) if not each.good]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("", []),
        ("They lay their eggs in the sand of a beach.", []),
        ("on a beach.", ["same"]),
        ("In the  sea, as I said.", ["same"]),
        (QUESTION.upper(), ["same"]),
        ("Beach.", ["short"]),
        ("Run this:\n```python\nprint()", ["fence"]),
        ("Run this:\n```python\nprint()\n```\nDone.", []),
        ("Inside ``` a line there is no block.", []),
        ("~~~\n```\nthis is still open\n```", ["fence"]),
        ("它们在沙滩上产卵，一般在夜里。", ["language"]),
        ("They lay\u200b them in the sand.", ["invisible"]),
    ],
)
def test_advice_names_what_may_be_wrong(text: str, kinds: list[str]) -> None:
    assert warned(text) == kinds


def test_advice_on_a_chinese_question_asks_for_chinese_and_says_when_it_fits() -> None:
    asked = "绿海龟一般在哪里产卵？"
    assert warned("They lay their eggs in the sand.", asked) == ["language"]
    good = [each for each in advice_on("它们在沙滩上产卵，一般在夜里。", question=asked, known=BOTH) if each.good]
    assert good == [Advice(kind="language", title="Same language as the question", detail="Chinese", good=True)]


def test_two_chinese_words_are_short_and_a_sentence_is_not() -> None:
    asked = "绿海龟一般在哪里产卵？"
    assert "short" in warned("沙滩", asked)
    assert "short" not in warned("在沙滩上", asked)


@pytest.fixture
def held(project: Project, alice: User) -> Assignment:
    for _ in range(2):
        make.make_prompt(project, demonstrations=1)
    return make.lent(alice, project, "demonstrate")


def test_an_earlier_answer_of_ones_own_is_recognised_and_anothers_is_not(
    project: Project, alice: User, bob: User, held: Assignment
) -> None:
    same = "Exactly this, every time."
    said = [{"role": "assistant", "content": same}]
    submit_demonstration(by=alice, assignment_id=held.public_id, messages=said, key=uuid.uuid4())
    second = make.lent(alice, project, "demonstrate")
    preview = client_of(alice).post(f"/demonstrate/{second.public_id}/preview/", {"content": same})
    assert "an earlier answer of yours" in preview.content.decode()
    Demonstration.objects.update(labeler=bob)
    preview = client_of(alice).post(f"/demonstrate/{second.public_id}/preview/", {"content": same})
    assert "an earlier answer of yours" not in preview.content.decode()


def test_advice_never_stops_anybody(held: Assignment, alice: User) -> None:
    sent = {"key": uuid.uuid4(), "content": "沙\u200b\n```"}
    assert client_of(alice).post(f"/demonstrate/{held.public_id}/", sent).status_code == 302


def test_what_cannot_be_stored_goes_when_it_is_sent_and_was_shown_before(held: Assignment, alice: User) -> None:
    client, text = client_of(alice), "In the\0 sand of a beach."
    preview = client.post(f"/demonstrate/{held.public_id}/preview/", {"content": text}).content.decode()
    assert "⟨U+0000⟩" in preview
    assert "cannot be stored" in preview
    client.post(f"/demonstrate/{held.public_id}/", {"key": uuid.uuid4(), "content": text})
    assert Demonstration.objects.get().messages[0]["content"] == "In the sand of a beach."
