"""The reviewers' pages: pseudonyms, orders with letters and texts, filters, remarks, and decisions about skips."""

import re
from typing import Any
from uuid import uuid4

import pytest

from accounts.models import JournalEntry, Project, User
from annotations.models import Assignment, Placement, Ranking, Slate
from annotations.queries.answers import ANSWERS_A_PAGE, rankings_page
from annotations.queries.skips import undecided
from annotations.services import reviewing
from annotations.services.demonstrations import submit_demonstration
from annotations.services.work import lend_work, skip
from tests import make

PAGE = "/p/turtles/answers/"
TEXTS = ["In the sand.", "On a beach.", "In the sea.", "Nobody knows."]


def shown(person: User, query: str = "") -> str:
    return make.client_of(person).get(f"{PAGE}{query}").content.decode()


def typed(page: str) -> list[str]:
    return [" ".join(found.split()) for found in re.findall(r'class="push typed">([^<]+)<', page)]


def skipped_by(project: Project, count: int, kind: str = "rank") -> Assignment:
    for number in range(count):
        person = make.make_person(f"{kind}-{number}-{uuid4().hex[:6]}", project)
        held = make.lent(person, project, kind)
        skip(by=person, assignment_id=held.public_id, reason="unclear" if number else "broken")
    return held


@pytest.mark.parametrize(
    ("who", "status"), [("rita", 200), ("olga", 200), ("alice", 403), ("erik", 403), ("mallory", 404)]
)
def test_reviewers_and_operators_see_the_answers(
    request: pytest.FixtureRequest, project: Project, who: str, status: int
) -> None:
    client = make.client_of(request.getfixturevalue(who))
    assert {client.get(path).status_code for path in (PAGE, f"{PAGE}skips/")} == {status}
    assert client.post(f"{PAGE}skips/decide/").status_code == {200: 400}.get(status, status)


def test_an_answer_shows_the_order_as_it_was_typed_under_the_letters_that_its_author_saw(
    project: Project, alice: User, rita: User
) -> None:
    slate = make.make_slate(project, TEXTS)
    make.make_ranking(alice, slate, [[2], [0, 3], [1]], cut=1)
    seen = Assignment.objects.get(slate=slate).shown
    letter = {position: "ABCD"[place] for place, position in enumerate(seen)}
    tie = " = ".join(sorted([letter[0], letter[3]]))
    page = shown(rita)
    assert typed(page) == [f"{letter[2]} | {tie} {letter[1]}"]
    for position, text in enumerate(TEXTS):
        assert re.search(rf"<b>{letter[position]}</b>.*?{re.escape(text)}", page, re.DOTALL)


def test_people_stand_there_under_pseudonyms_and_policies_not_at_all(project: Project, alice: User, rita: User) -> None:
    make.make_ranking(alice, make.make_slate(project, policy=make.make_policy(project, "r7-ppo-secret")))
    page = shown(rita)
    assert alice.pseudonym in page
    assert "alice" not in page
    assert "r7-ppo-secret" not in page


@pytest.mark.parametrize("mark", ["flagged", "hurried", "unsure", "noted", "late", "remarked"])
def test_the_list_is_narrowed_to_what_has_a_mark(project: Project, alice: User, rita: User, mark: str) -> None:
    plain, marked = (make.make_ranking(alice, slate) for slate in make.make_slates(project, 2))
    rows = Ranking.objects.filter(pk=marked.pk)
    {
        "flagged": lambda: Placement.objects.filter(ranking=marked).update(flags=["false"]),
        "hurried": lambda: rows.update(hurried=True),
        "unsure": lambda: rows.update(unsure=True),
        "noted": lambda: rows.update(note="Why?"),
        "late": lambda: Assignment.objects.filter(pk=marked.assignment_id).update(surplus=True, slot=None),
        "remarked": lambda: marked.assignment.remarks.create(author=rita, text="Look again."),
    }[mark]()
    found = rankings_page(project, mark=mark).answers
    assert [answer.given for answer in found] == [marked]
    assert len(rankings_page(project).answers) == 2
    assert len(typed(shown(rita, f"?mark={mark}"))) == 1
    assert plain.pk != marked.pk


def test_a_flag_on_the_whole_slate_is_a_flag(project: Project, alice: User) -> None:
    make.make_ranking(alice, make.make_slate(project))
    Ranking.objects.update(flags=["harmful"])
    assert [answer.flags for answer in rankings_page(project, mark="flagged").answers] == [["harmful"]]


def test_the_list_is_narrowed_to_one_labeler_and_nonsense_narrows_nothing(
    project: Project, alice: User, bob: User, rita: User
) -> None:
    for person in (alice, bob):
        make.make_ranking(person, make.make_slate(project))
    assert len(typed(shown(rita, f"?labeler={bob.pseudonym}"))) == 1
    assert len(typed(shown(rita, "?mark=burn&kind=x&before=soon"))) == 2


