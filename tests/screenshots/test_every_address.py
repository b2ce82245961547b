"""No page is forgotten: every address of the site is looked at, or stands among those that are no pages."""

import uuid
from collections import defaultdict
from collections.abc import Iterator

from django.urls import URLPattern, URLResolver, get_resolver, resolve

from tests.screenshots.no_pages import NO_PAGES
from tests.screenshots.pages import PAGES, Page


def names(resolver: URLResolver) -> Iterator[str]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            # What answers programs is gone through by tests/exchange/api/test_schema.py.
            yield from names(entry) if entry.namespace != "api" else ()
        elif isinstance(entry, URLPattern) and entry.name:
            yield entry.name


def address_name(page: Page) -> str:
    some_row = defaultdict(lambda: str(uuid.UUID(int=1)))
    return resolve(page.path.partition("?")[0].format_map(some_row)).url_name or ""


def looked_at() -> set[str]:
    return {address_name(page) for page in PAGES if page.status != 404}


def test_every_address_is_looked_at_or_is_no_page() -> None:
    missing = set(names(get_resolver())) - looked_at() - set(NO_PAGES)
    assert missing == set(), "add a line to tests/screenshots/pages.py, or to no_pages.py"


def test_nothing_is_named_that_is_gone_or_looked_at_after_all() -> None:
    assert set(NO_PAGES) <= set(names(get_resolver()))
    assert not set(NO_PAGES) & looked_at()


def test_no_two_pages_share_a_name() -> None:
    assert len({page.name for page in PAGES}) == len(PAGES)
