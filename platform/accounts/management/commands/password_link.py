"""`manage.py password_link`: a one-time link to choose a new password, for anybody."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from accounts.models import User
from accounts.password_links import make_link_here


class Command(BaseCommand):
    help = "Print the path of a one-time link to choose a new password. Put the site's address before it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username", metavar="USERNAME")
        parser.add_argument(
            "--forget-app", action="store_true", help="also take away a lost authenticator app and its recovery codes"
        )

    def handle(self, *args: Any, username: str, forget_app: bool, **options: Any) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"no person {username!r}")
        self.stdout.write(reverse("new_password", args=[make_link_here(user=user, forget_app=forget_app)]))
