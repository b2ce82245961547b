"""The wiring: settings, URLs, ASGI, the Celery app. Bound here so that `shared_task` finds the app."""

from tutelage.celery import app as celery_app

__all__ = ["celery_app"]
