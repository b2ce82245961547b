"""allauth's choices: nobody signs up by themselves; the language chosen at the door is kept."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest, HttpResponse

from accounts.models import User


class InvitationOnly(DefaultAccountAdapter):  # type: ignore[misc]
    """Accounts are made by an operator, never by a stranger."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        if language := request.session.pop("language", ""):
            user.language = language
            user.save(update_fields=["language"])
        response: HttpResponse = super().post_login(request, user, **kwargs)
        return response
