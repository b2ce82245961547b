"""allauth's choices: nobody signs up by themselves."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class InvitationOnly(DefaultAccountAdapter):  # type: ignore[misc]
    """Accounts are made by an operator, never by a stranger."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
