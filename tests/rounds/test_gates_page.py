"""The gates' page: a project draws its lines there, the next verdict follows them, and the journal knows who did."""

import math

import pytest

from accounts.models import JournalEntry, Project, User
from accounts.permissions import NotAllowed
from accounts.projects import ChangedMeanwhile
from rounds import gates
from rounds.gates import DEFAULTS, Rule
from rounds.machine import State
from rounds.models import GateRule
from rounds.queries.gate_rules import rules_of, seen_of
from rounds.queries.panels import panels_of
from rounds.services import rounds
from rounds.services.gate_rules import RulesRefused, set_rules
from tests import make
from tests.rounds import loop, signs
from tests.rounds.test_gates import evaluation, reward_report

PAGE = "/p/turtles/gates/"


def filled(project: Project, **given: object) -> dict[str, object]:
    """The form as a browser sends it, with some fields filled in anew; None leaves a box unticked."""
    form = make.client_of(project.memberships.get(role="operator").user).get(PAGE).context["form"]
    sent = {field.html_name: field.value() for field in form if field.value() is not False}
    return {name: value for name, value in (sent | given).items() if value is not None}


def post(person: User, project: Project, **given: object) -> tuple[int, str]:
    answer = make.client_of(person).post(PAGE, filled(project, **given), follow=True)
    return answer.status_code, answer.content.decode()


def test_a_limit_is_changed_and_the_next_verdict_follows_it(ranked: Project, olga: User) -> None:
    status, page = post(olga, ranked, limit_kl="4", limit_repetition="30")
    assert (status, "2 gates changed" in page) == (200, True)
    assert set(GateRule.objects.values_list("name", "limit", "enforced")) == {
        ("kl", 4.0, True),
        ("repetition", 0.3, True),
    }
    round = loop.work(loop.work_until(loop.start(ranked), State.EVALUATING))
    assert (round.failure_kind, gates.stopping(round.gates)) == ("gate", ["kl"])
    assert (round.gates["kl"]["limit"], round.gates["repetition"]["rule"]) == (4.0, 0.3)


def test_a_gate_that_is_not_enforced_lets_a_round_go_on(ranked: Project, olga: User) -> None:
    post(olga, ranked, enforced_reward_accuracy=None, enforced_kl=None)
    round = loop.work(loop.freeze(loop.start(ranked, approve="rule")), reward_report(0.4, 0.6))
    assert (round.state, round.gates["reward_accuracy"]["verdict"]) == (State.PPO, gates.NOTED)
    assert loop.work(loop.work(round), evaluation(kl=90.0)).state == State.DEPLOYING


def test_the_limit_of_the_past_stays_with_its_round(ranked: Project, olga: User) -> None:
    round = loop.work_until(loop.start(ranked), State.REVIEW)
    post(olga, ranked, limit_kl="4")
    assert loop.again(round).gates["kl"]["limit"] == DEFAULTS["kl"].limit
    page = make.client_of(olga).get(PAGE).content.decode()
    assert "Round 1" in page
    assert "5.0 nats" in page


def test_back_at_the_default_a_gate_moves_with_it_again(ranked: Project, olga: User) -> None:
    post(olga, ranked, limit_kl="4", enforced_empty=None)
    post(olga, ranked, limit_kl="40", enforced_empty="on")
    assert not GateRule.objects.exists()
    assert rules_of(ranked) == DEFAULTS


def test_who_changed_what_stands_in_the_journal_once(ranked: Project, olga: User) -> None:
    post(olga, ranked, limit_kl="4")
    _, page = post(olga, ranked)
    assert "Nothing was changed" in page
    entry = JournalEntry.objects.get(verb="set_gates")
    assert (entry.actor, entry.project) == (olga, ranked)
    assert entry.facts == {"gates": {"kl": {"limit": 4.0, "enforced": True}}}


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit_reward_accuracy": "0.2"},
        {"limit_repetition": "101"},
        {"limit_kl": "0"},
        {"limit_kl": "nan"},
        {"limit_kl": "inf"},
        {"limit_kl": ""},
        {"limit_kl": "many"},
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(ranked: Project, olga: User, wrong: dict[str, object]) -> None:
    status, page = post(olga, ranked, **wrong)
    assert (status, "Nothing was saved" in page) == (400, True)
    assert not GateRule.objects.exists()


def test_the_second_of_two_operators_is_shown_what_the_first_saved(ranked: Project, olga: User) -> None:
    before = seen_of(rules_of(ranked))
    post(olga, ranked, limit_kl="4")
    _, page = post(olga, ranked, seen=before, limit_kl="7")
    assert "Somebody else changed the gates" in page
    assert GateRule.objects.get().limit == 4.0


