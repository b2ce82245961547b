"""Whose request it is: what Django asks for each, as queries that are put into SQL once."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.db.models import DateTimeField
from django.utils import timezone

from accounts.models import User
from accounts.prepared import Given, Prepared

_SESSION = Prepared(
    lambda: Session.objects.filter(session_key=Given("key"), expire_date__gt=Given("now", DateTimeField()))
)
_PERSON = Prepared(lambda: User.objects.filter(pk=Given("pk")))


class SessionStore(db.SessionStore):
    """Django's sessions in the database."""

    def _get_session_from_db(self) -> Session | None:
        found = _SESSION.first(key=self.session_key, now=timezone.now())
        if found is None:
            self._session_key = None
        return found


class Accounts(ModelBackend):
    """Django's own accounts."""

    def get_user(self, user_id: Any) -> User | None:
        person = _PERSON.first(pk=user_id)
        return person if person and self.user_can_authenticate(person) else None
