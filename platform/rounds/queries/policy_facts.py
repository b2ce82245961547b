"""A policy and its lineage as plain data: what the console prints and scripts read."""

from datetime import datetime
from typing import Any

from annotations.models import Policy
from rounds.models import Deployment
from rounds.queries.evaluated import Estimate
from rounds.queries.lineage import Lineage, Said
from rounds.queries.policies import Line, Status
from rounds.queries.preferences import Written

Facts = dict[str, Any]


def line_facts(line: Line) -> Facts:
    """One policy of the list."""
    return {
        **_named(line.policy),
        "round": line.round.number if line.round else None,
        "stage": line.artifact.stage.kind if line.artifact and line.round else None,
        "collected": line.collected,
        "status": _status(line.status),
        "reward": _estimate(line.part.reward if line.part else None),
        "wins": _estimate(line.part.wins if line.part else None),
        **_written(line.written),
        "preferred": _estimate(line.preferred),
    }


def lineage_facts(found: Lineage) -> Facts:
    """One policy with all that it came from and all that came of it."""
    making, source, judge, part = found.making, found.source, found.judge, found.part
    return {
        **_named(found.policy),
        "status": _status(found.status),
        "ancestors": [_named(each.policy) for each in found.ancestors],
        "snapshot": None
        if source is None
        else {
            "digest": source.snapshot.digest,
            "frozen": source.snapshot.created_at.isoformat(),
            "rankings": _said(source.rankings),
            "demonstrations": _said(source.demonstrations),
        },
        "round": making.round.number if making.round else None,
        "init": found.init.name if found.init else None,
        "reference": found.reference.name if found.reference else None,
        "reward_model": None
        if judge is None
        else {"digest": judge.model.digest, "round": judge.model.round.number, "accuracy": _estimate(judge.accuracy)},
        "preset": making.stage.preset if making.stage else None,
        "settings": making.stage.settings if making.stage else {},
        **{name: making.facts.get(name) for name in ("stage", "seed", "exact", "seconds", "config", "versions")},
        "broken": making.broken,
        "collected": making.collected,
        "files": [{"name": each.name, "sha256": each.digest, "bytes": each.bytes} for each in making.files],
        "reward": _estimate(part.reward if part else None),
        "wins": _estimate(part.wins if part else None),
        "votes": _estimate(part.votes if part else None),
        "gates": part.round.gates if part and part.role == "after" else {},
        "deployments": [_deployment(each) for each in found.deployments],
        **_written(found.written),
        "preferred": _estimate(found.preferred),
        "rounds_from_it": [each.number for each in found.onward],
    }


def _named(policy: Policy) -> Facts:
    return {
        "id": str(policy.public_id),
        "name": policy.name,
        "digest": policy.digest,
        "path": policy.path,
        "parent": policy.parent.name if policy.parent else None,
        "made": policy.created_at.isoformat(),
    }


def _status(status: Status) -> Facts:
    return {"word": status.word, "reason": status.reason, "at": _moment(status.at)}


def _written(written: Written) -> Facts:
    return {
        "completions": written.completions,
        "quarantined": written.quarantined,
        "rankings": written.rankings,
    }


def _said(said: Said) -> Facts:
    versions = {str(each.version or ""): each.count for each in said.versions}
    return {
        "count": said.count,
        "people": said.people,
        "first": _moment(said.first),
        "last": _moment(said.last),
        "by_guideline_version": versions,
    }


def _deployment(each: Deployment) -> Facts:
    return {
        "from": each.started_at.isoformat(),
        "until": _moment(each.retired_at),
        "canary": each.canary,
        "share": each.share,
        "best_of": each.best_of,
        "rolled_back": each.rolled_back,
        "reason": each.retired_reason,
        "round": each.round.number if each.round else None,
    }


def _estimate(found: Estimate | None) -> Facts | None:
    return None if found is None else {"value": found.value, "low": found.low, "high": found.high, "n": found.n}


def _moment(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
