"""Who is told what of rounds: everybody who can do something about it, once, and nobody else."""

import pytest
from django.utils import timezone

from accounts.models import Membership, Project, Role, User
from annotations.choices import Split
from rounds.machine import State
from rounds.models import Notice, Round
from rounds.queries.notices import NOTICES_A_PAGE
from rounds.services import deployments, rounds, stages
from tests import make
from tests.rounds import loop, signs

PAGE = "/notices/"


@pytest.fixture
def otto(project: Project) -> User:
    """Operates too."""
    return make.make_person("otto", project, Role.OPERATOR)


def told() -> dict[str, list[str]]:
    """Kind → the names of who was told, in order."""
    found: dict[str, list[str]] = {}
    for notice in Notice.objects.select_related("user").order_by("user__username"):
        found.setdefault(notice.kind, []).append(notice.user.username)
    return found


def in_review(project: Project, **choices: object) -> Round:
    return loop.work_until(loop.start(project, None, **choices), State.REVIEW)


def test_a_round_that_waits_is_told_to_operators_and_reviewers(
    ranked: Project, olga: User, rita: User, erik: User, mallory: User
) -> None:
    in_review(ranked)
    assert told() == {"waits": ["olga", "rita"]}


def test_a_round_that_is_done_is_told_to_operators_and_waits_no_more(ranked: Project, olga: User, rita: User) -> None:
    loop.whole_turn(ranked)
    assert told() == {"done": ["olga"]}


def test_a_round_that_is_approved_by_rule_waits_for_nobody(ranked: Project, olga: User, rita: User) -> None:
    found = loop.work_until(loop.start(ranked, approve="rule"), State.DEPLOYING)
    loop.deploy(found)
    assert told() == {"done": ["olga"]}


@pytest.mark.parametrize(("verb", "kind"), [("reject", "rejected"), ("cancel", "cancelled")])
def test_who_ends_a_round_need_not_be_told(ranked: Project, olga: User, otto: User, verb: str, kind: str) -> None:
    found = in_review(ranked)
    getattr(rounds, verb)(by=olga, round_id=found.pk)
    assert told() == {kind: ["otto"]}


def test_a_stage_that_fails_is_told_with_what_the_trainer_said(ranked: Project, olga: User, rita: User) -> None:
    loop.freeze(loop.start(ranked))
    claim = stages.claim_stage(owner="s", seconds=60)
    assert claim is not None
    stages.failed(claim=claim, kind="diverged", message="The loss is not a number.")
    assert told() == {"stopped": ["olga"]}
    notice = Notice.objects.get()
    assert (notice.facts["cause"], notice.facts["message"]) == ("diverged", "The loss is not a number.")


def test_a_round_that_stops_at_a_gate_is_told(ranked: Project, olga: User) -> None:
    found = loop.freeze(loop.start(ranked))
    weak = {"value": 0.5, "low": 0.4, "high": 0.6, "n_slates": 80, "n_pairs": 300}
    loop.work(found, loop.GOOD_REWARD | {"accuracy": weak})
    assert told() == {"stopped": ["olga"]}


def test_a_policy_that_is_taken_back_is_told_to_the_other_operators(ranked: Project, olga: User, otto: User) -> None:
    loop.whole_turn(ranked)
    Notice.objects.all().delete()
    deployments.roll_back(by=olga, project=ranked, reason="It repeats itself.")
    assert told() == {"rolled_back": ["otto"]}
    assert "repeats" not in str(Notice.objects.get().facts)


def test_a_policy_that_the_machine_takes_back_is_told_to_every_operator(
    ranked: Project, olga: User, otto: User
) -> None:
    loop.whole_turn(ranked)
    Notice.objects.all().delete()
    deployments.roll_back(by=None, project=ranked, reason="health")
    assert told() == {"rolled_back": ["olga", "otto"]}


def test_who_was_deactivated_is_told_nothing(ranked: Project, olga: User, otto: User) -> None:
    Membership.objects.filter(user=otto).update(deactivated_at=timezone.now())
    in_review(ranked)
    assert told() == {"waits": ["olga"]}


def test_nothing_is_told_of_what_did_not_happen(ranked: Project, olga: User) -> None:
    found = in_review(ranked)
    rounds.reject(by=None, round_id=found.pk)
    Notice.objects.all().delete()
    with pytest.raises(rounds.RoundMoved):
        rounds.move(round_id=found.pk, old=State.REVIEW, new=State.DEPLOYING)
    assert told() == {}


