"""What a labeler accepts before any work is lent: versions of a text, and who accepted which."""

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts import journal
from accounts.models import Acceptance, Consent, Membership, Project, Role, User
from accounts.permissions import NotAllowed, require_role
from accounts.prepared import Given, Prepared


class ConsentOwed(Exception):
    """The person has not accepted the current version yet. Views show it and ask."""


class ConsentWithdrawn(NotAllowed):
    """The person withdrew, and what they send is not kept. Django answers 403, with a page that says so."""


class ConsentMoved(ValueError):
    """There is another version than the one on the person's screen; nothing was changed."""


def current_consent(project: Project) -> Consent | None:
    """Return the newest version, or None where the project asks nothing."""
    newest = project.consents.order_by("-version").first()
    return newest if newest and newest.text else None


def _newest_first() -> QuerySet[Consent, Consent]:
    accepted = Acceptance.objects.filter(user=Given("user"), consent=OuterRef("pk"), withdrawn_at=None)
    newest = Consent.objects.filter(project=Given("project")).order_by("-version")
    return newest.annotate(accepted=Exists(accepted))[:1]


def _acceptances() -> QuerySet[Acceptance, Acceptance]:
    mine = Acceptance.objects.filter(user=Given("user"), consent__project=Given("project")).select_related("consent")
    return mine.order_by(F("withdrawn_at").desc(nulls_first=True), "-consent__version")[:1]


_NEWEST, _ACCEPTED = Prepared(_newest_first), Prepared(_acceptances)


def consent_owed(*, user: User, project: Project) -> Consent | None:
    """Return what this person has to accept before work is lent: the newest version, or nothing."""
    newest: Any = _NEWEST.first(user=user.pk, project=project.pk)
    return newest if newest and newest.text and not newest.accepted else None


def consent_given(*, user: User, project: Project) -> Consent | None:
    """Return the newest version that this person accepted: what they judge is judged under it.

    Raises `ConsentWithdrawn` where they withdrew and have not accepted again: nothing more of theirs may be kept.
    """
    last = _ACCEPTED.first(user=user.pk, project=project.pk)
    if last and last.withdrawn_at and current_consent(project):
        raise ConsentWithdrawn(f"{user} has withdrawn the consent of {project.slug}")
    return last.consent if last and not last.withdrawn_at else None


def acceptances_of(user: User) -> list[Acceptance]:
    """Return what this person has accepted and not withdrawn, newest version of each project, in projects' order."""
    standing = Acceptance.objects.filter(user=user, withdrawn_at=None).select_related("consent__project")
    newest = {one.consent.project_id: one for one in standing.order_by("consent__version")}
    return sorted(newest.values(), key=lambda one: one.consent.project.name)


def publish_consent(*, by: User, project: Project, text: str, after: int) -> Consent:
    """Make `text` the next version, after the version `after` that its author saw (0: none). Empty: nothing is asked.

    Raises `ConsentMoved` if somebody published meanwhile, or if the text is the one that is there.
    """
    require_role(user=by, project=project, roles=[Role.OPERATOR])
    newest = project.consents.order_by("-version").first()
    if (newest.version if newest else 0) != after:
        raise ConsentMoved(_("Somebody else published a version meanwhile. Read it, then send yours again."))
    if text == (newest.text if newest else ""):
        raise ConsentMoved(_("This is the current text. Nothing was published."))
    try:
        with transaction.atomic():
            consent = Consent.objects.create(project=project, version=after + 1, text=text)
            journal.record(project=project, actor=by, verb="publish_consent", subject=consent, version=after + 1)
    except IntegrityError as error:
        raise ConsentMoved(_("Somebody else published a version meanwhile. Read it, then send yours again.")) from error
    return consent


def accept_consent(*, by: User, project: Project, version: int) -> Acceptance:
    """Keep that `by` accepted this version, which must be the current one. Twice is once. Raises `ConsentMoved`."""
    with transaction.atomic():
        require_role(user=by, project=project, roles=[Role.LABELER])
        consent = current_consent(project)
        if consent is None or consent.version != version:
            raise ConsentMoved(_("The text was changed. Read the new version."))
        acceptance, new = Acceptance.objects.get_or_create(user=by, consent=consent, withdrawn_at=None)
        if new:
            journal.record(project=project, actor=by, verb="accept_consent", subject=acceptance, version=version)
    return acceptance


def withdraw_consent(*, by: User, project: Project) -> int:
    """Take back every acceptance of this project's consent, at any time; return how many there were.

    What the person holds is given back by the verb of annotations that calls this one.
    """
    with transaction.atomic():
        require_role(user=by, project=project, roles=[Role.LABELER])
        # Lending waits here: nobody is lent work after their withdrawal was kept.
        list(Membership.objects.select_for_update(no_key=True).filter(user=by, project=project))
        versions = list(project.consents.values_list("pk", flat=True))
        standing = Acceptance.objects.filter(user=by, consent__in=versions, withdrawn_at=None)
        withdrawn = standing.update(withdrawn_at=Now())
        if withdrawn:
            journal.record(project=project, actor=by, verb="withdraw_consent", subject=project, acceptances=withdrawn)
    return withdrawn
