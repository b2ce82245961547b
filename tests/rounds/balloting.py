"""A round under review whose answers tell by no word whose they are, and how people vote on them."""

import re
from collections.abc import Sequence

from django.conf import settings
from django.test import Client
from django.utils.html import strip_tags

from accounts.models import Project, User
from annotations.choices import Split
from annotations.models import Prompt
from rounds.machine import State
from rounds.models import Artifact, Round, Vote
from rounds.queries.ballots import order_of
from rounds.services import votes
from tests import make
from tests.rounds import loop, reports, signs
from trainer import manifest

REVIEW = "/p/turtles/rounds/1/review/"
BOOTH = f"{REVIEW}vote/"
ONE, OTHER = "On warm beaches, at night.", "In the sand above the tide."
ALIKE = "Nobody has counted."
Rows = list[dict[str, object]]


def rows(prompts: Sequence[Prompt], before: str = ONE, after: str = OTHER) -> Rows:
    """Two policies' answers that tell by no word whose they are; both answer the last prompt alike."""
    texts = {"before": before, "sft": ALIKE, "after": after}
    return [
        {
            "prompt": str(prompt.public_id),
            "policy": policy,
            "text": ALIKE if prompt == prompts[-1] else text,
            "finished": True,
            "tokens": 31337,
            "reward": 0.98765 if policy == "after" else 0.12345,
        }
        for policy, text in texts.items()
        for prompt in prompts
    ]


def four_prompts(project: Project) -> list[Prompt]:
    return [make.make_prompt(project, f"Which turtle is number {n}?", Split.EVAL) for n in range(4)]


def under_review(project: Project, prompts: Sequence[Prompt]) -> Round:
    """A round that waits for its review: three questions to vote on, and one with equal answers."""
    evaluating = loop.work_until(loop.start(project), State.EVALUATING)
    return signs.evaluate(evaluating, prompts, reports.evaluation(), rows(prompts))


def shown(client: Client, page: str = BOOTH) -> str:
    answer = client.get(page)
    assert answer.status_code == 200
    head = "".join(f"{name}: {value}\n" for name, value in answer.headers.items())
    return head + re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", answer.content.decode())


def words(client: Client, page: str) -> str:
    return re.sub(r"\s+", " ", strip_tags(shown(client, page).replace("<", " <")))


def cast(client: Client, prompt: Prompt, side: str) -> str:
    """Vote as the page's form does; return the page that follows."""
    sent = {"prompt": str(prompt.public_id), "side": side}
    return client.post(BOOTH, sent, follow=True).content.decode()


def side_of(found: Round, prompt: Prompt, person: User, choice: str) -> str:
    """On which side of this person's page that policy's answer stands."""
    return ("left", "right")[order_of(found, str(prompt.public_id), person).index(choice)]


def vote(found: Round, prompt: Prompt, person: User, choice: str) -> None:
    side = "tie" if choice == "tie" else side_of(found, prompt, person, choice)
    votes.vote(by=person, round_id=found.pk, prompt_id=str(prompt.public_id), side=side)


def choices(found: Round) -> list[tuple[str, str]]:
    return list(Vote.objects.filter(round=found).order_by("pk").values_list("voter__username", "choice"))


def rewritten(found: Round, answers: Rows) -> None:
    """Let the evaluation have answered otherwise."""
    artifact = Artifact.objects.get(stage__round=found, stage__kind="evaluate")
    directory = settings.STORE / "artifacts" / "another"
    facts = {"stage": "evaluate", "metrics": {}}
    with manifest.writing(directory, kind="evaluation", **facts) as folder:
        (folder / "report.json").write_bytes((settings.STORE / artifact.path / "report.json").read_bytes())
        signs.write_lines(folder / "completions.jsonl", answers)
    Artifact.objects.filter(pk=artifact.pk).update(path="artifacts/another", digest=manifest.digest(directory))
