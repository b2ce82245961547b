"""Guidelines: clauses with addresses, the page that says what changed, and who has seen which version."""

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.guidelines import open_guideline
from accounts.models import Guideline, GuidelineSeen, Project, User
from accounts.permissions import NotAllowed
from annotations.clauses import changed_clauses, changes, clause_for, clauses_of
from annotations.queries.guidelines import guidelines_unseen
from annotations.templatetags.reading import _TAGS, clauses
from tests import make

TEXT = """# Everyday questions

Read **all** of it.

## How to rank {rank}

Best first.

### Harmless {Harmful, private}

Nobody is hurt.

## 写示范回答 {demonstrate}

- Plain words.
"""
PAGE = "/p/turtles/guidelines/"


def write(project: Project, version: int, text: str = TEXT) -> Guideline:
    return Guideline.objects.create(project=project, version=version, text=text)


def test_headings_are_numbered_and_a_single_first_one_is_the_title() -> None:
    assert [str(clause) for clause in clauses_of(TEXT)] == [
        "Everyday questions",
        "1 How to rank",
        "1.1 Harmless",
        "2 写示范回答",
    ]


def test_a_number_that_the_author_wrote_stays_and_is_not_doubled() -> None:
    assert [str(clause) for clause in clauses_of("# 1. Read\n# 3.2 Rank\n# Write")] == ["1 Read", "3.2 Rank", "3 Write"]


def test_the_clause_that_applies_is_found_by_kind_of_work_and_by_flag() -> None:
    found = {word: clause_for(TEXT, word) for word in ("rank", "write", "harmful", "private", "false")}
    titles = {word: clause.title if clause else None for word, clause in found.items()}
    harmless = dict.fromkeys(["harmful", "private"], "Harmless")
    assert titles == {"rank": "How to rank", "write": "写示范回答", **harmless, "false": None}


def test_an_address_lasts_as_long_as_the_title_whatever_comes_before_it() -> None:
    later = "# First of all\n\nNew.\n\n" + TEXT
    before, after = ({clause.title: clause.id for clause in clauses_of(text)} for text in (TEXT, later))
    assert before.items() <= after.items()


def test_two_clauses_of_one_title_have_two_addresses() -> None:
    ids = [clause.id for clause in clauses_of("# Same\n# Same\n# Same\n# !\n# !")]
    assert len(set(ids)) == 5


def test_what_applies_is_not_shown_but_is_in_the_page() -> None:
    html = clauses(TEXT)
    assert "{" not in html
    assert re.search(
        r'<h4 id="clause-harmless" tabindex="-1" data-applies="harmful private">.*1\.1.* Harmless</h4>', html
    )


@given(st.text(alphabet="#{}<>\"'=*_[]()!`abc -\n1.", max_size=80))
def test_no_heading_brings_a_tag_or_an_attribute_of_its_own(text: str) -> None:
    html = clauses(text)
    for tag, attributes in re.findall(r"<(\w+)((?: [^<>]*)?)>", html):
        assert tag in _TAGS | {"span"}
        assert not set(re.findall(r'([\w-]+)="', attributes)) - {
            "id",
            "tabindex",
            "data-applies",
            "class",
            "href",
            "rel",
        }


@given(st.text(alphabet="abc\n", max_size=30), st.text(alphabet="abc\n", max_size=30))
def test_the_changes_make_the_new_text_of_the_old_one(old: str, new: str) -> None:
    said = [line for change in changes(old, new) for line in change.lines]
    gone, came = (Counter(line for kind, line in said if kind == one) for one in ("gone", "new"))
    before, after = (Counter(line for line in text.splitlines() if line) for text in (old, new))
    assert before - gone + came == after
    assert not gone - before


def test_a_change_names_the_clause_that_it_stands_in() -> None:
    new = TEXT.replace("Nobody is hurt.", "Nobody is hurt, ever.").replace("- Plain words.\n", "")
    found = [(str(change.clause), change.lines) for change in changes(TEXT, new)]
    assert found == [
        ("1.1 Harmless", [("gone", "Nobody is hurt."), ("new", "Nobody is hurt, ever.")]),
        ("2 写示范回答", [("gone", "• Plain words.")]),
    ]
    assert [clause.title for clause in changed_clauses(TEXT, new)] == ["Harmless", "写示范回答"]


