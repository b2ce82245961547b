"""A round's page: where it stands, what its stages measure, why it stopped, and how it goes on."""

import re
from datetime import timedelta

import pytest
from django.test import Client

from accounts.models import JournalEntry, Project, User
from rounds.child import out_of
from rounds.curves import Progress
from rounds.machine import ENDED, StageState, State
from rounds.models import Round
from rounds.queries import pipeline
from rounds.services import rounds
from tests import make
from tests.rounds import loop, signs

ROUND = "/p/turtles/rounds/1/"


@pytest.fixture
def operator(olga: User) -> Client:
    return make.client_of(olga)


@pytest.fixture
def improving(ranked: Project) -> Round:
    """A round whose PPO is at work."""
    return loop.work_until(loop.start(ranked), State.PPO)


@pytest.fixture
def held_back(ranked: Project) -> Round:
    """A round that stopped at the reward model's gate."""
    found = loop.work_until(loop.start(ranked), State.REWARD)
    accuracy = {"value": 0.52, "low": 0.45, "high": 0.6, "n_slates": 80, "n_pairs": 300}
    return loop.work(found, loop.GOOD_REWARD | {"accuracy": accuracy})


def shown(client: Client, address: str = ROUND) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def nodes_of(found: Round, **known: object) -> dict[str, pipeline.Node]:
    visits = pipeline.visits_of([found])[found.pk]
    return {node.state: node for node in pipeline.pipeline_of(found, visits, **known).nodes}  # type: ignore[arg-type]


@pytest.mark.parametrize("state", pipeline.NODES[2:6])
def test_the_pipeline_is_done_behind_running_at_and_hollow_ahead_of_the_round(ranked: Project, state: State) -> None:
    found = loop.work_until(loop.start(ranked), state)
    at = pipeline.NODES.index(state)
    statuses = [node.status for node in nodes_of(found).values()]
    assert statuses == ["done", "skipped", *["done"] * (at - 2), "running", *["ahead"] * (7 - at)]


def test_a_failure_stops_the_node_where_it_is(improving: Round) -> None:
    loop.fail(loop.live_stage(improving))
    assert nodes_of(loop.again(improving))[State.PPO].status == "failed"


def test_each_node_says_the_time_between_its_moves(improving: Round) -> None:
    moves = JournalEntry.objects.filter(subject="round", subject_id=str(improving.pk)).order_by("id")
    for entry, seconds in zip(moves, (0, 4, 360), strict=True):
        JournalEntry.objects.filter(pk=entry.pk).update(at=improving.created_at + timedelta(seconds=seconds))
    nodes = nodes_of(improving)
    assert nodes[State.EXPORTING].took == timedelta(seconds=4)
    assert nodes[State.REWARD].took == timedelta(seconds=356)
    assert nodes[State.EVALUATING].took is None


def test_what_is_ahead_is_expected_to_take_as_long_as_last_time(ranked: Project) -> None:
    done = loop.whole_turn(ranked)
    evaluated = JournalEntry.objects.get(subject="round", subject_id=str(done.pk), old=State.EVALUATING)
    JournalEntry.objects.filter(pk=evaluated.pk).update(at=evaluated.at + timedelta(minutes=5))
    found = loop.start(ranked)
    nodes = nodes_of(found, usual=pipeline.usual_visits(ranked, before=found))
    assert nodes[State.EVALUATING].expected == pytest.approx(timedelta(minutes=5), abs=timedelta(minutes=1))
    assert nodes[State.REVIEW].expected is None


def test_the_running_node_carries_the_share_done(improving: Round) -> None:
    nodes = nodes_of(improving, progress=Progress(step=3, of=12, doing="training", age=1.0))
    assert [node.share for node in nodes.values() if node.share] == [0.25]


def test_every_state_of_a_round_has_a_name_and_every_kind_of_stage(improving: Round) -> None:
    assert set(State) == set(pipeline.LABELS)
    assert set(pipeline.NODES) | set(ENDED) == set(State)


