"""Projects and their members, as the command line makes them. Nobody gets a password that anybody else knows."""

import secrets
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import journal
from accounts.models import Guideline, Membership, Project, Role, User


class MemberRefused(ValueError):
    """The project or membership cannot be made; the text says why, and nothing was changed."""


def add_project(*, by: User | None, project: Project, guideline: str = "") -> Project:
    """Save a new project and the first version of its guidelines. Raises `MemberRefused`."""
    if project.time_zone not in available_timezones():
        raise MemberRefused(f"there is no time zone {project.time_zone!r}")
    try:
        project.full_clean()
    except ValidationError as error:
        raise MemberRefused("; ".join(error.messages)) from error
    with transaction.atomic():
        project.save(force_insert=True)
        if guideline.strip():
            Guideline.objects.create(project=project, version=1, text=guideline)
        journal.record(project=project, actor=by, verb="add_project", subject=project)
    return project


def add_person(*, by: User | None, project: Project, username: str, role: Role) -> str | None:
    """Make `username` a member, and return the password of a new person: it is stored nowhere and shown once.

    Returns None for a person who is there already and keeps their password. Raises `MemberRefused`.
    """
    with transaction.atomic():
        person = User.objects.filter(username=username).first()
        password = None
        if person is None:
            person, password = _new_person(username)
        membership, new = Membership.objects.get_or_create(user=person, project=project, defaults={"role": role})
        if not new:
            raise MemberRefused(f"{username} is in {project.slug} already, as {membership.role}")
        journal.record(project=project, actor=by, verb="add_person", subject=membership, role=role)
    return password


def _new_person(username: str) -> tuple[User, str]:
    password = secrets.token_urlsafe(15)
    person = User(username=username)
    person.set_password(password)
    try:
        person.full_clean()
    except ValidationError as error:
        raise MemberRefused("; ".join(error.messages)) from error
    person.save()
    return person, password
