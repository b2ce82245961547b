"""Which prompts are asked: retiring closes what nobody has, bringing back opens what lacks, what people said stays."""

import uuid

import pytest

from accounts.models import JournalEntry, Project, User
from accounts.permissions import NotAllowed
from annotations.models import Assignment, Prompt, Ranking, Slate
from annotations.queries.waiting import stock
from annotations.services import asking
from annotations.services.rankings import submit_ranking
from annotations.services.slates import retire_untouched, slot_priority, take_in_completions
from annotations.services.work import lend_work, skip
from tests import make
from tests.race import race


def ids(*prompts: Prompt) -> list[uuid.UUID]:
    return [prompt.public_id for prompt in prompts]


def open_slots(prompt: Prompt) -> list[tuple[str, int]]:
    rows = Assignment.objects.filter(prompt=prompt, state="open").order_by("kind", "slot")
    return [(kind, slot) for kind, slot in rows.values_list("kind", "slot") if slot is not None]


@pytest.fixture
def slate(project: Project) -> Slate:
    Project.objects.filter(pk=project.pk).update(overlap=2, demonstrations_wanted=0)
    project.refresh_from_db()
    return make.make_slate(project, k=3)


def test_a_retired_prompt_is_lent_to_nobody_and_leaves_the_stock(
    project: Project, slate: Slate, olga: User, alice: User
) -> None:
    assert asking.retire(by=olga, project=project, ids=ids(slate.prompt)) == 1
    assert (stock(project), lend_work(to=alice, project=project, kind="rank")) == (0, None)
    assert set(slate.assignments.values_list("state", flat=True)) == {"closed"}


def test_who_has_it_may_finish_it_and_the_ranking_stays(
    project: Project, slate: Slate, olga: User, alice: User
) -> None:
    held = make.lent(alice, project)
    asking.retire(by=olga, project=project, ids=ids(slate.prompt))
    submit_ranking(by=alice, assignment_id=held.public_id, tiers=make.tiers_of(slate), key=uuid.uuid4())
    assert Ranking.objects.get().slate == slate


def test_an_expired_lease_or_a_skip_of_a_retired_prompt_lends_it_to_nobody_else(
    project: Project, slate: Slate, olga: User, alice: User, bob: User
) -> None:
    held = make.lent(alice, project)
    asking.retire(by=olga, project=project, ids=ids(slate.prompt))
    Assignment.objects.filter(pk=held.pk).update(lease_until="2020-01-01T00:00Z")
    assert lend_work(to=bob, project=project, kind="rank") is None
    skip(by=alice, assignment_id=held.public_id, reason="unclear")
    assert (stock(project), lend_work(to=bob, project=project, kind="rank")) == (0, None)


def test_bringing_back_opens_just_what_lacks(project: Project, slate: Slate, olga: User, alice: User) -> None:
    make.make_ranking(alice, slate)
    asking.retire(by=olga, project=project, ids=ids(slate.prompt))
    assert asking.bring_back(by=olga, project=project, ids=ids(slate.prompt)) == 1
    assert open_slots(slate.prompt) == [("rank", 1)]
    row = slate.assignments.get(state="open")
    assert sorted(row.shown) == [0, 1, 2]
    assert row.priority == slot_priority(slate.order_id, 0)


def test_bringing_back_leaves_slates_alone_that_went_for_another_reason(
    project: Project, slate: Slate, olga: User
) -> None:
    asking.retire(by=olga, project=project, ids=ids(slate.prompt))
    retire_untouched(project=project, before=make.make_order(project))
    slate.refresh_from_db()
    assert slate.retired_at is not None
    asking.bring_back(by=olga, project=project, ids=ids(slate.prompt))
    assert open_slots(slate.prompt) == []


def test_demonstrations_are_wanted_again_as_many_as_lack(project: Project, olga: User) -> None:
    prompt = make.make_prompt(project, demonstrations=1)
    project.demonstrations_wanted = 2
    asking.retire(by=olga, project=project, ids=ids(prompt))
    assert open_slots(prompt) == []
    asking.bring_back(by=olga, project=project, ids=ids(prompt))
    assert open_slots(prompt) == [("demonstrate", 0), ("demonstrate", 1)]


def test_what_comes_in_for_a_retired_prompt_waits_until_it_is_brought_back(project: Project, olga: User) -> None:
    order = make.make_order(project, k=3)
    prompt = order.prompts.get()
    asking.retire(by=olga, project=project, ids=ids(prompt))
    assert take_in_completions(order=order, rows=make.shard_rows(order)) == 1
    assert stock(project) == 0
    asking.bring_back(by=olga, project=project, ids=ids(prompt))
    assert stock(project) == 1


def test_open_work_follows_a_new_priority(project: Project, olga: User, alice: User) -> None:
    first, second = make.make_slates(project, 2)
    assert asking.set_priority(by=olga, project=project, ids=ids(second.prompt), priority=5) == 1
    assert make.lent(alice, project).slate == second
    assert first.assignments.get().priority < second.assignments.get().priority


def test_a_newer_order_still_comes_first_whatever_the_priority(project: Project, olga: User, alice: User) -> None:
    old, new = make.make_slate(project), make.make_slate(project)
    asking.set_priority(by=olga, project=project, ids=ids(old.prompt), priority=1_000_000)
    assert make.lent(alice, project).slate == new


def test_doing_it_twice_does_it_once(project: Project, slate: Slate, olga: User) -> None:
    chosen = ids(slate.prompt)
    acts = (asking.retire, asking.bring_back)
    assert [act(by=olga, project=project, ids=chosen) for act in acts for _ in range(2)] == [1, 0, 1, 0]
    assert [asking.set_priority(by=olga, project=project, ids=chosen, priority=3) for _ in range(2)] == [1, 0]
    assert len(open_slots(slate.prompt)) == 2


def test_prompts_of_another_project_are_left_alone(project: Project, olga: User) -> None:
    other = make.make_prompt(make.make_project("newts"))
    assert asking.retire(by=olga, project=project, ids=ids(other)) == 0
    other.refresh_from_db()
    assert other.retired_at is None


def test_only_operators_do_so_and_the_journal_says_who(
    project: Project, slate: Slate, olga: User, alice: User, rita: User, mallory: User
) -> None:
    for person in (alice, rita, mallory):
        with pytest.raises(NotAllowed):
            asking.retire(by=person, project=project, ids=ids(slate.prompt))
    asking.retire(by=olga, project=project, ids=ids(slate.prompt))
    entry = JournalEntry.objects.get(verb="retire_prompts")
    assert (entry.actor, entry.facts) == (olga, {"prompts": [slate.prompt_id]})


@pytest.mark.django_db(transaction=True)
def test_a_shard_and_a_retirement_at_once_leave_no_open_slot(project: Project, olga: User) -> None:
    order = make.make_order(project, k=3)
    prompt = order.prompts.get()
    race(
        [
            lambda: take_in_completions(order=order, rows=make.shard_rows(order)),
            lambda: asking.retire(by=olga, project=project, ids=ids(prompt)),
        ]
    )
    assert open_slots(prompt) == []
