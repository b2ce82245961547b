"""The demo project: prompts, demonstrations, guidelines and a warning written for it, in English and Chinese."""

import json
from pathlib import Path

from django.db import transaction

from accounts.models import Guideline, Project
from annotations.services.imports import AnsweredPrompt, import_demonstrations
from annotations.services.prompts import PromptRow, add_prompts, read_prompt_file

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
    import_demonstrations(by=None, project=demo, name="demo", rows=_answered(rows))
    add_prompts(by=None, project=demo, rows=rows)
    return demo


def _answered(rows: list[PromptRow]) -> list[AnsweredPrompt]:
    asked = {row.messages[-1]["content"]: row for row in rows}
    lines = DEMONSTRATIONS.read_text(encoding="utf-8").splitlines()
    return [_answered_prompt(asked, **json.loads(line)) for line in lines]


def _answered_prompt(asked: dict[str, PromptRow], prompt: str, answer: str) -> AnsweredPrompt:
    row = asked[prompt]
    return AnsweredPrompt(messages=row.messages, answer=[{"role": "assistant", "content": answer}], tags=row.tags)
