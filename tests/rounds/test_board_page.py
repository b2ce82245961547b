"""The board: what a round would take in, who is there to work, how rounds are started and policies taken back."""

from datetime import time, timedelta

import pytest
from django.utils import timezone

from accounts.models import Project, User
from annotations.choices import Split
from rounds.machine import State
from rounds.models import Beat, Deployment, Round, Schedule
from rounds.queries import board
from rounds.queries.deployed import current_deployment
from rounds.services import rounds
from tests import make
from tests.rounds import loop

BOARD = "/p/turtles/rounds/"
CHOSEN = {"preset": "tiny", "seed": "7", "sft": "no", "approve": "rule"}


def page_of(person: User) -> str:
    answer = make.client_of(person).get(BOARD)
    assert answer.status_code == 200
    return answer.content.decode()


def alive(name: str, *, seconds_ago: int = 0) -> None:
    Beat.objects.create(name=name, at=timezone.now() - timedelta(seconds=seconds_ago))


def test_starting_a_round_keeps_what_was_chosen(ranked: Project, olga: User) -> None:
    answer = make.client_of(olga).post(f"{BOARD}start/", CHOSEN)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{BOARD}1/")
    opened = Round.objects.get()
    assert opened.created_by == olga
    chosen = {"preset": "tiny", "seed": 7, "sft": False, "approve": "rule"}
    assert opened.choices | chosen == opened.choices


def test_without_a_seed_the_rounds_number_is_the_seed(ranked: Project, olga: User) -> None:
    make.client_of(olga).post(f"{BOARD}start/", CHOSEN | {"seed": ""})
    assert Round.objects.get().choices["seed"] == 1


@pytest.mark.parametrize("wrong", [{"preset": "huge"}, {"seed": "-1"}, {"sft": "perhaps"}, {"approve": ""}])
def test_a_choice_that_does_not_exist_starts_nothing_and_says_so(
    ranked: Project, olga: User, wrong: dict[str, str]
) -> None:
    answer = make.client_of(olga).post(f"{BOARD}start/", CHOSEN | wrong)
    assert answer.status_code == 400
    assert "errorlist" in answer.content.decode()
    assert not Round.objects.exists()


def test_a_second_start_says_that_one_is_open(ranked: Project, olga: User) -> None:
    client = make.client_of(olga)
    client.post(f"{BOARD}start/", CHOSEN)
    answer = client.post(f"{BOARD}start/", CHOSEN, follow=True)
    assert "A round is open already" in answer.content.decode()
    assert Round.objects.count() == 1


def test_where_nobody_has_ranked_the_refusal_says_so(project: Project, base: object, olga: User) -> None:
    answer = make.client_of(olga).post(f"{BOARD}start/", CHOSEN, follow=True)
    assert "Nobody has ranked anything yet" in answer.content.decode()


def test_the_intake_counts_only_what_no_snapshot_has_seen_as_new(ranked: Project, alice: User) -> None:
    loop.work_until(loop.start(ranked), State.REWARD)
    make.make_ranking(alice, make.make_slate(ranked, split=Split.EVAL))
    loop.demonstrate(alice, ranked)
    told = board.intake(ranked)
    assert (told.rankings, told.new_rankings, told.people, told.held_out_slates) == (2, 1, 1, 1)
    assert (told.demonstrations, told.new_demonstrations) == (1, 1)


def test_a_revision_is_new_and_is_not_counted_twice(ranked: Project, alice: User) -> None:
    before = board.intake(ranked).rankings
    slate = make.make_slate(ranked)
    ranking = make.make_ranking(alice, slate)
    type(ranking).objects.filter(pk=ranking.pk).update(is_current=False)
    type(ranking).objects.create(assignment=ranking.assignment, slate=slate, labeler=alice, revision=2, is_current=True)
    assert board.intake(ranked).rankings == before + 1


def test_without_signs_of_life_the_page_names_the_commands(ranked: Project, olga: User) -> None:
    text = page_of(olga)
    assert "python manage.py supervise" in text
    assert "python -m celery --app tutelage worker" in text


def test_signs_older_than_a_minute_do_not_count(ranked: Project) -> None:
    for name in ("worker", "beat", "supervisor:main"):
        alive(name, seconds_ago=90)
    assert board.health() == board.Health(worker=False, supervisor=False, beat=False)


NOBODY = {
    "supervisor": ("No supervisor is running", "python manage.py supervise"),
    "worker": ("No worker is running", "celery --app tutelage worker --beat"),
    "beat": ("No scheduler is running", "celery --app tutelage beat"),
}


