"""Every address of the site, by the app that answers it."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path, re_path
from django.views.decorators.http import require_safe
from django.views.i18n import JavaScriptCatalog

from exchange.api.root import no_such_address
from tutelage.assets import PACKAGES


def healthz(_request: HttpRequest) -> HttpResponse:
    """Whether this process answers; nothing about the rest, to nobody."""
    return HttpResponse("ok\n", content_type="text/plain")


handler403 = "accounts.views.refused"


@require_safe
def ask_an_operator(request: HttpRequest) -> HttpResponse:
    """Who forgot the password: only an operator can help, since no page sends mail."""
    return render(request, "account/password_reset.html")


def no_mail(_request: HttpRequest) -> HttpResponse:
    """allauth's pages that would send mail are not there."""
    raise Http404("no page sends mail")


urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("account/password/reset/", ask_an_operator, name="account_reset_password"),
    re_path(r"^account/(?:email|confirm-email|password/reset)/", no_mail),
    path("account/", include("allauth.account.urls")),
    path("account/2fa/", include("allauth.mfa.urls")),
    path("jsi18n/", JavaScriptCatalog.as_view(packages=PACKAGES), name="jsi18n"),
    path("api/v1/", include("exchange.api.urls")),
    re_path(r"^api/", no_such_address),
    path("", include("accounts.urls")),
    path("", include("annotations.urls")),
    path("", include("rounds.urls")),
    path("", include("exchange.urls")),
]
