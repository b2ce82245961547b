"""Who asks: the owner of the token, whose role decides what they may; the token's scopes only narrow that."""

from django.http import HttpRequest
from ninja.security import HttpBearer

from accounts import api_tokens
from accounts.models import ApiToken, Scope, User
from exchange.api import limits
from exchange.api.problems import Problem


class Asked(HttpRequest):
    """A request that was let in."""

    auth: ApiToken


class Bearer(HttpBearer):
    """Lets a request in whose token has the scope, or any. No cookie counts, so no other site can act for a person."""

    def __init__(self, scope: Scope | None = None) -> None:
        super().__init__()
        self._scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken | None:
        found = api_tokens.find(token.strip())
        if found is None:
            return None
        limits.count(request, found)
        if self._scope and self._scope not in found.scopes:
            raise Problem("wrong-scope", f"This needs a token with the scope {self._scope.value}.")
        return found


def person(request: Asked) -> User:
    """The one who asks."""
    return request.auth.owner
