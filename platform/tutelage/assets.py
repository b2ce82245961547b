"""The static files as they are served: put together, named by their content, compressed, kept by browsers for good."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import find
from django.core.files.base import ContentFile
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.views.i18n import JavaScriptCatalog
from whitenoise.storage import CompressedManifestStaticFilesStorage

from tutelage.modules import bundle, joined

OURS = ("tutelage/", "accounts/", "annotations/", "rounds/", "exchange/")
PACKAGES = ["tutelage", "annotations", "rounds"]
Paths = dict[str, tuple[Any, str]]


def words_of(language: str) -> str:
    """The scripts' words in one language, as a script."""
    with translation.override(language):
        answer = JavaScriptCatalog.as_view(packages=PACKAGES)(_request())
    assert isinstance(answer, HttpResponse), "the view renders a template at once"
    return answer.content.decode()


def words_name(language: str) -> str:
    return f"tutelage/words-{language}.js"


class CollectedFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """What `collectstatic` makes. Where nothing was collected, as in tests, files are served as they lie."""

    @property
    def is_collected(self) -> bool:
        return bool(self.hashed_files)

    @cached_property
    def _urls(self) -> dict[str, str]:
        return {}

    def url(self, name: str | None, force: bool = False) -> str:
        # A page names a dozen files, whose addresses stay until they are collected again.
        if name not in self._urls:
            found: str = super().url(name, force)
            if not self.is_collected:
                return found
            self._urls[name or ""] = found
        return self._urls[name or ""]

    def stored_name(self, name: str) -> str:
        stored: str = super().stored_name(name) if self.is_collected else name
        return stored

    def post_process(self, paths: Paths, dry_run: bool = False, **options: Any) -> Iterator[Any]:
        self._urls.clear()
        made = {} if dry_run else {name: self._put(name, text) for name, text in _made(paths)}
        yield from super().post_process(paths | made, dry_run=dry_run, **options)

    def _put(self, name: str, text: str) -> tuple[Any, str]:
        self.delete(name)
        self.save(name, ContentFile(text.encode()))
        return self, name


def _made(paths: Paths) -> Iterator[tuple[str, str]]:
    for language, _name in settings.LANGUAGES:
        yield words_name(language), words_of(language)
    for name in paths:
        if name.startswith(OURS) and name.endswith(".js"):
            yield name, bundle(name, _source)
        elif name.startswith(OURS) and name.endswith(".css"):
            yield name, joined(name, _source)


def _source(name: str) -> str:
    found = find(name)
    assert isinstance(found, str), f"there is no static file {name}"
    return Path(found).read_text(encoding="utf-8")


def _request() -> HttpRequest:
    request = HttpRequest()
    request.method = "GET"
    return request
