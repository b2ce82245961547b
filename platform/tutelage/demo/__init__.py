"""The demo project: prompts, guidelines and a warning written for it, in English and Chinese."""

from pathlib import Path

from django.db import transaction

from accounts.models import Guideline, Project

HERE = Path(__file__).parent
PROMPTS = HERE / "prompts.jsonl"
GUIDELINES = HERE / "guidelines.md"


@transaction.atomic
def project() -> Project:
    """The demo project; made at the first call."""
    demo, made = Project.objects.get_or_create(
        slug="demo",
        defaults={"name": "Everyday questions", "k": 4, "eval_share": 250, "stock_target": 24},
    )
    if made:
        Guideline.objects.create(project=demo, version=1, text=GUIDELINES.read_text(encoding="utf-8"))
    return demo
