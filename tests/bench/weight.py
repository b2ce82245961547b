"""How much of the wire one page takes in a browser that has never been here, and in one that has."""

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser, BrowserContext

from tests.browser.chromium import launched


@dataclass
class Weight:
    """Bytes as they came, heads of answers too, and in how many answers. What the browser had kept is none."""

    bytes: int = 0
    requests: int = 0

    def asked(self, event: dict[str, Any]) -> None:
        if led_here := event.get("redirectResponse"):
            self.came(led_here)

    def came(self, event: dict[str, Any]) -> None:
        if length := int(event["encodedDataLength"]):
            self.bytes += length
            self.requests += 1


def weigh(url: str, session: str) -> tuple[Weight, Weight]:
    """The ranking page of whom this session belongs to: cold, and the second time."""
    with launched() as browser:
        return weigh_in(browser, url, session, "/p/bench/rank/")


def weigh_in(browser: Browser, url: str, session: str, path: str) -> tuple[Weight, Weight]:
    context = browser.new_context(locale="en-US")
    context.add_cookies([{"name": "sessionid", "value": session, "url": url}])
    cold, warm = _load(context, url + path), _load(context, url + path)
    context.close()
    return cold, warm


def _load(context: BrowserContext, address: str) -> Weight:
    weight, tab = Weight(), context.new_page()
    wire = context.new_cdp_session(tab)
    wire.send("Network.enable")
    wire.on("Network.requestWillBeSent", weight.asked)
    wire.on("Network.loadingFinished", weight.came)
    tab.goto(address, wait_until="networkidle")
    tab.close()
    return weight
