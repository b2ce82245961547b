"""What a labeler accepts before any work is lent: versions of a text, and who accepted which."""

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from accounts import journal
from accounts.models import Acceptance, Consent, Project, Role, User
from accounts.permissions import require_role


class ConsentOwed(Exception):
    """The person has not accepted the current version yet. Views show it and ask."""


class ConsentMoved(ValueError):
    """There is another version than the one on the person's screen; nothing was changed."""


def current_consent(project: Project) -> Consent | None:
    """Return the newest version, or None where the project asks nothing."""
    newest = project.consents.order_by("-version").first()
    return newest if newest and newest.text else None


def consent_owed(*, user: User, project: Project) -> Consent | None:
    """Return what this person has to accept before work is lent: the newest version, or nothing."""
    accepted = Acceptance.objects.filter(user=user, consent=OuterRef("pk"))
    newest = project.consents.annotate(accepted=Exists(accepted)).order_by("-version").first()
    return newest if newest and newest.text and not newest.accepted else None


def consent_given(*, user: User, project: Project) -> Consent | None:
    """Return the newest version that this person accepted: what they judge is judged under it."""
    return Consent.objects.filter(project=project, acceptances__user=user).order_by("-version").first()


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
        acceptance, new = Acceptance.objects.get_or_create(user=by, consent=consent)
        if new:
            journal.record(project=project, actor=by, verb="accept_consent", subject=acceptance, version=version)
    return acceptance
