"""The demo project: prompts, demonstrations, guidelines and a warning written for it, in English and Chinese."""

import json
from pathlib import Path

from django.db import transaction

from accounts.models import Guideline, JournalEntry, Project
from annotations.brought import Brought
from annotations.services.imports import bring_in
from annotations.services.prompts import PromptRow, add_prompts, read_prompt_file
from rounds.services import safety

HERE = Path(__file__).parent
PROMPTS = HERE / "prompts.jsonl"
DEMONSTRATIONS = HERE / "demonstrations.jsonl"
GUIDELINES = HERE / "guidelines.md"
WARNING = (
    "Some questions here are about illness, self-harm, poison or threats. They are marked, and you can skip them."
    " 有些问题涉及疾病、自伤、中毒或威胁，会先提示，可以跳过。"
)


@transaction.atomic
def project() -> Project:
    """The demo project; made at the first call, with all that stands in it before anybody came."""
    demo, made = Project.objects.get_or_create(
        slug="demo",
        defaults={
            "name": "Everyday questions",
            "k": 4,
            "eval_share": 250,
            "stock_target": 24,
            "content_warning": WARNING,
        },
    )
    if made:
        Guideline.objects.create(project=demo, version=1, text=GUIDELINES.read_text(encoding="utf-8"))
    rows = read_prompt_file(PROMPTS)
    # Before the prompts: who answered a prompt already is not asked for another demonstration of it.
    bring_in(by=None, project=demo, name="demo", items=_answered(rows))
    add_prompts(by=None, project=demo, rows=rows)
    # Once: an operator may have taken them out.
    if not JournalEntry.objects.filter(project=demo, verb="add_safety_prompts").exists():
        safety.add_safety_prompts(by=None, project=demo, source=safety.OWN, rows=safety.own_set())
    return demo


def _answered(rows: list[PromptRow]) -> list[Brought]:
    asked = {row.messages[-1]["content"]: row for row in rows}
    lines = DEMONSTRATIONS.read_text(encoding="utf-8").splitlines()
    return [_answered_prompt(asked, **json.loads(line)) for line in lines]


def _answered_prompt(asked: dict[str, PromptRow], prompt: str, answer: str) -> Brought:
    row = asked[prompt]
    return Brought(
        messages=row.messages, answers=[answer], tags=row.tags, sensitive=row.sensitive, priority=row.priority
    )
