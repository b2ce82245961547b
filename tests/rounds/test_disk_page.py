"""The disk's page: sizes as they were measured, what will be collected and when, and the button that does not wait."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import JournalEntry, Project, User
from accounts.permissions import NotAllowed
from annotations.models import Policy
from rounds import tasks
from rounds.machine import StageKind, State
from rounds.models import Artifact, DiskUse, Round, Stage
from rounds.queries.disk import disk_of
from rounds.queries.retention import KEPT, due_of
from rounds.services import disk, retention, rounds
from tests import make
from tests.rounds import loop

PAGE = "/p/turtles/rounds/disk/"


def weights(kind: StageKind, project: Project) -> Path:
    artifact = Artifact.objects.get(stage__kind=kind, stage__project=project, shard=None)
    return Path(settings.STORE) / artifact.path / "weights"


def sizes(project: Project) -> dict[str, int]:
    disk.measure(now=timezone.now())
    return dict(DiskUse.objects.filter(project=project).values_list("kind", "bytes"))


@pytest.fixture
def rejected(ranked: Project) -> Round:
    """A round whose candidate was refused just now."""
    round = loop.work_until(loop.start(ranked), State.REVIEW)
    rounds.reject(by=None, round_id=round.pk)
    return loop.again(round)


def test_every_byte_of_the_store_is_somebodys(rejected: Round, ranked: Project) -> None:
    mine = sizes(ranked)
    assert {"dataset", "base", "reward", "ppo", "evaluate"} <= mine.keys()
    lying = sum(path.stat().st_size for path in Path(settings.STORE).rglob("*") if path.is_file())
    told = disk_of(ranked)
    assert told is not None
    assert (told.total, told.project + told.others) == (lying, lying)
    assert told.free > 0


def test_what_is_unfinished_is_a_kind_of_its_own(ranked: Project) -> None:
    stage = loop.live_stage(loop.work_until(loop.start(ranked), State.PPO))
    folder = Path(settings.STORE) / "artifacts" / f"{stage.public_id}.partial/checkpoint"
    folder.mkdir(parents=True)
    (folder / "state").write_bytes(b"x" * 1000)
    assert sizes(ranked)["partial"] == 1000


def test_what_another_project_holds_is_one_figure_here(ranked: Project, store: Path) -> None:
    other = make.make_project("newts")
    loop.write_policy(store / "policies/newt")
    Policy.objects.create(project=other, name="newt", path="policies/newt", digest="0" * 64)
    theirs = sizes(other)["base"]
    told = disk_of(ranked)
    assert told is not None
    assert told.others >= theirs > 0
    assert disk_of(make.make_project("empty")) is not None


def test_the_tick_measures_once_in_ten_minutes(ranked: Project) -> None:
    now = timezone.now()
    for later in (0, 9, 11):
        disk.measure_if_old(now=now + timedelta(minutes=later))
        assert {row.at for row in DiskUse.objects.all()} == {now + timedelta(minutes=11 if later == 11 else 0)}


@pytest.mark.django_db(transaction=True)
def test_the_tick_measures(ranked: Project) -> None:
    tasks.tick()
    assert DiskUse.objects.exists()


def test_the_page_opens_before_anybody_measured_and_after(rejected: Round, ranked: Project, olga: User) -> None:
    client = make.client_of(olga)
    assert "Nobody has measured the store yet" in client.get(PAGE).content.decode()
    disk.measure(now=timezone.now())
    page = client.get(PAGE).content.decode()
    assert "PPO: policies" in page
    assert "Round 1, PPO" in page


def test_what_will_be_collected_is_told_with_its_day(rejected: Round, ranked: Project) -> None:
    due = due_of(ranked)
    assert {each.artifact.stage.kind for each in due} == {"reward", "ppo"}
    assert rejected.ended_at is not None
    assert {each.by_rule for each in due} == {rejected.ended_at + KEPT}
    assert all(each.bytes > 0 for each in due)


def test_the_button_does_not_wait_and_says_so(rejected: Round, ranked: Project, olga: User) -> None:
    answer = make.client_of(olga).post(f"{PAGE}collect/", follow=True)
    assert "2 artifacts were collected." in answer.content.decode()
    assert not weights(StageKind.PPO, ranked).exists()
    assert (weights(StageKind.PPO, ranked).parent / "manifest.json").exists()
    assert len(JournalEntry.objects.get(verb="collect").facts["artifacts"]) == 2
    assert "There was nothing to collect" in make.client_of(olga).post(f"{PAGE}collect/", follow=True).content.decode()


def test_what_waits_for_review_is_never_collected(ranked: Project, olga: User) -> None:
    loop.work_until(loop.start(ranked), State.REVIEW)
    assert retention.collect_now(by=olga, project=ranked, now=timezone.now()) == 0
    assert weights(StageKind.PPO, ranked).exists()


def test_what_is_deployed_anywhere_is_never_collected(rejected: Round, ranked: Project, olga: User) -> None:
    """Another project may have begun from the very candidate that was refused here."""
    other = make.make_project("newts")
    candidate = rejected.candidate
    assert candidate is not None
    own = Policy.objects.create(project=other, name="base", path=candidate.path, digest=candidate.digest)
    other.deployments.create(policy=own, preset="tiny")
    assert {each.artifact.stage.kind for each in due_of(ranked)} == {"reward"}
    retention.collect_now(by=olga, project=ranked, now=timezone.now())
    assert weights(StageKind.PPO, ranked).exists()


def test_what_an_open_round_starts_from_is_never_collected(rejected: Round, ranked: Project, olga: User) -> None:
    open_round = loop.start(ranked)
    Round.objects.filter(pk=open_round.pk).update(reference_policy=rejected.candidate)
    retention.collect_now(by=olga, project=ranked, now=timezone.now())
    assert weights(StageKind.PPO, ranked).exists()
    assert not weights(StageKind.REWARD, ranked).exists()


def test_a_stage_that_was_ordered_anew_is_collected_and_its_successor_is_not(ranked: Project, olga: User) -> None:
    round = loop.work_until(loop.start(ranked), State.PPO)
    first = Stage.objects.get(kind=StageKind.REWARD)
    Stage.objects.filter(pk=first.pk).update(state="cancelled", ended_at=timezone.now())
    assert [each.artifact.stage for each in due_of(ranked)] == []
    rounds.cancel(by=None, round_id=round.pk)
    assert [each.artifact.stage for each in due_of(ranked)] == [first]


def test_another_projects_refused_weights_are_left_to_its_own_operators(
    rejected: Round, ranked: Project, mallory: User
) -> None:
    other = make.make_project("newts")
    other.memberships.create(user=mallory, role="operator")
    assert retention.collect_now(by=mallory, project=other, now=timezone.now()) == 0
    with pytest.raises(NotAllowed):
        retention.collect_now(by=mallory, project=ranked, now=timezone.now())
    assert weights(StageKind.PPO, ranked).exists()


def test_of_two_that_measure_at_once_the_figures_of_one_stand(ranked: Project) -> None:
    disk.measure(now=timezone.now())
    again = [DiskUse(project=row.project, kind=row.kind, bytes=1, at=row.at) for row in DiskUse.objects.all()]
    with pytest.raises(IntegrityError), transaction.atomic():
        DiskUse.objects.bulk_create(again)
