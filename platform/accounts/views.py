"""A person's own settings, the language of people who are not signed in yet, and who is signed in."""

from django.conf import settings as site
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.csrf import csrf_failure
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.consents import ConsentWithdrawn, acceptances_of
from accounts.forms import SettingsForm
from accounts.middleware import WRITER
from accounts.permissions import Deactivated


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest) -> HttpResponse:
    assert request.user.is_authenticated
    form = SettingsForm(request.POST or None, instance=request.user, label_suffix="")
    if request.method == "POST" and form.is_valid():
        # Those columns alone: the row in hand may be older than a password link that was just used.
        form.save(commit=False).save(update_fields=list(form.fields))
        translation.activate(request.user.language)
        messages.success(request, _("Settings saved"))
        return redirect("settings")
    shown = {"form": form, "acceptances": acceptances_of(request.user)}
    return render(request, "accounts/settings.html", shown, status=400 if form.errors else 200)


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Keep the language in a cookie, and in the person's row: now, or when they have signed in."""
    response = redirect(safe_next(request))
    chosen = request.POST.get("language", "")
    if chosen not in dict(site.LANGUAGES):
        return response
    if request.user.is_authenticated:
        request.user.language = chosen
        request.user.save(update_fields=["language"])
    else:
        request.session["language"] = chosen
    response.set_cookie(site.LANGUAGE_COOKIE_NAME, chosen, max_age=365 * 24 * 3600, samesite="Lax", httponly=True)
    return response


@login_required
@never_cache
@require_safe
def here(request: HttpRequest) -> HttpResponse:
    """Who is signed in, and the token that their forms need: what a page asks after a log-in inside it."""
    assert request.user.is_authenticated
    found = {"person": str(request.user.pk), "name": request.user.get_username(), "csrf": get_token(request)}
    return JsonResponse(found)


def out_of_date(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form's old token. A script of the same person gets the new one and sends again."""
    if WRITER in request.headers:
        return JsonResponse({"problem": "out_of_date", "csrf": get_token(request)}, status=403)
    return csrf_failure(request, reason)


def refused(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403: in other words for who was a member until an operator ended it, and for who withdrew their consent."""
    pages = {Deactivated: "accounts/deactivated.html", ConsentWithdrawn: "accounts/withdrawn.html"}
    page = next((page for kind, page in pages.items() if isinstance(exception, kind)), "403.html")
    return render(request, page, status=403)


def safe_next(request: HttpRequest) -> str:
    """Where the form asks to go on, if that is a page of this site; home otherwise."""
    url = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure())
    return url if safe else "/"
