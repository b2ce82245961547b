"""`manage.py down`: end what `manage.py up` started, from another terminal or after it was cut off."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from tutelage import running


class Command(BaseCommand):
    help = "End every process of this instance in order; a training stage saves its checkpoint first."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        ended = running.end(settings.DATA)
        self.stdout.write(f"Ended: {', '.join(ended)}." if ended else "Nothing is running.")
