"""allauth's choices: nobody signs up by themselves; the language chosen at the door is kept; how the QR code looks."""

from typing import Any

import qrcode
from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from qrcode.image.svg import SvgPathFillImage

from accounts.models import User


class InvitationOnly(DefaultAccountAdapter):  # type: ignore[misc]
    """Accounts are made by an operator, never by a stranger."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": _("The name or the password is not right."),
        "too_many_login_attempts": _("Too many failed tries. Wait a few minutes, then try again."),
        "enter_current_password": _("This is not your current password."),
        "incorrect_password": _("The password is not right."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        if language := request.session.pop("language", ""):
            user.language = language
            user.save(update_fields=["language"])
        response: HttpResponse = super().post_login(request, user, **kwargs)
        return response


class AuthenticatorApp(DefaultMFAAdapter):  # type: ignore[misc]
    """The QR code stands on a white ground of its own, since cameras read no code in dark mode's colours."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": _("This is not the code of now. Type the one that the app shows, or a recovery code."),
    }

    def build_totp_svg(self, url: str) -> str:
        return str(qrcode.make(url, image_factory=SvgPathFillImage).to_string(encoding="unicode"))
