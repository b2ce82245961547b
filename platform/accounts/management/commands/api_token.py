"""`manage.py api_token`: a token of the API for anybody, from the command line."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import api_tokens
from accounts.models import Scope, User


class Command(BaseCommand):
    help = "Print the secret of a new token of the API. It is stored nowhere and not shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username", metavar="USER")
        parser.add_argument("--name", required=True, help="what its owner knows it by")
        parser.add_argument("--scopes", nargs="+", choices=Scope.values, required=True, help="what it is for")
        parser.add_argument(
            "--days", type=int, required=True, help=f"how long it lasts, at most {api_tokens.MOST_DAYS}"
        )

    def handle(self, *args: Any, username: str, name: str, scopes: list[str], days: int, **options: Any) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"no person {username!r}")
        try:
            _token, secret = api_tokens.issue(by=user, name=name, scopes=scopes, days=days)
        except api_tokens.TokenRefused as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(secret)