def test_pages_follow_each_other_without_a_gap_and_cost_the_same(
    project: Project, alice: User, django_assert_num_queries: Any
) -> None:
    for slate in make.make_slates(project, ANSWERS_A_PAGE + 3):
        make.make_ranking(alice, slate)
    with django_assert_num_queries(4):
        first = rankings_page(project)
    with django_assert_num_queries(4):
        rest = rankings_page(project, before=first.older)
    seen = [answer.given.pk for answer in [*first.answers, *rest.answers]]
    assert (seen, rest.older) == (sorted(seen, reverse=True), None)
    assert len(set(seen)) == ANSWERS_A_PAGE + 3


def test_written_answers_are_listed_too(project: Project, alice: User, rita: User) -> None:
    make.make_prompt(project, demonstrations=1)
    held = make.lent(alice, project, "demonstrate")
    said = [{"role": "assistant", "content": "Where they <hatched>."}]
    submit_demonstration(by=alice, assignment_id=held.public_id, messages=said, key=uuid4())
    assert "Where they &lt;hatched&gt;." in shown(rita, "?kind=demonstrate")
    assert "Where they" not in shown(rita, "?kind=demonstrate&mark=late")


def test_a_remark_is_sent_from_the_list_and_leads_back_to_it(project: Project, alice: User, rita: User) -> None:
    about = make.make_ranking(alice, make.make_slate(project)).assignment.public_id
    sent = {"key": uuid4(), "text": "Look at B again.", "query": "mark=flagged&next=//evil.example"}
    answer = make.client_of(rita).post(f"{PAGE}{about}/remark/", sent)
    assert answer["Location"].startswith(f"{PAGE}?mark=flagged")
    assert answer["Location"].endswith(f"#a-{about}")
    assert "Look at B again." in shown(rita)
    assert "not read yet" in shown(rita)


def test_skips_are_counted_by_reason_and_wait_for_a_decision(project: Project, rita: User) -> None:
    make.make_slate(project)
    skipped_by(project, project.max_skips)
    [waiting] = undecided(project)
    assert waiting.reasons == [("The question is unclear", 2), ("The texts are broken", 1)]
    page = make.client_of(rita).get(f"{PAGE}skips/").content.decode()
    assert page.count("The question is unclear") == 3
    assert "waits for a decision" in page


def test_asked_again_it_is_lent_to_somebody_new(project: Project, rita: User, alice: User) -> None:
    slate = make.make_slate(project)
    skipped_by(project, project.max_skips)
    sent = {"kind": "rank", "about": slate.public_id, "do": "ask_again"}
    assert "It is asked again." in make.client_of(rita).post(f"{PAGE}skips/decide/", sent, follow=True).content.decode()
    assert make.lent(alice, project).slate == slate
    assert undecided(project) == []
    assert JournalEntry.objects.get(verb="ask_again").actor == rita


def test_retired_it_is_lent_to_nobody_and_what_was_said_stays(project: Project, rita: User, alice: User) -> None:
    slate = make.make_slate(project)
    skipped_by(project, project.max_skips)
    reviewing.retire(by=rita, project=project, slate_id=slate.public_id)
    assert lend_work(to=alice, project=project, kind="rank") is None
    assert undecided(project) == []
    assert Assignment.objects.filter(slate=slate, state="skipped").count() == project.max_skips
    assert JournalEntry.objects.filter(verb="retire_slate").count() == 1


@pytest.mark.parametrize("second", [reviewing.ask_again, reviewing.retire])
def test_a_decision_is_made_once(project: Project, rita: User, olga: User, second: Any) -> None:
    slate = make.make_slate(project)
    with pytest.raises(reviewing.DecidedBefore):
        second(by=olga, project=project, slate_id=slate.public_id)
    skipped_by(project, project.max_skips)
    reviewing.retire(by=rita, project=project, slate_id=slate.public_id)
    with pytest.raises(reviewing.DecidedBefore):
        second(by=olga, project=project, slate_id=slate.public_id)
    assert Slate.objects.get(pk=slate.pk).retired_at is not None


def test_a_question_that_nobody_would_answer_is_asked_again_or_retired_by_operators(
    project: Project, rita: User, olga: User, alice: User
) -> None:
    prompt = make.make_prompt(project, demonstrations=1)
    skipped_by(project, project.max_skips, "demonstrate")
    assert [waiting.kind for waiting in undecided(project)] == ["demonstrate"]
    sent = {"kind": "demonstrate", "about": prompt.public_id}
    assert make.client_of(rita).post(f"{PAGE}skips/decide/", {**sent, "do": "retire"}).status_code == 403
    make.client_of(rita).post(f"{PAGE}skips/decide/", {**sent, "do": "ask_again"})
    assert make.lent(alice, project, "demonstrate").prompt == prompt
    assert undecided(project) == []
    again = make.client_of(rita).post(f"{PAGE}skips/decide/", {**sent, "do": "ask_again"}, follow=True)
    assert "Somebody decided about this before." in again.content.decode()
    make.client_of(olga).post(f"{PAGE}skips/decide/", {**sent, "do": "retire"})
    prompt.refresh_from_db()
    assert prompt.retired_at is not None
