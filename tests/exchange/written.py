"""What tests of exports share: a written export, and its rows."""

import json
from typing import Any

from django.conf import settings

from accounts.models import Project, User
from exchange.models import Export
from exchange.services import exports, writing


def written(project: Project, format: str = "rankings", by: User | None = None, **options: Any) -> Export:
    """An export that was ordered and that a worker wrote."""
    export = exports.order(by=by, project=project, format=format, options=options)
    writing.write(export_id=export.pk, owner="worker")
    return again(export)


def again(export: Export) -> Export:
    return Export.objects.get(pk=export.pk)


def rows(export: Export, split: str = "train") -> list[dict[str, Any]]:
    path = settings.STORE / export.path / f"{split}.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
