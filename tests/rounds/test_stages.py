"""A stage has one runner at a time; whoever comes back late changes nothing."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now

from accounts.models import JournalEntry, Project
from rounds.machine import StageState
from rounds.models import Stage
from rounds.services import stages
from rounds.services.stages import Claim, LeaseLost
from tests import make
from tests.updates import UpdateOverJoin


def make_stage(project: Project, **values: object) -> Stage:
    """The stage of a sampling order, waiting for a supervisor."""
    order = make.make_order(project)
    return Stage.objects.create(project=project, sampling_order=order, kind="sample", preset="tiny", seed=1, **values)


def claim(owner: str = "north") -> Claim:
    taken = stages.claim_stage(owner=owner, seconds=90)
    assert taken is not None
    return taken


def expire(stage: Stage) -> None:
    Stage.objects.filter(pk=stage.pk).update(lease_until=Now() - timedelta(seconds=1))


def test_a_claimed_stage_is_not_claimed_again(project: Project) -> None:
    make_stage(project)
    claim()
    assert stages.claim_stage(owner="south", seconds=90) is None


def test_an_expired_lease_is_free_and_its_old_holder_changes_nothing(project: Project) -> None:
    stage = make_stage(project)
    late = claim("north")
    expire(stage)
    claim("south")
    for act in (
        lambda: stages.extend_lease(claim=late, seconds=90),
        lambda: stages.finished(claim=late),
        lambda: stages.failed(claim=late, kind="refused", message="no"),
        lambda: stages.crashed(claim=late, message="no"),
    ):
        with pytest.raises(LeaseLost):
            act()
    stage.refresh_from_db()
    assert (stage.state, stage.lease_owner) == (StageState.WAITING, "south")


def test_the_same_supervisor_after_an_expired_lease_is_fenced_off_too(project: Project) -> None:
    stage = make_stage(project)
    late = claim("north")
    expire(stage)
    claim("north")
    with pytest.raises(LeaseLost):
        stages.finished(claim=late)


def test_a_cancelled_stage_costs_its_holder_the_lease(project: Project) -> None:
    stage = make_stage(project)
    held = claim()
    Stage.objects.filter(pk=stage.pk).update(state=StageState.CANCELLED)
    with pytest.raises(LeaseLost):
        stages.extend_lease(claim=held, seconds=90)


def test_a_released_stage_is_claimed_at_once(project: Project) -> None:
    stage = make_stage(project)
    stages.release(claim=claim("north"))
    assert claim("south").stage_id == stage.pk


def test_three_crashes_stop_a_stage_with_its_last_words(project: Project) -> None:
    stage = make_stage(project)
    for _ in range(3):
        stages.crashed(claim=claim(), message="Segmentation fault")
    stage.refresh_from_db()
    assert (stage.state, stage.failure, stage.attempts) == (StageState.FAILED, "Segmentation fault", 3)
    assert stages.claim_stage(owner="north", seconds=90) is None


def test_an_end_is_journalled_with_the_old_and_the_new_state(project: Project) -> None:
    stage = make_stage(project)
    stages.finished(claim=claim())
    entry = JournalEntry.objects.get(subject="stage", subject_id=str(stage.pk), verb="end")
    assert (entry.old, entry.new) == ("waiting", "finished")


@pytest.mark.django_db(transaction=True)
def test_of_many_supervisors_at_once_each_stage_gets_one(project: Project) -> None:
    wanted = {make_stage(project).pk for _ in range(6)}

    def take(name: int) -> list[int]:
        try:
            got = []
            while (taken := stages.claim_stage(owner=f"s{name}", seconds=90)) is not None:
                got.append(taken.stage_id)
            return got
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        taken = [stage for got in pool.map(take, range(8)) for stage in got]
    assert len(taken) == len(set(taken))
    # A loser of a race may give up while another still claims; what is left is claimable.
    assert set(taken) | set(take(9)) == wanted


def test_no_update_may_hide_its_conditions_behind_a_join(project: Project) -> None:
    make_stage(project)
    with pytest.raises(UpdateOverJoin):
        Stage.objects.filter(project__name=project.name, state=StageState.WAITING).update(fence=9)
