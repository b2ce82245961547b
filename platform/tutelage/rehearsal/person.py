"""One simulated person's browser: logs in, follows pages, sends forms, and tries again while the site is down."""

import time
from dataclasses import dataclass, field

import httpx

from tutelage.rehearsal.pages import Form, Page
from tutelage.rehearsal.plan import CannotRehearse

PATIENCE_SECONDS = 120.0
PAUSE_SECONDS = 0.5
REQUEST_SECONDS = 60.0


@dataclass
class Seen:
    """An answer of the site: where it lies, its status, and the page."""

    path: str
    status: int
    html: str

    @property
    def page(self) -> Page:
        return Page(self.html, self.path)

    @property
    def leads_on(self) -> bool:
        """Whether the site accepted what was sent: it redirects then, and shows a refused form again."""
        return 300 <= self.status < 400


@dataclass
class Person:
    """A member of the cast with a browser of their own."""

    name: str
    password: str
    site: str
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        headers = {"Referer": self.site}
        self.client = httpx.Client(base_url=self.site, timeout=REQUEST_SECONDS, headers=headers)

    def log_in(self) -> None:
        """Sign in by the page. Raises CannotRehearse if the site does not let this person in."""
        form = self.get("/account/login/").page.form("/account/login/")
        seen = self.send(form, login=self.name, password=self.password)
        if not seen.leads_on:
            raise CannotRehearse(f"{self.name} could not sign in ({seen.status}): {seen.page.complaint()}")

    def get(self, path: str) -> Seen:
        """The page at `path`, after all redirects."""
        return self._ask("GET", path, {})

    def send(self, form: Form, **changed: str) -> Seen:
        """Send a form as a browser would, with some of its fields changed; do not go where that leads.

        It is sent again after a lost connection: its submission key makes the second copy harmless.
        """
        return self._ask("POST", form.action, {**form.fields, **changed})

    def close(self) -> None:
        self.client.close()

    def _ask(self, method: str, path: str, fields: dict[str, str]) -> Seen:
        limit = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                answer = self.client.request(method, path, data=fields or None, follow_redirects=method == "GET")
            except httpx.TransportError as error:
                reason = f"{type(error).__name__}: {error}"
            else:
                if answer.status_code == 500:
                    raise CannotRehearse(f"{method} {path} by {self.name} failed with 500: see the web's log.")
                if answer.status_code not in (429, 502, 503):
                    return Seen(answer.url.path, answer.status_code, answer.text)
                reason = f"answer {answer.status_code}"
            if time.monotonic() > limit:
                raise CannotRehearse(f"{method} {path} by {self.name}: {reason}, for {PATIENCE_SECONDS:.0f} s.")
            time.sleep(PAUSE_SECONDS)