def test_the_service_checks_for_itself(ranked: Project, olga: User, rita: User) -> None:
    seen = seen_of(rules_of(ranked))
    with pytest.raises(NotAllowed):
        set_rules(by=rita, project=ranked, seen=seen, wanted={"kl": Rule(4.0)})
    with pytest.raises(ChangedMeanwhile):
        set_rules(by=olga, project=ranked, seen="another", wanted={"kl": Rule(4.0)})
    for name, limit in [("kl", math.nan), ("kl", math.inf), ("kl", -1.0), ("beauty", 1.0)]:
        with pytest.raises(RulesRefused):
            set_rules(by=olga, project=ranked, seen=seen, wanted={name: Rule(limit)})
    assert not GateRule.objects.exists()


def test_another_projects_rules_are_its_own(ranked: Project, olga: User) -> None:
    newts = make.make_project("newts")
    post(olga, ranked, limit_kl="4")
    assert rules_of(newts) == DEFAULTS


def test_every_gate_says_what_it_asks_and_where_its_line_would_be(ranked: Project, olga: User) -> None:
    page = make.client_of(olga).get(PAGE).content.decode()
    for name in gates.LINES:
        assert f'id="gate-{name}"' in page
        assert f'name="limit_{name}"' in page
    assert "40 unless changed; from 0.1 to 1000" in page
    assert "No round was judged by it yet." in page


@pytest.mark.parametrize("page", ["/p/turtles/settings/", "/p/turtles/rounds/"])
def test_the_settings_and_the_board_lead_there(ranked: Project, olga: User, page: str) -> None:
    assert f'href="{PAGE}"' in make.client_of(olga).get(page).content.decode()


def test_the_review_shows_figure_limit_and_verdict_and_what_only_tells(ranked: Project, olga: User, rita: User) -> None:
    post(olga, ranked, enforced_length=None)
    round = loop.work(loop.work_until(loop.start(ranked), State.EVALUATING), evaluation(tokens_mean=100.0))
    assert round.state == State.REVIEW
    page = make.client_of(rita).get("/p/turtles/rounds/1/review/").content.decode()
    assert "5.0 nats, limit 40.0 nats" in page
    assert "5.00×, limit 3.00×" in page
    assert "over its limit, not enforced" in page
    assert "only tell" in page
    # What only tells asks for no reason.
    assert "A note, if you like" in page
    make.client_of(rita).post("/p/turtles/rounds/1/approve/", {"note": "Short enough for me."})
    assert loop.again(round).choices["note"] == "Short enough for me."
    assert JournalEntry.objects.get(verb="approve").actor == rita


def test_the_review_names_the_reason_of_an_override_and_asks_for_one_more(
    ranked: Project, olga: User, rita: User
) -> None:
    round = loop.work(loop.work_until(loop.start(ranked), State.EVALUATING), evaluation(kl=90.0))
    client = make.client_of(olga)
    assert "#override-note" in client.get("/p/turtles/rounds/1/review/").content.decode()
    client.post("/p/turtles/rounds/1/override/", {"note": "We read them all."})
    assert loop.again(round).state == State.REVIEW
    page = make.client_of(rita).get("/p/turtles/rounds/1/review/").content.decode()
    assert "Overridden because: We read them all." in page
    assert "Approving needs a reason" in page
    make.client_of(rita).post("/p/turtles/rounds/1/reject/", {"note": "Not this one."})
    assert loop.again(round).state == State.REJECTED
    assert [JournalEntry.objects.get(verb=verb).actor for verb in ("override", "reject")] == [olga, rita]


def test_the_curve_of_kl_is_held_against_the_projects_line(ranked: Project, olga: User) -> None:
    post(olga, ranked, limit_kl="0.5")
    stage = loop.live_stage(loop.work_until(loop.start(ranked), State.PPO))
    signs.measure(stage, signs.ppo_rows(20))
    [shown] = [panel.plot for panel in panels_of([stage]) if panel.spec.metric == "objective/kl"]
    assert len(shown.limits) == 1
    assert shown.y.high < 2


def test_a_reward_model_is_judged_by_the_projects_line(ranked: Project, olga: User) -> None:
    post(olga, ranked, limit_reward_accuracy="0.75")
    round = loop.work(loop.freeze(loop.start(ranked)))
    assert (round.state, gates.stopping(round.gates)) == (State.REWARD, ["reward_accuracy"])
    rounds.override_gate(by=olga, round_id=round.pk, note="Near enough.")
    assert loop.again(round).gates["reward_accuracy"]["rule"] == 0.75
