"""What a demonstration keeps, and which ones are refused."""

from uuid import uuid4

import pytest

from accounts.models import JournalEntry, Project, User
from annotations.choices import Kind, Split
from annotations.models import Assignment, Demonstration
from annotations.queries.desk import NotYours
from annotations.services.demonstrations import submit_demonstration
from annotations.services.work import lend_work
from annotations.texts import BadMessages
from tests import make

ANSWER = {"role": "assistant", "content": "On the beach where they hatched."}
FOLLOW_UP = {"role": "user", "content": "At night?"}


@pytest.fixture
def assignment(project: Project, alice: User) -> Assignment:
    make.make_prompt(project, demonstrations=1)
    return make.lent(alice, project, "demonstrate")


def demonstrate(by: User, assignment: Assignment, messages: list[dict[str, str]]) -> Demonstration:
    return submit_demonstration(by=by, assignment_id=assignment.public_id, messages=messages, key=uuid4())


def test_a_demonstration_is_kept_and_closes_its_slot(alice: User, assignment: Assignment) -> None:
    demonstration = demonstrate(alice, assignment, [ANSWER])
    assignment.refresh_from_db()
    assert demonstration.messages == [ANSWER]
    assert (demonstration.prompt, demonstration.labeler) == (assignment.prompt, alice)
    assert assignment.state == "done"
    assert JournalEntry.objects.filter(verb="demonstrate", subject_id=str(assignment.pk)).count() == 1


def test_a_conversation_can_be_demonstrated(alice: User, assignment: Assignment) -> None:
    messages = [ANSWER, FOLLOW_UP, {"role": "assistant", "content": "Mostly."}]
    assert demonstrate(alice, assignment, messages).messages == messages


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [FOLLOW_UP],
        [ANSWER, FOLLOW_UP],
        [FOLLOW_UP, ANSWER],
        [ANSWER, ANSWER],
        [{"role": "assistant", "content": "  \n"}],
        [{"role": "assistant"}],
        [{"role": "assistant", "content": "x", "name": "y"}],
        [{"role": "tool", "content": "x"}, ANSWER],
        [{"role": "system", "content": "Be brief."}, ANSWER],
        [ANSWER, FOLLOW_UP, {"role": "system", "content": "Be brief."}, ANSWER],
        [{"role": "assistant", "content": "x" * 64_001}],
    ],
)
def test_what_does_not_answer_the_prompt_is_refused(
    alice: User, assignment: Assignment, messages: list[dict[str, str]]
) -> None:
    with pytest.raises(BadMessages):
        demonstrate(alice, assignment, messages)
    assignment.refresh_from_db()
    assert assignment.state == "lent"
    assert not Demonstration.objects.exists()


def test_nobody_demonstrates_for_somebody_else(bob: User, mallory: User, assignment: Assignment) -> None:
    for person in (bob, mallory):
        with pytest.raises(NotYours):
            demonstrate(person, assignment, [ANSWER])


def test_a_slate_cannot_be_demonstrated(project: Project, alice: User) -> None:
    make.make_slate(project)
    with pytest.raises(BadMessages):
        demonstrate(alice, make.lent(alice, project), [ANSWER])


def test_nobody_is_asked_to_demonstrate_an_eval_prompt(project: Project, alice: User) -> None:
    make.make_prompt(project, split=Split.EVAL, demonstrations=1)
    assert lend_work(to=alice, project=project, kind=Kind.DEMONSTRATE) is None


def test_a_retired_prompt_is_not_demonstrated(project: Project, alice: User) -> None:
    prompt = make.make_prompt(project, demonstrations=1)
    prompt.retired_at = prompt.created_at
    prompt.save()
    assert lend_work(to=alice, project=project, kind=Kind.DEMONSTRATE) is None


def test_a_prompt_that_wants_two_demonstrations_asks_two_people(project: Project, alice: User, bob: User) -> None:
    prompt = make.make_prompt(project, demonstrations=2)
    for person in (alice, bob):
        demonstrate(person, make.lent(person, project, "demonstrate"), [ANSWER])
    assert prompt.demonstrations.count() == 2
    assert lend_work(to=alice, project=project, kind=Kind.DEMONSTRATE) is None