def test_what_a_clause_applies_to_is_no_change_to_read() -> None:
    other = TEXT.replace("{Harmful, private}", "{harmful}")
    assert changes(TEXT, other) == changed_clauses(TEXT, other) == []


def test_a_labeler_who_opened_the_page_has_seen_it(project: Project, alice: User) -> None:
    newest = write(project, 2)
    unseen = guidelines_unseen(alice, project)
    assert unseen
    assert (unseen.newest, unseen.seen, unseen.changed) == (newest, None, [])
    make.client_of(alice).get(PAGE)
    make.client_of(alice).get(PAGE)
    assert guidelines_unseen(alice, project) is None
    assert GuidelineSeen.objects.count() == 1


def test_a_new_version_is_unseen_and_names_the_clauses_that_changed(project: Project, alice: User, bob: User) -> None:
    open_guideline(by=alice, guideline=write(project, 2))
    write(project, 3, TEXT.replace("Best first.", "Best first, worst last."))
    unseen = guidelines_unseen(alice, project)
    assert unseen
    assert unseen.seen
    assert (unseen.seen.version, [clause.number for clause in unseen.changed]) == (2, ["1"])
    page = make.client_of(alice).get(PAGE).content.decode()
    assert "Changed since version 2" in page
    assert "<ins>Best first, worst last.</ins>" in page
    assert "<del>Best first.</del>" in page
    assert "Changed since" not in make.client_of(alice).get(PAGE).content.decode()
    assert "Changed since" not in make.client_of(bob).get(PAGE).content.decode()


def test_what_changed_since_an_older_version_can_be_asked_for(project: Project, alice: User) -> None:
    write(project, 2)
    client = make.client_of(alice)
    assert "Changed since version 1" in client.get(f"{PAGE}?since=1").content.decode()
    for nonsense in ("2", "7", "x", "9" * 30, "-1"):
        page = client.get(f"{PAGE}?since={nonsense}")
        assert page.status_code == 200
        assert "Changed since" not in page.content.decode()


def test_a_browser_that_fetches_ahead_has_seen_nothing(project: Project, alice: User) -> None:
    make.client_of(alice).get(PAGE, headers={"Sec-Purpose": "prefetch"})
    make.client_of(alice).head(PAGE)
    assert not GuidelineSeen.objects.exists()


def test_the_drawer_says_which_version_was_opened(project: Project, alice: User) -> None:
    write(project, 2)
    client = make.client_of(alice)
    assert client.post(f"{PAGE}seen/", {"version": "2"}).status_code == 204
    assert guidelines_unseen(alice, project) is None
    assert [client.post(f"{PAGE}seen/", {"version": wrong}).status_code for wrong in ("3", "", "x")] == [404] * 3


def test_the_drawer_of_a_page_knows_the_kind_of_work(project: Project, alice: User) -> None:
    make.make_slate(project)
    make.make_prompt(project, demonstrations=1)
    client = make.client_of(alice)
    for path, kind in [("rank", "rank"), ("demonstrate", "write")]:
        page = client.get(f"/p/turtles/{path}/", follow=True).content.decode()
        assert f'data-kind="{kind}"' in page
        assert 'href="/p/turtles/guidelines/"' in page
        assert len(re.findall(r' id="(clause-[^"]+)"', page)) == len(set(re.findall(r' id="(clause-[^"]+)"', page)))


CAST = {"alice": 200, "rita": 200, "erik": 200, "olga": 200, "mallory": 404}


@pytest.mark.parametrize("name", CAST)
def test_members_read_the_guidelines_and_strangers_do_not(
    project: Project, name: str, request: pytest.FixtureRequest
) -> None:
    person = request.getfixturevalue(name)
    assert make.client_of(person).get(PAGE).status_code == CAST[name]
    if name == "mallory":
        with pytest.raises(NotAllowed):
            open_guideline(by=person, guideline=project.guidelines.get())


def test_without_guidelines_the_page_says_so(project: Project, alice: User) -> None:
    project.guidelines.all().delete()
    assert "There are none yet" in make.client_of(alice).get(PAGE).content.decode()
    assert guidelines_unseen(alice, project) is None