def page(person: User, path: str = PAGE) -> str:
    return make.client_of(person).get(path).content.decode()


def test_the_page_says_what_happened_and_leads_there(ranked: Project, olga: User, rita: User) -> None:
    in_review(ranked)
    for person in (olga, rita):
        shown = page(person)
        assert "Round 1 waits for a review" in shown
        assert 'href="/p/turtles/rounds/1/review/"' in shown
        assert "Turtles" in shown


def test_before_anything_happened_the_page_says_what_it_is_for(ranked: Project, olga: User) -> None:
    assert "Nothing yet." in page(olga)


def test_for_who_neither_operates_nor_reviews_there_is_no_such_page(
    project: Project, alice: User, erik: User, mallory: User
) -> None:
    for person in (alice, erik, mallory):
        client = make.client_of(person)
        assert (client.get(PAGE).status_code, client.post("/notices/read/").status_code) == (404, 404)
        assert PAGE not in client.get("/").content.decode()


def test_the_header_says_how_many_are_new(ranked: Project, olga: User) -> None:
    assert 'aria-label="Notices"' in page(olga, "/p/turtles/people/")
    in_review(ranked)
    assert 'aria-label="1 new notice"' in page(olga, "/p/turtles/people/")


@pytest.mark.parametrize("where", ["/p/turtles/rounds/1/", "/p/turtles/rounds/1/review/"])
def test_opening_the_round_reads_its_notices_for_who_opened_it(
    ranked: Project, olga: User, rita: User, where: str
) -> None:
    prompt = make.make_prompt(ranked, split=Split.EVAL)
    signs.evaluate(loop.work_until(loop.start(ranked), State.EVALUATING), [prompt])
    page(olga, where)
    assert Notice.objects.get(user=olga).read_at is not None
    assert Notice.objects.get(user=rita).read_at is None


def test_all_are_marked_as_read_by_a_button(ranked: Project, olga: User, rita: User) -> None:
    in_review(ranked)
    assert "Mark all as read" in page(olga)
    assert make.client_of(olga).post("/notices/read/").headers["Location"] == PAGE
    assert "Mark all as read" not in page(olga)
    assert Notice.objects.filter(read_at=None).get().user == rita


def test_who_lost_the_role_no_longer_reads_what_they_were_told(ranked: Project, olga: User, otto: User) -> None:
    make.make_project("newts").memberships.create(user=otto, role=Role.OPERATOR)
    in_review(ranked)
    assert "Round 1" in page(otto)
    Membership.objects.filter(user=otto, project=ranked).update(deactivated_at=timezone.now())
    assert "Round 1" not in page(otto)
    assert 'aria-label="Notices"' in page(otto)


def test_a_reviewer_who_operated_before_reads_only_what_reviewers_are_told(ranked: Project, otto: User) -> None:
    loop.whole_turn(ranked)
    in_review(ranked)
    Membership.objects.filter(user=otto).update(role=Role.REVIEWER)
    shown = page(otto)
    assert "is done" not in shown
    assert "waits for a review" in shown


def test_older_ones_are_a_page_away(ranked: Project, olga: User) -> None:
    found = loop.start(ranked)
    rows = [Notice(user=olga, project=ranked, round=found, kind="stopped") for _ in range(NOTICES_A_PAGE + 1)]
    Notice.objects.bulk_create(rows)
    first = page(olga)
    assert first.count("Round 1 stopped") == NOTICES_A_PAGE
    oldest = Notice.objects.earliest("pk").pk
    assert page(olga, f"{PAGE}?before={oldest + 1}").count("Round 1 stopped") == 1
    assert "no older" in page(olga, f"{PAGE}?before={oldest}")


@pytest.mark.parametrize("before", ["x", "-1", "9" * 40, "", "²"])
def test_an_address_that_says_nothing_sensible_shows_the_newest(ranked: Project, olga: User, before: str) -> None:
    assert make.client_of(olga).get(f"{PAGE}?before={before}").status_code == 200


def test_what_was_read_stays_read_since_then(ranked: Project, olga: User) -> None:
    in_review(ranked)
    page(olga, "/p/turtles/rounds/1/")
    read_at = Notice.objects.get(user=olga).read_at
    page(olga, "/p/turtles/rounds/1/")
    assert Notice.objects.get(user=olga).read_at == read_at
