"""What every page's frame shows: the person's memberships."""

from typing import Any

from django.http import HttpRequest


def membership(request: HttpRequest) -> dict[str, Any]:
    """The memberships of the person, for the header."""
    if not getattr(request, "user", None) or not request.user.is_authenticated:
        return {}
    return {"memberships": request.user.memberships.select_related("project")}
