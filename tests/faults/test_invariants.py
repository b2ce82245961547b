"""Each invariant holds in a sound world and is found broken when its rows or files are tampered with."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone

from accounts import journal
from accounts.models import JournalEntry, Project, User
from annotations.models import Completion, Placement, Policy, Ranking, SamplingOrder, Slate
from rounds.models import Deployment, Round, Snapshot, Stage
from tests import make
from trainer import manifest
from tutelage import invariants

LONG_AGO = timedelta(minutes=10)


@dataclass
class World:
    """One project in which something of everything has happened."""

    store: Path
    project: Project
    policy: Policy
    ranking: Ranking
    round: Round
    stage: Stage
    snapshot: Snapshot


def directory(store: Path, relative: str, kind: str) -> str:
    with manifest.writing(store / relative, kind=kind) as folder:
        (folder / "content.txt").write_text(f"as {relative} was", encoding="utf-8")
    return manifest.digest(store / relative)


def make_policy(project: Project, store: Path, name: str) -> Policy:
    path = f"policies/{name}"
    return Policy.objects.create(project=project, name=name, path=path, digest=directory(store, path, "policy"))


def make_round(project: Project, policy: Policy, number: int) -> Round:
    return Round.objects.create(project=project, number=number, init_policy=policy, reference_policy=policy)


def make_snapshot(project: Project, store: Path) -> Snapshot:
    public_id = uuid.uuid4()
    path = f"datasets/{public_id}"
    digest = directory(store, path, "dataset")
    return Snapshot.objects.create(project=project, public_id=public_id, path=path, digest=digest)


@pytest.fixture
def world(project: Project, alice: User, tmp_path: Path, settings: object) -> World:
    settings.STORE = tmp_path  # type: ignore[attr-defined]
    policy = make_policy(project, tmp_path, "base")
    Deployment.objects.create(project=project, policy=policy)
    ranking = make.make_ranking(alice, make.make_slate(project, policy=policy))
    with transaction.atomic():
        one = make_round(project, policy, 1)
        journal.record(project=project, actor=None, verb="open", subject=one, new="exporting")
    stage = Stage.objects.create(project=project, round=one, kind="reward", preset="tiny", seed=1)
    return World(tmp_path, project, policy, ranking, one, stage, make_snapshot(project, tmp_path))


def without(constraint: str) -> None:
    """Drop a conditional unique constraint, which is an index on both kinds of database, until the test ends."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX {constraint}")


def second_ranking_of_a_slot(world: World) -> None:
    without("ranking_one_current")
    Ranking.objects.create(
        assignment=world.ranking.assignment, slate=world.ranking.slate, labeler=world.ranking.labeler, revision=2
    )


def ranking_twice_by_one_person(world: World) -> None:
    bob = make.make_person("bob", world.project)
    Project.objects.update(overlap=2)
    world.project.refresh_from_db()
    slate = make.make_slate(world.project, policy=world.policy)
    make.make_ranking(world.ranking.labeler, slate)
    other = make.make_ranking(bob, slate)
    Ranking.objects.filter(pk=other.pk).update(labeler=world.ranking.labeler)


def more_rankings_than_the_overlap(world: World) -> None:
    Project.objects.update(overlap=2)
    world.project.refresh_from_db()
    slate = make.make_slate(world.project, policy=world.policy)
    make.make_ranking(world.ranking.labeler, slate)
    make.make_ranking(make.make_person("bob", world.project), slate)
    Slate.objects.filter(pk=slate.pk).update(overlap=1)


def unplaced_completion(world: World) -> None:
    world.ranking.placements.first().delete()  # type: ignore[union-attr]


def foreign_completion(world: World) -> None:
    stranger = make.make_slate(world.project, policy=world.policy).completions.earliest("pk")
    Placement.objects.create(ranking=world.ranking, completion=stranger, tier=1)


def gap_between_tiers(world: World) -> None:
    world.ranking.placements.filter(tier=4).update(tier=6)


def assignment_given_back(world: World) -> None:
    world.ranking.slate.assignments.update(state="closed", labeler=None, slot=None)


def second_open_round(world: World) -> None:
    without("round_one_open")
    make_round(world.project, world.policy, 2)


def second_deployment(world: World) -> None:
    without("deployment_one_current")
    Deployment.objects.create(project=world.project, policy=world.policy)


def deployment_of_a_foreign_policy(world: World) -> None:
    other = make.make_project("tortoises")
    Policy.objects.filter(pk=world.policy.pk).update(project=other)


def changed_weights(world: World) -> None:
    (world.store / world.policy.path / "content.txt").write_text("changed", encoding="utf-8")


