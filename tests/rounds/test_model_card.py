"""The model card: what is known, and nothing else; what people typed is quoted and never obeyed."""

import re
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import translation

from accounts.models import Project, User
from annotations.choices import Split
from annotations.models import Policy
from rounds.machine import State
from rounds.models import Round
from rounds.queries.card import card_of, plain
from rounds.services import rounds
from tests import make
from tests.rounds import loop, signs

ALARM = "The reward rose, and so did [its](http://x.y) correlation with length."
NOTE = "# Better\n![x](http://x.y) <script>alert(1)</script>"


@pytest.fixture
def candidate(ranked: Project) -> Policy:
    """Waits for a review, with an alarm and a gate that a person overrode."""
    few = loop.GOOD_REWARD | {"enough": False}
    found = loop.work(loop.work_until(loop.start(ranked), State.REWARD), few)
    rounds.override_gate(by=None, round_id=found.pk, note=NOTE)
    found = loop.work_until(loop.again(found), State.EVALUATING)
    report = loop.GOOD_EVALUATION | {"alarms": [ALARM]}
    signs.evaluate(found, [make.make_prompt(ranked, split=Split.EVAL)], report)
    return Policy.objects.select_related("project", "parent").get(name="r1-ppo")


def text_of(policy: Policy) -> str:
    return card_of(policy)


def test_the_front_matter_is_yaml_and_claims_nothing_that_is_not_known(candidate: Policy) -> None:
    from huggingface_hub import ModelCard

    data: Any = ModelCard(text_of(candidate)).data
    assert data.to_dict() == {
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "base_model": "base",
        "tags": ["tutelage", "rlhf", "ppo"],
    }


def test_it_tells_data_figures_gates_overrides_and_alarms(candidate: Policy) -> None:
    card = text_of(candidate)
    assert "- 1 ranking by 1 person" in card
    assert "guidelines 1: 1" in card
    assert "Wins against base by reward: 0.7 (0.6 to 0.8), 100 prompts" in card
    assert "Reward model's accuracy on held-out rankings: 0.8 (0.7 to 0.9), 60 slates" in card
    assert "overridden" in card
    assert "The reward rose, and so did" in card
    assert candidate.digest in card
    assert "AutoModelForCausalLM.from_pretrained" in card


def test_the_intended_use_is_left_to_the_operator_in_words_that_say_so(candidate: Policy) -> None:
    assert re.search(r"## Intended use\n\nNot stated\. .* operates the project says it", text_of(candidate))


def test_what_people_typed_makes_no_heading_link_image_or_script(candidate: Policy, rita: User) -> None:
    Project.objects.update(name="[A](http://bad.example) <b>project</b>")
    candidate.project.refresh_from_db()
    card = text_of(candidate)
    assert "\n# Better" not in card
    html = make.client_of(rita).get(f"/p/turtles/policies/{candidate.public_id}/card/").content.decode()
    words = html[html.index("card-words") :]
    assert "<script>alert" not in html
    assert "bad.example" in words
    assert 'href="http' not in words
    assert "<img" not in words
    assert "<b>project" not in words


def test_a_persons_words_stay_on_one_line() -> None:
    assert plain("a\n\n# b *c* `d`") == r"a # b \*c\* \`d\`"


def test_the_card_is_english_in_every_language_and_the_download_is_the_card(candidate: Policy, rita: User) -> None:
    with translation.override("zh-hans"):
        chinese = text_of(candidate)
    assert chinese == text_of(candidate)
    answer = make.client_of(rita).get(f"/p/turtles/policies/{candidate.public_id}/card.md")
    assert answer.content.decode() == chinese
    assert answer["Content-Type"] == "text/markdown; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="turtles-r1-ppo-card.md"'
    out = StringIO()
    call_command("policy", "card", "--project", "turtles", "--name", "r1-ppo", stdout=out)
    assert out.getvalue().strip() == chinese.strip()


def test_a_base_policy_has_a_card_too(ranked: Project) -> None:
    base = Policy.objects.select_related("project", "parent").get(name="base")
    card = text_of(base)
    assert "Nothing that people said in this project went into it." in card
    assert "no evaluation of this policy stands" in card
    assert Round.objects.count() == 0
