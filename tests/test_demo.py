"""The demo project: our own questions and answers in two languages, and a warning before what may upset."""

import re

import pytest
from django.core.management import call_command

from accounts.invitations import InvitationGone, open_invitation
from accounts.models import Project, Role
from annotations.choices import Split
from annotations.models import Demonstration, Prompt
from rounds.services.safety import OWN, remove_safety_prompts
from tests import make
from tutelage import demo

CHINESE = re.compile(r"[\u4e00-\u9fff]")

pytestmark = pytest.mark.django_db


def test_it_holds_sixty_prompts_and_twenty_demonstrations_in_two_languages() -> None:
    project = demo.project()
    asked = [prompt.messages[-1]["content"] for prompt in Prompt.objects.filter(project=project)]
    written = [each.messages[-1]["content"] for each in Demonstration.objects.filter(project=project)]
    assert (len(asked) >= 60, len(written) >= 20) == (True, True)
    for texts in (asked, written):
        chinese = sum(bool(CHINESE.search(text)) for text in texts)
        assert 5 < chinese < len(texts) - 5


def test_a_second_start_adds_nothing() -> None:
    demo.project()
    before = Prompt.objects.count(), Demonstration.objects.count(), Project.objects.count()
    demo.project()
    assert (Prompt.objects.count(), Demonstration.objects.count(), Project.objects.count()) == before


def test_it_tells_what_policies_refuse_until_an_operator_takes_that_out() -> None:
    project = demo.project()
    kinds = project.safety_prompts.values_list("unsafe", flat=True)
    assert (sum(kinds), len(kinds) - sum(kinds)) == (28, 28)
    remove_safety_prompts(by=make.make_person("olga", project, Role.OPERATOR), project=project, source=OWN)
    assert not demo.project().safety_prompts.exists()


def test_its_demonstrations_answer_only_what_a_stage_may_learn_from() -> None:
    project = demo.project()
    assert set(Demonstration.objects.filter(project=project).values_list("prompt__split", flat=True)) == {Split.TRAIN}


def test_what_may_upset_is_marked_and_the_warning_says_why() -> None:
    project = demo.project()
    assert project.content_warning
    marked = Prompt.objects.filter(project=project, sensitive=True)
    assert 0 < marked.count() < project.prompts.count() / 4


def test_a_prompt_that_was_demonstrated_is_not_given_to_people_again() -> None:
    project = demo.project()
    answered = Demonstration.objects.filter(project=project).values("prompt")
    assert not project.assignments.filter(kind="demonstrate", state="open", prompt__in=answered).exists()
    assert project.assignments.filter(kind="demonstrate", state="open").exists()


def test_only_the_last_link_of_the_command_line_opens_the_door(capsys: pytest.CaptureFixture[str]) -> None:
    project = demo.project()
    make.make_policy(project)
    call_command("demo")
    first = capsys.readouterr().out.strip()
    call_command("demo")
    second = capsys.readouterr().out.strip()
    assert open_invitation(second).role == "operator"
    with pytest.raises(InvitationGone):
        open_invitation(first)
