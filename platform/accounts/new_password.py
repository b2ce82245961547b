"""The page behind a password link: choose a new password, then sign in with it."""

from django.contrib import messages
from django.contrib.auth.forms import SetPasswordForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.password_links import LinkGone, open_link, use_link


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new_password(request: HttpRequest, token: str) -> HttpResponse:
    """Nobody is signed in by the link alone: whoever uses an authenticator app is still asked for its code."""
    try:
        link = open_link(token)
        form = SetPasswordForm(link.user, request.POST or None)
        form.label_suffix = ""
        if request.method == "POST" and form.is_valid():
            use_link(token=token, password=form.cleaned_data["new_password1"])
            messages.success(request, _("The new password is set. Sign in with it."))
            return redirect("account_login")
    except LinkGone as error:
        raise Http404("This link was used or has expired.") from error
    # A weak password is answered 200: a refusal would write the address, and so a link that still works, into the log.
    return render(request, "accounts/new_password.html", {"form": form, "person": link.user})
