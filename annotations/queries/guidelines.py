"""What the guidelines say now, and what changed since a person opened them."""

from dataclasses import dataclass

from accounts.guidelines import last_seen
from accounts.models import Guideline, Project, User
from annotations.clauses import Change, Clause, changed_clauses, changes, clauses_of
from annotations.queries.desk import guideline_of


@dataclass(frozen=True, kw_only=True)
class Unseen:
    """Guidelines that the person has not opened yet; `seen` is the version they opened last, if any."""

    newest: Guideline
    seen: Guideline | None
    changed: list[Clause]


@dataclass(frozen=True, kw_only=True)
class GuidelinePage:
    """The current version, the older ones, and what changed since the version `since`, if that was asked."""

    newest: Guideline | None
    clauses: list[Clause]
    earlier: list[Guideline]
    since: Guideline | None
    changes: list[Change]


def guidelines_unseen(person: User, project: Project) -> Unseen | None:
    """Return the version that the person has not opened yet, and the clauses that changed since the one they opened."""
    newest, seen = guideline_of(project), last_seen(user=person, project=project)
    if newest is None or newest == seen:
        return None
    return Unseen(newest=newest, seen=seen, changed=changed_clauses(seen.text, newest.text) if seen else [])


def guideline_page(person: User, project: Project, *, since: int | None = None) -> GuidelinePage:
    """Return the page of a project's guidelines; what changed is counted from `since`, else from what they saw last."""
    versions = list(project.guidelines.order_by("-version"))
    if not versions:
        return GuidelinePage(newest=None, clauses=[], earlier=[], since=None, changes=[])
    newest, *earlier = versions
    wanted = next((one for one in earlier if one.version == since), None)
    before = wanted if since else last_seen(user=person, project=project)
    old = before if before in earlier else None
    return GuidelinePage(
        newest=newest,
        clauses=clauses_of(newest.text),
        earlier=earlier,
        since=old,
        changes=changes(old.text, newest.text) if old else [],
    )
