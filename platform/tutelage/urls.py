"""Every address of the site, by the app that answers it."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views.i18n import JavaScriptCatalog


def healthz(_request: HttpRequest) -> HttpResponse:
    """Whether this process answers; nothing about the rest, to nobody."""
    return HttpResponse("ok\n", content_type="text/plain")


handler403 = "accounts.views.refused"
urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("account/", include("allauth.account.urls")),
    path("account/2fa/", include("allauth.mfa.urls")),
    path("jsi18n/", JavaScriptCatalog.as_view(packages=["tutelage", "annotations", "rounds"]), name="jsi18n"),
    path("", include("accounts.urls")),
    path("", include("annotations.urls")),
    path("", include("rounds.urls")),
    path("", include("exchange.urls")),
]
