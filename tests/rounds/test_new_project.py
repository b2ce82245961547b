"""A project begins whole, with its operator, guidelines, own policy row and first deployment, or not at all."""

from pathlib import Path

import pytest
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import JournalEntry, Membership, Project, User
from accounts.permissions import NotAllowed
from annotations.models import Policy
from rounds.machine import State
from rounds.models import Artifact, Deployment
from rounds.queries.deployed import current_deployment
from rounds.queries.registry import choosable
from rounds.services import deployments, rounds, sampling
from rounds.services.deployments import PolicyRefused
from rounds.services.projects import ProjectRefused, begin_project
from tests import make
from tests.rounds import loop

FIELDS = {
    "name": "Newts",
    "slug": "newts",
    "time_zone": "Asia/Shanghai",
    "k": "3",
    "overlap": "2",
    "stock_target": "8",
    "demonstrations_wanted": "0",
    "asks_ratings": "on",
    "content_warning": "Wet.",
    "guideline": "Prefer dry wit.",
}


def begin(person: User, **fields: object) -> int:
    return make.client_of(person).post("/projects/new/", {**FIELDS, **fields}).status_code


def test_a_project_begins_with_everything_that_was_filled_in(ranked: Project, base: Policy, olga: User) -> None:
    answer = make.client_of(olga).post("/projects/new/", {**FIELDS, "base": base.pk})
    assert answer.headers["Location"] == "/p/newts/prompts/"
    begun = Project.objects.get(slug="newts")
    assert (begun.name, begun.time_zone, begun.k, begun.overlap, begun.stock_target) == (
        "Newts",
        "Asia/Shanghai",
        3,
        2,
        8,
    )
    assert (begun.asks_ratings, begun.asks_flags, begun.asks_cut, begun.asks_note) == (True, False, False, False)
    assert begun.content_warning == "Wet."
    assert [(given.version, given.text) for given in begun.guidelines.all()] == [(1, "Prefer dry wit.")]
    assert list(begun.memberships.values_list("user__username", "role")) == [("olga", "operator")]
    verbs = JournalEntry.objects.filter(project=begun).values_list("verb", flat=True)
    assert set(verbs) == {"add_project", "join", "deploy"}


def test_its_policy_is_a_row_of_its_own_for_the_same_artifact(ranked: Project, base: Policy, olga: User) -> None:
    begin(olga, base=base.pk)
    own = Policy.objects.get(project__slug="newts")
    assert (own.path, own.digest, own.parent) == (base.path, base.digest, None)
    deployed = current_deployment(Project.objects.get(slug="newts"))
    assert deployed is not None
    assert (deployed.policy, deployed.preset) == (own, "tiny")


def test_without_a_base_policy_a_project_waits_for_one(ranked: Project, olga: User) -> None:
    assert begin(olga, base="") == 302
    assert not Deployment.objects.filter(project__slug="newts").exists()


def test_the_first_prompts_of_a_new_project_are_asked_of_its_policy(ranked: Project, base: Policy, olga: User) -> None:
    begin(olga, base=base.pk)
    begun = Project.objects.get(slug="newts")
    make.make_prompt(begun)
    assert sampling.keep_stock(begun) is not None


@pytest.mark.parametrize(
    "wrong",
    [
        {"slug": "turtles"},
        {"slug": "no slug"},
        {"name": ""},
        {"k": "1"},
        {"k": "10"},
        {"overlap": "0"},
        {"time_zone": "Mars/Base"},
        {"stock_target": "-1"},
        {"base": "99999"},
    ],
)
def test_a_mistake_begins_nothing_and_is_told_beside_its_field(
    ranked: Project, base: Policy, olga: User, wrong: dict[str, str]
) -> None:
    answer = make.client_of(olga).post("/projects/new/", {**FIELDS, "base": base.pk, **wrong})
    assert answer.status_code == 400
    assert "errorlist" in answer.content.decode()
    assert Project.objects.count() == 1


def test_a_damaged_policy_begins_nothing(ranked: Project, base: Policy, olga: User) -> None:
    (Path(settings.STORE) / base.path / "model/model.safetensors").write_bytes(b"changed")
    answer = make.client_of(olga).post("/projects/new/", {**FIELDS, "base": base.pk})
    assert (answer.status_code, Project.objects.count()) == (400, 1)
    assert "model.safetensors" in answer.content.decode()


