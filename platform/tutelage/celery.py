"""The Celery app: short, idempotent work whose loss costs seconds, because rows are the truth."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tutelage.settings")

app = Celery("tutelage")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