def rewritten_policy(world: World) -> None:
    Policy.objects.filter(pk=world.policy.pk).update(digest="0" * 64)


def changed_snapshot(world: World) -> None:
    (world.store / world.snapshot.path / "content.txt").write_text("changed", encoding="utf-8")


def forgotten_stage(world: World) -> None:
    Stage.objects.filter(pk=world.stage.pk).update(created_at=timezone.now() - LONG_AGO)


def forgotten_artifact(world: World) -> None:
    Stage.objects.filter(pk=world.stage.pk).update(state="finished", ended_at=timezone.now() - LONG_AGO)


def forgotten_round(world: World) -> None:
    JournalEntry.objects.filter(subject="round").update(at=timezone.now() - LONG_AGO)


def stale_lease_of_a_stage(world: World) -> None:
    Stage.objects.filter(pk=world.stage.pk).update(lease_owner="gone", lease_until=timezone.now() - LONG_AGO)


def stale_lease_of_a_round(world: World) -> None:
    Round.objects.filter(pk=world.round.pk).update(lease_owner="gone", lease_until=timezone.now() - LONG_AGO)


def unwritten_move(world: World) -> None:
    Round.objects.filter(pk=world.round.pk).update(state="reward")


def broken_chain(world: World) -> None:
    Round.objects.filter(pk=world.round.pk).update(state="ppo")
    with transaction.atomic():
        journal.record(project=world.project, actor=None, verb="move", subject=world.round, old="reward", new="ppo")


def completion_of_another_policy(world: World) -> None:
    Completion.objects.update(policy=make_policy(world.project, world.store, "other"))


def order_of_another_project(world: World) -> None:
    SamplingOrder.objects.update(project=make.make_project("tortoises"))


def lost_directory(world: World) -> None:
    (world.store / world.snapshot.path).rename(world.store / "elsewhere")


def unnamed_artifact(world: World) -> None:
    directory(world.store, f"artifacts/{uuid.uuid4()}", "policy")


def unnamed_shard(world: World) -> None:
    directory(world.store, f"artifacts/{uuid.uuid4()}.shards/0000", "completions")


TAMPERINGS = [
    ("I1", second_ranking_of_a_slot),
    ("I2", ranking_twice_by_one_person),
    ("I3", more_rankings_than_the_overlap),
    ("I4", unplaced_completion),
    ("I4", foreign_completion),
    ("I4", gap_between_tiers),
    ("I4", assignment_given_back),
    ("I5", second_open_round),
    ("I5", second_deployment),
    ("I6", deployment_of_a_foreign_policy),
    ("I6", changed_weights),
    ("I6", rewritten_policy),
    ("I7", changed_snapshot),
    ("I8", forgotten_stage),
    ("I8", forgotten_artifact),
    ("I8", forgotten_round),
    ("I9", stale_lease_of_a_stage),
    ("I9", stale_lease_of_a_round),
    ("I10", unwritten_move),
    ("I10", broken_chain),
    ("I11", completion_of_another_policy),
    ("I11", order_of_another_project),
    ("I12", lost_directory),
    ("I12", unnamed_artifact),
    ("I12", unnamed_shard),
]


def test_every_invariant_holds_in_a_sound_world(world: World) -> None:
    assert invariants.offences() == {name: [] for name in invariants.NAMES}


@pytest.mark.parametrize(("name", "tamper"), TAMPERINGS, ids=[tamper.__name__ for _, tamper in TAMPERINGS])
def test_tampering_is_found(world: World, name: str, tamper: Callable[[World], None]) -> None:
    tamper(world)
    assert invariants.check_invariants()[name] is False


def test_every_invariant_is_tampered_with() -> None:
    assert {name for name, _ in TAMPERINGS} == set(invariants.NAMES)


def test_a_stage_may_write_while_it_has_not_ended(world: World) -> None:
    (world.store / f"artifacts/{world.stage.public_id}.partial").mkdir(parents=True)
    assert invariants.check_invariants()["I12"]


def test_waiting_behind_a_stage_at_work_is_in_order(world: World) -> None:
    forgotten_stage(world)
    order = make.make_order(world.project, world.policy)
    Stage.objects.create(
        project=world.project,
        sampling_order=order,
        kind="sample",
        preset="tiny",
        seed=1,
        lease_owner="main",
        lease_until=timezone.now() + LONG_AGO,
    )
    assert invariants.check_invariants()["I8"]


def test_the_command_names_what_is_broken(world: World) -> None:
    unwritten_move(world)
    out = StringIO()
    with pytest.raises(CommandError, match="I10"):
        call_command("check_invariants", stdout=out)
    assert "I10: BROKEN" in out.getvalue()
    assert "I9: holds" in out.getvalue()