def test_weights_that_were_collected_in_the_meantime_are_not_deployed(ranked: Project, olga: User) -> None:
    candidate = loop.work_until(loop.start(ranked), State.REVIEW).candidate
    assert candidate is not None
    Artifact.objects.filter(path=candidate.path).update(collected_at=timezone.now())
    other = make.make_project("newts")
    with pytest.raises(PolicyRefused, match="collected"), transaction.atomic():
        deployments.adopt(by=olga, project=other, policy=candidate, preset="tiny")
    assert not other.policies.exists()


@pytest.mark.django_db(transaction=True)
def test_of_many_projects_of_one_address_at_once_one_begins(ranked: Project, base: Policy, olga: User) -> None:
    def act() -> Project:
        return begin_project(by=olga, project=Project(slug="newts", name="Newts"), guideline="", base=base)

    ends = loop.at_once(act, times=4)
    assert sorted(type(end).__name__ for end in ends) == ["Project", *["ProjectRefused"] * 3]
    assert Policy.objects.filter(project__slug="newts").count() == 1


def test_the_registry_shows_each_artifact_once_and_base_policies_first(
    ranked: Project, base: Policy, olga: User
) -> None:
    loop.whole_turn(ranked)
    begin(olga, base=base.pk)
    names = [(policy.name, policy.parent is None) for policy in choosable(olga)]
    assert names == [("base", True), ("r1-ppo", False)]


def test_the_registry_holds_no_policy_that_was_taken_back_or_collected(
    ranked: Project, base: Policy, olga: User
) -> None:
    round = loop.whole_turn(ranked)
    deployments.roll_back(by=olga, project=ranked, reason="It repeats itself.")
    assert round.candidate not in choosable(olga)
    assert base in choosable(olga)


def test_nobody_takes_a_policy_of_a_project_they_do_not_operate(
    ranked: Project, base: Policy, alice: User, mallory: User
) -> None:
    other = make.make_project("newts")
    other.memberships.create(user=mallory, role="operator")
    assert choosable(mallory) == []
    blank = Project(slug="toads", name="Toads")
    with pytest.raises(ProjectRefused):
        begin_project(by=mallory, project=blank, guideline="", base=base)
    with pytest.raises(NotAllowed):
        begin_project(by=alice, project=blank, guideline="", base=None)
    assert not Project.objects.filter(slug="toads").exists()


def test_a_deactivated_operator_begins_nothing_and_finds_an_empty_registry(
    ranked: Project, base: Policy, olga: User
) -> None:
    assert choosable(olga) == [base]
    Membership.objects.filter(user=olga).update(deactivated_at=timezone.now())
    assert choosable(olga) == []
    assert begin(olga) == 403
    assert not Project.objects.filter(slug="newts").exists()


def test_a_round_of_the_new_project_names_its_policies_itself(ranked: Project, olga: User, alice: User) -> None:
    """The base may be another project's r1-ppo: here it is called base, and r1-ppo is free."""
    loop.whole_turn(ranked)
    candidate = ranked.policies.get(name="r1-ppo")
    begin(olga, base=candidate.pk, k="4", overlap="1")
    begun = Project.objects.get(slug="newts")
    begun.memberships.create(user=alice, role="labeler")
    make.make_ranking(alice, make.make_slate(begun, policy=begun.policies.get()))
    rounds.cancel(by=None, round_id=loop.work_until(loop.start(begun), State.REVIEW).pk)
    assert set(begun.policies.values_list("name", flat=True)) == {"base", "r1-ppo"}


def test_home_leads_operators_to_a_new_project_and_nobody_else(ranked: Project, olga: User, alice: User) -> None:
    assert "/projects/new/" in make.client_of(olga).get("/").content.decode()
    assert "/projects/new/" not in make.client_of(alice).get("/").content.decode()


def test_what_stands_for_an_imported_set_is_no_base(ranked: Project, base: Policy, olga: User) -> None:
    make.make_policy(ranked, "imported set")
    Policy.objects.filter(name="imported set").update(path="")
    assert "imported set" not in [policy.name for policy in choosable(olga)]
