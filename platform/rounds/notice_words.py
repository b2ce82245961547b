"""What a notice says, on the page and by mail, in the language of who reads it."""

from collections.abc import Iterator
from contextlib import contextmanager
from zoneinfo import ZoneInfo

from django.urls import reverse
from django.utils import formats, timezone, translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from rounds.models import Notice

HEADLINES: dict[str, Promise] = {
    "waits": gettext_lazy("Round %(number)s waits for a review"),
    "stopped": gettext_lazy("Round %(number)s stopped"),
    "done": gettext_lazy("Round %(number)s is done"),
    "rejected": gettext_lazy("Round %(number)s was rejected"),
    "cancelled": gettext_lazy("Round %(number)s was cancelled"),
    "rolled_back": gettext_lazy("%(policy)s was taken back"),
    "withdrawn": gettext_lazy("The canary %(policy)s was withdrawn"),
    "kept": gettext_lazy("Sampling from %(policy)s stopped"),
}
WHAT_FOLLOWS: dict[str, Promise] = {
    "waits": gettext_lazy("Its candidate is evaluated. Approve it or reject it."),
    "stopped": gettext_lazy("It goes on when somebody tries again, or ends when somebody cancels it."),
    "done": gettext_lazy("Its policy writes completions now, all of them or its share."),
    "rejected": gettext_lazy("The policy of before goes on writing."),
    "cancelled": gettext_lazy("What people said stays, and goes into the next round."),
    "rolled_back": gettext_lazy("The policy before it writes again. What it wrote is lent to nobody."),
    "withdrawn": gettext_lazy("The current policy writes everything again. What it wrote is lent to nobody."),
}


@contextmanager
def of(person: User) -> Iterator[None]:
    """In the language and the time zone of this person."""
    with translation.override(person.language), timezone.override(ZoneInfo(person.time_zone)):
        yield


def headline(notice: Notice) -> str:
    """One line without the project's name."""
    words = str(HEADLINES.get(notice.kind, notice.kind))
    number = notice.round.number if notice.round else "?"
    return words % {"number": number, "policy": notice.facts.get("policy", "?")}


def detail(notice: Notice) -> str:
    """What the machine said, where it did, else what follows."""
    return str(notice.facts.get("message") or WHAT_FOLLOWS.get(notice.kind, ""))


def path(notice: Notice) -> str:
    """Where the person sees it, and can act."""
    slug = notice.project.slug
    if notice.round is None:
        return reverse("rounds", args=[slug])
    return reverse("review" if notice.kind == "waits" else "round", args=[slug, notice.round.number])


def mail(notice: Notice, *, site: str) -> tuple[str, str]:
    """Subject and plain text."""
    project = " ".join(notice.project.name.split())
    at = formats.date_format(timezone.localtime(notice.created_at), _("j M, H:i"))
    said = [detail(notice)]
    if notice.kind == "stopped":
        said.append(str(WHAT_FOLLOWS["stopped"]))
    why = _("You are told because you operate or review %(project)s. To get no more mail, empty the address here:")
    parts = [
        f"{headline(notice)} ({project}, {at}).",
        *said,
        site + path(notice),
        "-- \n" + why % {"project": project} + "\n" + site + reverse("settings"),
    ]
    return " ".join(f"{project}: {headline(notice)}".split()), "\n\n".join(parts) + "\n"