@pytest.mark.parametrize("address", [BOARD, f"{BOARD}schedule/"])
@pytest.mark.parametrize(
    ("there", "missing"),
    [
        (["worker", "beat"], ["supervisor"]),
        (["supervisor:main"], ["worker"]),
        (["worker", "supervisor:main"], ["beat"]),
        (["worker"], ["supervisor", "beat"]),
        ([], ["supervisor", "worker"]),
        (["worker", "beat", "supervisor:main"], []),
    ],
)
def test_who_is_missing_is_named_with_the_command_that_starts_them(
    ranked: Project, olga: User, address: str, there: list[str], missing: list[str]
) -> None:
    for name in there:
        alive(name)
    text = make.client_of(olga).get(address).content.decode()
    for name, words in NOBODY.items():
        assert [word in text for word in words] == [name in missing] * 2


def test_fresh_signs_of_all_take_the_warnings_away(ranked: Project, olga: User) -> None:
    for name in ("worker", "beat", "supervisor:main"):
        alive(name)
    text = page_of(olga)
    assert "supervise</code>" not in text
    assert "celery" not in text


def test_the_open_round_takes_the_place_of_the_start_button(ranked: Project, olga: User) -> None:
    assert f'action="{BOARD}start/"' in page_of(olga)
    loop.start(ranked)
    assert f'action="{BOARD}start/"' not in page_of(olga)
    assert "One round at a time." in page_of(olga)


def test_an_ended_round_shows_where_it_ended_and_how(ranked: Project, olga: User) -> None:
    rounds.cancel(by=olga, round_id=loop.work_until(loop.start(ranked), State.PPO).pk)
    (line,) = board.lines(list(board.earlier_rounds(ranked)))
    statuses = [node.status for node in line.pipeline.nodes]
    assert statuses == ["done", "skipped", "done", "failed", "ahead", "ahead", "ahead", "ahead"]
    assert "cancelled" in page_of(olga)


def test_a_deployed_round_is_done_all_along(ranked: Project, olga: User) -> None:
    loop.whole_turn(ranked)
    (line,) = board.lines(list(board.earlier_rounds(ranked)))
    assert {node.status for node in line.pipeline.nodes} == {"done", "skipped"}
    assert line.accuracy is not None
    assert line.wins is not None
    text = page_of(olga)
    assert "deployed" in text
    assert "Policy r1-ppo writes today" in text


def test_rolling_back_is_one_click_and_needs_no_reason(ranked: Project, olga: User) -> None:
    loop.whole_turn(ranked)
    make.client_of(olga).post(f"{BOARD}roll-back/")
    assert Deployment.objects.get(rolled_back=True).policy.name == "r1-ppo"


def test_the_page_shows_what_wrote_before_when_and_why_it_ended(ranked: Project, olga: User, rita: User) -> None:
    loop.whole_turn(ranked)
    make.client_of(olga).post(f"{BOARD}roll-back/", {"note": "It rambles."})
    for person in (olga, rita):
        text = page_of(person)
        assert "What wrote before" in text
        assert "It rambles." in text
        assert "ended by olga" in text
    assert "Policy base writes today" in page_of(olga)


def test_rolling_back_puts_the_earlier_policy_back(ranked: Project, olga: User) -> None:
    loop.whole_turn(ranked)
    answer = make.client_of(olga).post(f"{BOARD}roll-back/", {"note": "It rambles."}, follow=True)
    assert "base writes completions again" in answer.content.decode()
    current = current_deployment(ranked)
    assert current is not None
    assert current.policy.name == "base"


def test_with_nothing_to_go_back_to_no_roll_back_is_offered_and_a_try_is_refused(ranked: Project, olga: User) -> None:
    assert "roll-back" not in page_of(olga)
    answer = make.client_of(olga).post(f"{BOARD}roll-back/", {"note": "x"}, follow=True)
    assert "No earlier policy is left" in answer.content.decode()


def test_the_schedule_is_said_in_the_projects_own_time_zone(ranked: Project, olga: User) -> None:
    Project.objects.filter(pk=ranked.pk).update(time_zone="Asia/Shanghai")
    Schedule.objects.create(project=ranked, enabled=True, weekdays=[4, 0], at=time(22), every_rankings=500)
    text = page_of(olga)
    assert "Starts by itself at 500 new rankings." in text
    assert "on Monday, Friday at 22:00, Asia/Shanghai" in text


def test_a_schedule_that_is_off_is_not_announced(ranked: Project, olga: User) -> None:
    Schedule.objects.create(project=ranked, enabled=False, weekdays=[4], at=time(22))
    assert "Nothing is scheduled" in page_of(olga)
