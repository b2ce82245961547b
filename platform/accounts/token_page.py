"""A person's own page of their API tokens: each is shown once, when it is made."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts import api_tokens
from accounts.forms import TokenForm
from accounts.models import ApiToken, Scope
from accounts.people_page import person


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def tokens_page(request: HttpRequest) -> HttpResponse:
    """Answer a new token with its secret at once: a redirect would have to store it somewhere."""
    form = _form(request, request.POST or None)
    if not form.is_valid():
        return _page(request, form=form)
    try:
        made, secret = api_tokens.issue(by=person(request), **form.cleaned_data)
    except api_tokens.TokenRefused as refusal:
        form.add_error("name", str(refusal))
        return _page(request, form=form)
    return _page(request, form=_form(request), made=made, secret=secret)


@login_required
@require_POST
def withdraw(request: HttpRequest, token_id: int) -> HttpResponse:
    try:
        token = api_tokens.revoke(by=person(request), token_id=token_id)
        messages.success(request, _("%(name)s is withdrawn. It opens nothing any more.") % {"name": token.name})
    except api_tokens.TokenGone:
        messages.error(request, _("This token was withdrawn before."))
    return redirect("tokens")


def _form(request: HttpRequest, sent: QueryDict | None = None) -> TokenForm:
    scopes = api_tokens.scopes_for(person(request))
    return TokenForm(sent, scopes=scopes, initial={"scopes": [Scope.READ]}, label_suffix="")


def _page(request: HttpRequest, *, form: TokenForm, **more: Any) -> HttpResponse:
    tokens = [_shown(token) for token in api_tokens.tokens_of(person(request))]
    shown = {"form": form, "tokens": tokens, **more}
    return render(request, "accounts/tokens.html", shown, status=400 if form.errors else 200)


def _shown(token: ApiToken) -> dict[str, Any]:
    labels = [Scope(scope).label for scope in token.scopes]
    return {"row": token, "labels": labels, "expired": token.expires_at <= timezone.now()}
