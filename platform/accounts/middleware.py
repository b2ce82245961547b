"""What holds for each request: the person's own language and time zone, and that a script sends for who wrote."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone, translation


def person_middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Show times in the person's zone and words in the person's language."""

    def respond(request: HttpRequest) -> HttpResponse:
        if not request.user.is_authenticated:
            return get_response(request)
        translation.activate(request.user.language)
        request.LANGUAGE_CODE = translation.get_language() or ""
        with timezone.override(ZoneInfo(request.user.time_zone)):
            return get_response(request)

    return respond


WRITER = "X-Written-By"


def writer_middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Answer a script plainly where a page would be sent to the door: 401 signed out, 403 signed in as somebody else.

    Scripts of the desk name in a header the person who wrote what they send; other requests carry none.
    """

    def respond(request: HttpRequest) -> HttpResponse:
        writer = request.headers.get(WRITER)
        if writer is None:
            return get_response(request)
        if not request.user.is_authenticated:
            return JsonResponse({"problem": "signed_out"}, status=401)
        if writer != str(request.user.pk):
            return JsonResponse({"problem": "somebody_else", "name": request.user.get_username()}, status=403)
        return get_response(request)

    return respond
