"""Every page is answered as the list says, over rows in every state: its queries hold on either kind of database."""

import pytest
from django.conf import LazySettings
from django.test import Client

from tests.screenshots.pages import PAGES
from tests.screenshots.seed import seed

# What a page does after it was opened, a browser does.
OPENED = [page for page in PAGES if not page.does]


@pytest.mark.django_db
def test_every_page_is_answered(valkey: str, settings: LazySettings, tmp_path_factory: pytest.TempPathFactory) -> None:
    settings.STORE = tmp_path_factory.mktemp("store")
    places = seed() | {"cookie-": ""}
    answered = {}
    for page in OPENED:
        browser = Client(raise_request_exception=False, SERVER_NAME="127.0.0.1")
        browser.cookies["sessionid"] = places["half_in" if page.who == "half in" else f"cookie-{page.who}"]
        answered[page.name] = browser.get(page.path.format_map(places), follow=True).status_code
    assert answered == {page.name: page.status for page in OPENED}
