"""The simulated browser reads forms as a browser without scripts sends them."""

import pytest

from tutelage.rehearsal.pages import Page, UnexpectedPage

HTML = """
<form action="/language/"><select name="language"><option value="en" selected>E</option><option value="zh">Z</option>
</select></form>
<form method="post" action="/rank/42/?next=x">
  <input type="hidden" name="key" value="k&amp;1"><input name="order"><input type="checkbox" name="no" value="1">
  <input type="radio" name="pick" value="a"><input type="radio" name="pick" value="b" checked>
  <textarea name="note">
two
lines</textarea><button name="go" value="1">Go</button><input disabled name="off" value="1">
</form>
<article data-letter="a"><b>A</b><div class="big reading">First <b>text</b> &lt;3<br>more</div></article>
<article data-letter="b"><div class="reading">Second</div></article>
<form method="post"><input name="here"></form><p role="alert">Not like that.</p>
"""
PAGE = Page(HTML, "/rank/41/")


def test_a_form_sends_what_a_browser_would() -> None:
    form = PAGE.form("/rank/42/")
    assert form.fields == {"key": "k&1", "order": "", "pick": "b", "note": "two\nlines"}


def test_a_form_without_an_action_is_sent_to_its_own_page() -> None:
    assert PAGE.form("/rank/41/").fields == {"here": ""}


def test_a_select_sends_its_chosen_option() -> None:
    assert PAGE.form("/language/").fields == {"language": "en"}


def test_texts_are_read_whole_and_know_what_is_around_them() -> None:
    texts = {element.around["data-letter"]: element.text for element in PAGE.texts("reading")}
    assert texts == {"a": "First text <3more", "b": "Second"}


def test_a_complaint_is_found() -> None:
    assert PAGE.complaint() == "Not like that."


def test_a_page_without_the_form_says_which_there_are() -> None:
    with pytest.raises(UnexpectedPage, match="/language/"):
        PAGE.form("/approve/")
