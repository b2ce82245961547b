"""`manage.py demo`: the demo project, once; prints the token of the first operator's link until it was used."""

import subprocess
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.invitations import invite
from accounts.models import Membership, Role
from annotations.models import Policy
from rounds.services.deployments import install_policy
from tutelage.demo import project

BASE = settings.STORE / "policies" / "smollm2"


class Command(BaseCommand):
    help = "Make the demo project with SmolLM2 as its base policy. Again and again without harm."

    def handle(self, *args: Any, **options: Any) -> None:
        demo = project()
        if not Policy.objects.filter(project=demo).exists():
            _convert()
            install_policy(project=demo, path=BASE, name="base")
        if not Membership.objects.filter(project=demo, role=Role.OPERATOR).exists():
            self.stdout.write(invite(by=None, project=demo, role=Role.OPERATOR))


def _convert() -> None:
    if BASE.is_dir():
        return
    words = [sys.executable, "-m", "trainer", "convert", "--packaged", "smollm2", "--out", str(BASE)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 (a command line of our own)
    if done.returncode != 0:
        raise CommandError(f"The base policy could not be converted: {done.stderr.strip()[-400:]}")
