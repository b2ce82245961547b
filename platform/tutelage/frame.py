"""What every page's frame shows: which project the person is in, what they may open there, and their other projects."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership, Role, User
from accounts.permissions import memberships_of
from rounds.queries.notices import unread_of


@dataclass(frozen=True)
class Page:
    """A kind of page that projects have: every address under it. Without a label the header has no link to it."""

    name: str
    label: str | Promise
    roles: frozenset[str]


PAGES = (
    Page("my_work", _("My work"), frozenset({Role.LABELER})),
    Page("rounds", _("Rounds"), frozenset({Role.OPERATOR, Role.REVIEWER})),
    Page("policies", _("Policies"), frozenset({Role.OPERATOR, Role.REVIEWER})),
    Page("answers", _("Answers"), frozenset({Role.OPERATOR, Role.REVIEWER})),
    Page("prompts", _("Prompts"), frozenset({Role.OPERATOR})),
    Page("people", _("People"), frozenset({Role.OPERATOR})),
    Page("exports", _("Exports"), frozenset({Role.OPERATOR, Role.EXPORTER})),
    Page("imports", "", frozenset({Role.OPERATOR})),
    Page("project_settings", _("Project"), frozenset({Role.OPERATOR})),
    Page("exercises", "", frozenset({Role.OPERATOR})),
    Page("journal", "", frozenset({Role.OPERATOR})),
    Page("guidelines", _("Guidelines"), frozenset({Role.LABELER, Role.REVIEWER})),
    Page("rank_next", "", frozenset({Role.LABELER})),
    Page("demonstrate_next", "", frozenset({Role.LABELER})),
)

TOLD = frozenset({Role.OPERATOR, Role.REVIEWER})


@dataclass(frozen=True)
class Link:
    """One link of the header, and whether the person is there now."""

    label: str | Promise
    url: str
    here: bool


class Frame:
    """The header of one request. Nothing is asked of the database before a template does."""

    def __init__(self, request: HttpRequest, user: User) -> None:
        self.path = request.path
        match = request.resolver_match
        self.slug = match.kwargs.get("slug", "") if match else ""
        self.user = user

    @cached_property
    def memberships(self) -> list[Membership]:
        return list(memberships_of(self.user).select_related("project").order_by("project__name", "project__slug"))

    @cached_property
    def current(self) -> Membership | None:
        """The membership of the page's project; on pages of no project, the only one that the person has."""
        here = [one for one in self.memberships if one.project.slug == self.slug]
        only = self.memberships if not self.slug and len(self.memberships) == 1 else []
        return next(iter(here or only), None)

    @cached_property
    def is_told(self) -> bool:
        """Whether the header leads to notices: only who operates or reviews something gets any."""
        return any(one.role in TOLD for one in self.memberships)

    @cached_property
    def unread(self) -> int:
        return unread_of(self.user).count()

    @cached_property
    def links(self) -> list[Link]:
        if self.current is None:
            return []
        return [Link(page.label, url, self.path.startswith(url)) for page, url in _pages(self.current) if page.label]

    @cached_property
    def projects(self) -> list[Link]:
        """Every project, each at the kind of page that is open now where the role there allows it."""
        here = [page.name for page, url in _pages(self.current) if self.path.startswith(url)] if self.current else []
        return [Link(one.project.name, _same_page(one, here), one == self.current) for one in self.memberships]


def frame(request: HttpRequest) -> dict[str, Any]:
    """The context processor."""
    user = getattr(request, "user", None)
    return {"frame": Frame(request, user)} if user and user.is_authenticated else {}


def _pages(membership: Membership) -> Iterator[tuple[Page, str]]:
    for page in PAGES:
        url = _url(page.name, membership.project.slug)
        if url and membership.role in page.roles:
            yield page, url


def _same_page(membership: Membership, names: list[str]) -> str:
    pages = list(_pages(membership))
    same = [url for page, url in pages if page.name in names]
    # A labeler's place is home, where each project has its own start.
    others = [] if membership.role == Role.LABELER else [url for page, url in pages if page.label]
    return next(iter([*same, *others]), reverse("home"))


def _url(name: str, slug: str) -> str | None:
    try:
        return reverse(name, args=[slug])
    except NoReverseMatch:
        return None
