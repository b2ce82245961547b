"""Remarks: from reviewers to the labeler alone, once, never in the journal, and read when they are read."""

from uuid import UUID, uuid4

import pytest

from accounts.models import JournalEntry, Project, User
from accounts.permissions import NotAllowed
from annotations.models import Assignment, Ranking, Remark
from annotations.queries.desk import NotYours
from annotations.services.remarks import BadRemark, leave_remark, read_remark
from tests import make

TEXT = "I read B the way you did."


@pytest.fixture
def ranking(project: Project, alice: User) -> Ranking:
    return make.make_ranking(alice, make.make_slate(project))


def remark(by: User, ranking: Ranking, text: str = TEXT, key: UUID | None = None) -> Remark:
    project, about = ranking.assignment.project, ranking.assignment.public_id
    return leave_remark(by=by, project=project, assignment_id=about, text=text, key=key or uuid4())


def test_reviewers_and_operators_remark_and_nobody_else(
    ranking: Ranking, rita: User, olga: User, bob: User, erik: User, mallory: User
) -> None:
    for person in (rita, olga):
        remark(person, ranking)
    for person in (bob, erik, mallory, ranking.labeler):
        with pytest.raises(NotAllowed):
            remark(person, ranking)
    assert Remark.objects.count() == 2


def test_a_second_click_says_it_once(ranking: Ranking, rita: User) -> None:
    key = uuid4()
    assert remark(rita, ranking, key=key) == remark(rita, ranking, key=key)
    assert Remark.objects.count() == 1


def test_the_journal_tells_of_a_remark_and_not_what_it_says(ranking: Ranking, rita: User) -> None:
    written = remark(rita, ranking)
    entry = JournalEntry.objects.get(verb="remark")
    assert (entry.actor, entry.subject_id) == (rita, str(written.pk))
    assert TEXT not in str(entry.facts)


@pytest.mark.parametrize("text", ["", "  \n", "\0", "x" * 4001])
def test_a_remark_that_says_nothing_or_too_much_is_refused(ranking: Ranking, rita: User, text: str) -> None:
    with pytest.raises(BadRemark):
        remark(rita, ranking, text)
    assert not Remark.objects.exists()


def test_what_nobody_answered_gets_no_remark(project: Project, rita: User, alice: User) -> None:
    make.make_slate(project)
    held = make.lent(alice, project)
    with pytest.raises(BadRemark):
        leave_remark(by=rita, project=project, assignment_id=held.public_id, text=TEXT, key=uuid4())


def test_the_labeler_finds_it_on_home_until_it_was_read(ranking: Ranking, rita: User, alice: User, bob: User) -> None:
    written = remark(rita, ranking, "<b>Good</b> & short")
    client = make.client_of(alice)
    page = client.get("/").content.decode()
    assert "&lt;b&gt;Good&lt;/b&gt; &amp; short" in page
    assert "rita" not in page
    assert "Good" not in make.client_of(bob).get("/").content.decode()
    answer = client.post(f"/remarks/{written.public_id}/read/", {"then": "open"})
    assert answer["Location"] == f"/rank/{ranking.assignment.public_id}/"
    written.refresh_from_db()
    first = written.read_at
    assert first is not None
    client.post(f"/remarks/{written.public_id}/read/", {"then": "stay"})
    written.refresh_from_db()
    assert (written.read_at, JournalEntry.objects.filter(verb="read_remark").count()) == (first, 1)
    assert "Good" not in client.get("/").content.decode()


def test_nobody_reads_for_somebody_else(ranking: Ranking, rita: User, bob: User) -> None:
    with pytest.raises(NotYours):
        read_remark(by=bob, remark_id=remark(rita, ranking).public_id)
    assert Remark.objects.get().read_at is None


def test_a_remark_on_a_skip_reaches_who_skipped(project: Project, rita: User, alice: User) -> None:
    make.make_slate(project)
    held = make.lent(alice, project)
    client = make.client_of(alice)
    client.post(f"/skip/{held.public_id}/", {"reason": "unclear"})
    leave_remark(by=rita, project=project, assignment_id=held.public_id, text=TEXT, key=uuid4())
    assert Assignment.objects.get(pk=held.pk).state == "skipped"
    assert "A reviewer left a remark on a question that you skipped" in client.get("/").content.decode()