def test_a_stage_at_work_shows_its_step_its_time_left_and_its_curves(operator: Client, improving: Round) -> None:
    signs.measure(loop.live_stage(improving), signs.ppo_rows(10, of=25))
    text = shown(operator)
    assert "step 10 of 25" in text
    assert "About 1 min left in PPO" in text
    assert text.count("<polyline") == 3
    assert 'data-metric="objective/kl"' in text
    assert 'data-x="0.0 25 44 320"' in text
    assert f'data-events="{ROUND}events/?after=ppo-well-waiting-{loop.live_stage(improving).pk}.10"' in text


def test_a_page_is_drawn_without_styles_or_scripts_in_it(operator: Client, improving: Round) -> None:
    signs.measure(loop.live_stage(improving), signs.ppo_rows(10, of=25))
    text = shown(operator)
    assert "style=" not in text
    assert "<style" not in text
    assert text.count("<script") == text.count('<script type="module" src="')


def test_behind_each_plot_stands_a_table_of_all_figures_newest_first(operator: Client, improving: Round) -> None:
    signs.measure(loop.live_stage(improving), signs.ppo_rows(150))
    text = shown(operator, f"{ROUND}curves/ppo/table/")
    assert "objective/scores" in text
    assert text.index(">150<") < text.index(">149<")
    assert ">50<" not in text
    assert ">50<" in shown(operator, f"{ROUND}curves/ppo/table/?page=2")


def test_the_points_so_far_come_as_json_at_most_so_many(operator: Client, improving: Round) -> None:
    signs.measure(loop.live_stage(improving), signs.ppo_rows(1000))
    told = operator.get(f"{ROUND}curves/ppo/").json()
    assert (told["kind"], told["state"]) == ("ppo", StageState.WAITING)
    assert len(told["points"]) <= 300
    assert told["points"][-1]["step"] == 1000


def test_the_newest_texts_of_the_policy_stand_beside_its_curves(operator: Client, improving: Round) -> None:
    stage = loop.live_stage(improving)
    asked = make.make_prompt(improving.project, "Do turtles <b>dream</b>?")
    signs.measure(stage, signs.ppo_rows(2))
    row = {"prompt": str(asked.public_id), "finished": True, "tokens": 4, "reward": 0.5}
    signs.write_sample(stage, [row | {"step": 1, "text": "Of old"}, row | {"step": 2, "text": "Of <i>sea</i>"}])
    text = shown(operator)
    assert "Do turtles &lt;b&gt;dream&lt;/b&gt;?" in text
    assert "Of &lt;i&gt;sea&lt;/i&gt;" in text
    assert "Of old" not in text


def test_one_goes_back_in_the_samples_step_by_step(operator: Client, improving: Round) -> None:
    stage = loop.live_stage(improving)
    asked = make.make_prompt(improving.project)
    signs.measure(stage, signs.ppo_rows(2))
    row = {"prompt": str(asked.public_id), "finished": False, "tokens": 4, "reward": 0.5}
    signs.write_sample(stage, [row | {"step": step, "text": f"Text {step}"} for step in (0, 20, 40)])
    newest = shown(operator)
    assert "Text 40" in newest
    assert 'href="?step=20"' in newest
    middle = shown(operator, f"{ROUND}?step=20")
    assert "Text 20" in middle
    assert "Newest: step 40" in middle
    assert [each in middle for each in ('href="?step=0"', 'href="?step=40"')] == [True, True]
    assert "Text 40" in shown(operator, f"{ROUND}?step=x")
    assert "Text 40" in shown(operator, f"{ROUND}?step=7")


def test_a_spoilt_line_of_samples_costs_no_page(operator: Client, improving: Round) -> None:
    stage = loop.live_stage(improving)
    signs.measure(stage, signs.ppo_rows(2))
    signs.write_sample(stage, [{"step": 1}, {"step": 2, "prompt": "no id", "text": "x", "reward": 1}])
    assert "What it writes" not in shown(operator)


