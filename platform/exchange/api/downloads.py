"""Finished directories that leave the store, each as one tar; a card as Markdown; curves as files for TensorBoard."""

from uuid import UUID

from django.http import HttpResponse, HttpResponseBase
from ninja import Router

from accounts.models import Scope
from exchange.api.endpoints import Slug, reads
from exchange.api.rounds import Number
from exchange.api.security import Asked, person
from rounds.archive import folder_name
from rounds.queries.access import operated_project, operated_round, project_of, round_of
from rounds.queries.card import card_of
from rounds.queries.registry import policy_of
from rounds.queries.tensorboard import archive_of
from rounds.services import downloads
from rounds.views.downloads import sent

router = Router(tags=["Downloads"])

TAR, MARKDOWN = "application/x-tar", "text/markdown"


@reads(router, "/projects/{slug}/rounds/{number}/snapshot", scope=Scope.DATA, file=TAR)
def download_snapshot(request: Asked, slug: Slug, number: Number) -> HttpResponseBase:
    """The data set that a round was fitted to, for operators; a transfer that broke off goes on with Range."""
    by = person(request)
    return sent(request, downloads.take_snapshot(by=by, round=operated_round(by, slug, number)))


@reads(router, "/projects/{slug}/rounds/{number}/reward-model/files", scope=Scope.DATA, file=TAR)
def download_reward_model(request: Asked, slug: Slug, number: Number) -> HttpResponseBase:
    """The directory of a round's reward model, for operators."""
    by = person(request)
    return sent(request, downloads.take_reward_model(by=by, round=operated_round(by, slug, number)))


@reads(router, "/projects/{slug}/policies/{policy_id}/files", scope=Scope.DATA, file=TAR)
def download_policy(request: Asked, slug: Slug, policy_id: UUID) -> HttpResponseBase:
    """The directory of a policy, weights and all, for operators."""
    by = person(request)
    found = policy_of(operated_project(by, slug), policy_id)
    return sent(request, downloads.take_policy(by=by, policy=found))


@reads(router, "/projects/{slug}/policies/{policy_id}/card.md", file=MARKDOWN)
def download_card(request: Asked, slug: Slug, policy_id: UUID) -> HttpResponseBase:
    """A policy's model card as a file of Markdown, for reviewers and operators."""
    found = policy_of(project_of(person(request), slug), policy_id)
    return _saved(card_of(found).encode(), f"{folder_name(slug, found.name)}-card.md", f"{MARKDOWN}; charset=utf-8")


@reads(router, "/projects/{slug}/rounds/{number}/tensorboard", file=TAR)
def download_curves(request: Asked, slug: Slug, number: Number) -> HttpResponseBase:
    """The curves of all stages as event files for TensorBoard, for reviewers and operators."""
    name = f"{slug}-round-{number}"
    return _saved(archive_of(round_of(person(request), slug, number), name), f"{name}.tar", TAR)


def _saved(content: bytes, name: str, media: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return HttpResponse(content, content_type=media, headers=headers)
