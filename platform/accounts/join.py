"""The page behind an invitation: choose a name and a password, or join as who is signed in, and be in."""

from typing import Any

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.forms import UserCreationForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.invitations import InvitationGone, accept, open_invitation
from accounts.models import Invitation, User
from accounts.people import PersonRefused


class JoinForm(UserCreationForm):  # type: ignore[type-arg]
    class Meta:
        model = User
        fields = ["username"]
        labels = {"username": _("Name")}
        help_texts = {"username": _("Letters, digits and @ . + - _, at most 150 of them.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password2"].label = _("Password again")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, token: str) -> HttpResponse:
    try:
        invitation = open_invitation(token)
        if request.user.is_authenticated:
            return _join_as(request, request.user, invitation, token)
        form = JoinForm(request.POST or None, label_suffix="")
        if request.method == "POST" and form.is_valid():
            person: User = form.save(commit=False)
            person.language = translation.get_language() or "en"
            accept(token=token, person=person)
            login(request, person, backend="accounts.sessions.Accounts")
            return redirect("home")
    except PersonRefused as refusal:
        form.add_error("username", str(refusal))
    except InvitationGone as error:
        raise Http404("This link was used or has expired.") from error
    return render(request, "accounts/join.html", {"form": form, "invitation": invitation})


def _join_as(request: HttpRequest, person: User, invitation: Invitation, token: str) -> HttpResponse:
    if request.method != "POST":
        return render(request, "accounts/join_as.html", {"invitation": invitation})
    try:
        accept(token=token, person=person)
    except PersonRefused as refusal:
        messages.error(request, str(refusal))
    return redirect("home")
