"""`manage.py forget_user`: erase what names a person, and on request what they wrote."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from exchange.services.forgetting import ForgetRefused, Forgotten, forget


class Command(BaseCommand):
    help = "Forget a person for good. Their rankings stay under a pseudonym that leads nowhere."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--words", action="store_true", help="what they wrote as well, in rows and in data sets")
        parser.add_argument("--yes", action="store_true", help="do not ask for the name again")
        parser.add_argument("--json", action="store_true", help="print what was done as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        username = options["username"]
        if not options["yes"] and input(f"This cannot be undone. Type {username} to go on: ") != username:
            raise CommandError("Nothing was changed.")
        try:
            found = forget(username=username, words=options["words"])
        except User.DoesNotExist as error:
            raise CommandError(f"There is nobody named {username!r}.") from error
        except ForgetRefused as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(json.dumps(asdict(found), ensure_ascii=False, indent=1) if options["json"] else _told(found))


def _told(found: Forgotten) -> str:
    lines = [
        f"{found.rankings} rankings stay without a name; {found.demonstrations} demonstrations were theirs.",
        f"Data sets reduced to their manifests: {', '.join(found.datasets) or 'none'}",
        f"Exports deleted: {', '.join(found.exports) or 'none'}",
        f"Look for {found.pseudonym} in what was exported and taken elsewhere.",
    ]
    for each in found.learned_from:
        made = f"made {each['policy']}" if each["policy"] else "made no policy"
        lines.append(f"Round {each['round']} of {each['project']} learned from them and {made}.")
    return "\n".join(lines)