def test_the_log_is_for_who_operates_and_told_as_text(operator: Client, improving: Round, rita: User) -> None:
    stage = loop.live_stage(improving)
    signs.measure(stage, signs.ppo_rows(2))
    out_of(stage).with_suffix(".log").write_text("\x1b[31m<script>in the log\n")
    assert "&lt;script&gt;in the log" in shown(operator)
    assert "in the log" not in shown(make.client_of(rita))


def test_an_ended_round_promises_nothing(operator: Client, improving: Round) -> None:
    loop.work_until(improving, State.REVIEW)
    rounds.reject(by=None, round_id=improving.pk, note="No.")
    text = shown(operator)
    assert "rejected" in text
    assert "printed nothing" not in text
    assert not re.search("about [0-9]", text)


@pytest.mark.parametrize("kind", ["evaluate", "sample", "nonsense"])
def test_a_stage_that_the_round_does_not_have_is_not_found(operator: Client, improving: Round, kind: str) -> None:
    assert operator.get(f"{ROUND}curves/{kind}/").status_code == 404
    assert operator.get(f"{ROUND}curves/{kind}/table/").status_code == 404


def test_a_failure_is_told_as_text_never_as_markup(operator: Client, improving: Round) -> None:
    message = "<script>alert(1)</script> & 0.2 GB free"
    rounds.stop(round_id=improving.pk, state=State.PPO, kind="no_space", message=message)
    text = shown(operator)
    assert "PPO stopped" in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; 0.2 GB free" in text


def test_retry_lets_a_stopped_round_go_on(operator: Client, improving: Round) -> None:
    loop.fail(loop.live_stage(improving))
    operator.post(f"{ROUND}retry/", {"preset": ""})
    assert loop.again(improving).failure == ""
    assert loop.live_stage(improving).kind == "ppo"


def test_retry_with_another_preset_orders_a_new_stage(operator: Client, improving: Round) -> None:
    loop.fail(loop.live_stage(improving))
    operator.post(f"{ROUND}retry/", {"preset": "small"})
    assert loop.live_stage(improving).preset == "small"


def test_retry_with_a_preset_that_does_not_exist_changes_nothing(operator: Client, improving: Round) -> None:
    loop.fail(loop.live_stage(improving))
    answer = operator.post(f"{ROUND}retry/", {"preset": "huge"}, follow=True)
    assert "There is no such preset" in answer.content.decode()
    assert loop.again(improving).failure == "It failed."


def test_retrying_what_nothing_stopped_is_refused_in_words(operator: Client, improving: Round) -> None:
    answer = operator.post(f"{ROUND}retry/", {"preset": ""}, follow=True)
    assert "Nothing stopped this round." in answer.content.decode()


def test_at_a_gate_the_same_preset_is_not_offered(operator: Client, held_back: Round) -> None:
    text = shown(operator)
    assert "does not beat a coin" in text
    assert "Override the gate" in text
    assert '<option value="">' not in text
    assert '<option value="tiny">' not in text


def test_an_override_needs_a_reason(operator: Client, held_back: Round) -> None:
    answer = operator.post(f"{ROUND}override/", {"note": " "}, follow=True)
    assert "Say why" in answer.content.decode()
    assert loop.again(held_back).state == State.REWARD


def test_an_override_with_a_reason_goes_on_and_stays_marked(operator: Client, held_back: Round) -> None:
    operator.post(f"{ROUND}override/", {"note": "A small pilot."})
    found = loop.again(held_back)
    assert found.state == State.PPO
    assert "overridden" in shown(operator)


def test_cancel_ends_the_round_and_its_page_asks_nothing_more(operator: Client, improving: Round) -> None:
    operator.post(f"{ROUND}cancel/")
    assert loop.again(improving).state == State.CANCELLED
    text = shown(operator)
    assert "data-events" not in text
    assert "cancel/" not in text


def test_cancelling_twice_is_refused_in_words(operator: Client, improving: Round) -> None:
    operator.post(f"{ROUND}cancel/")
    assert "has ended" in operator.post(f"{ROUND}cancel/", follow=True).content.decode()
