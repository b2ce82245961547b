"""The picture that an authenticator app scans: an image of its own, so that the pages need no inline data."""

from allauth.account.internal.flows.reauthentication import did_recently_reauthenticate
from allauth.mfa.adapter import get_adapter
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe


@login_required
@never_cache
@require_safe
def qr_code(request: HttpRequest) -> HttpResponse:
    """The secret of the activation that is under way, as SVG. Before and after there is nothing here."""
    secret = request.session.get(SECRET_SESSION_KEY)
    if not secret or not did_recently_reauthenticate(request):
        raise Http404
    adapter = get_adapter()
    picture = adapter.build_totp_svg(adapter.build_totp_url(request.user, secret))
    return HttpResponse(picture, content_type="image/svg+xml")
