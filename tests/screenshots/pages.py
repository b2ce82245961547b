"""The list of pages: one line each. A new page is a new line here; what is no page stands in `no_pages.py`."""

from collections.abc import Callable
from dataclasses import dataclass, field

from playwright.sync_api import Page as Tab

Act = Callable[[Tab], None]


def press(*keys: str) -> Act:
    """Press keys, one after the other."""

    def act(tab: Tab) -> None:
        for key in keys:
            tab.keyboard.press(key)

    return act


def click(*selectors: str) -> Act:
    def act(tab: Tab) -> None:
        for selector in selectors:
            tab.locator(selector).first.click()

    return act


def send(button: str, **fields: str) -> Act:
    """Fill fields by name and send their form by its button, an answer of whatever status."""

    def act(tab: Tab) -> None:
        for name, text in fields.items():
            tab.locator(f"[name={name}]").first.fill(text)
        with tab.expect_navigation():
            tab.locator(button).first.click()

    return act


def sign_in(name: str, password: str) -> Act:
    return send("form:has([name=login]) button.btn-main", login=name, password=password)


def _type(letters: str) -> Act:
    def act(tab: Tab) -> None:
        tab.keyboard.type(letters)

    return act


def _forged(tab: Tab) -> None:
    """Send the sign-in form without the cookie that its token belongs to."""
    tab.context.clear_cookies(name="csrftoken")
    sign_in("alice", "wrong")(tab)


def _tried_too_often(tab: Tab) -> None:
    for _ in range(6):
        sign_in("nobody", "wrong")(tab)


_SEND = """([order, key]) => {
  id_order.value = order;
  if (key) desk.elements.key.value = key;
  HTMLFormElement.prototype.submit.call(desk);
}"""


def _sent(order: str, key: str = "") -> Act:
    """Send an order past the script, which would not let it go."""

    def act(tab: Tab) -> None:
        with tab.expect_navigation():
            tab.evaluate(_SEND, [order, key])

    return act


def _used_key(tab: Tab) -> None:
    """Send another order under the key of one that was kept."""
    here, key = tab.url, "00000000-0000-4000-8000-000000000001"
    _sent("abcd", key)(tab)
    tab.goto(here)
    _sent("dcba", key)(tab)


def _limit_of_99(tab: Tab) -> None:
    """Send a limit past the browser, which would not let it go."""
    tab.evaluate("document.querySelectorAll('form').forEach(form => { form.noValidate = true; })")
    send(".part-foot .btn-main", limit_reward_accuracy="99")(tab)


@dataclass(frozen=True)
class Page:
    """One page as one person sees it. `path` may name what the seed has written down: /rank/{ranked}/."""

    name: str
    # Whose session; "" is signed out, "half in" has given the password and not yet the code.
    who: str
    path: str
    does: Act | None = field(default=None, repr=False)
    status: int = 200
    # Leaves the site in a state that other tests would meet: only pictures are taken of it.
    disturbs: bool = False


DESK = [
    Page("home", "alice", "/"),
    Page("home-new", "nora", "/"),
    Page("home-ended", "dora", "/"),
    Page("home-nobody", "mallory", "/"),
    Page("rank-4", "alice", "/p/turtles/rank/"),
    Page("rank-4-half", "alice", "/p/turtles/rank/", press("b", "6", "a", "=", "|")),
    Page("rank-4-skip", "alice", "/p/turtles/rank/", press("s")),
    Page("rank-4-keys", "alice", "/p/turtles/rank/", press("?")),
    Page("rank-4-guidelines", "alice", "/p/turtles/rank/", press("o")),
    Page("rank-4-refused", "alice", "/p/turtles/rank/", _sent("ab"), 400),
    Page("rank-revised", "alice", "/rank/{ranked}/"),
    Page("rank-warning", "alice", "/rank/{upsetting}/"),
    Page("rank-2", "alice", "/p/pairs/rank/"),
    Page("rank-6", "alice", "/p/six/rank/"),
    Page("rank-6-half", "alice", "/p/six/rank/", _type("b=da")),
    Page("skip", "alice", "/skip/{held}/"),
    Page("empty-rank", "alice", "/p/quiet/rank/"),
    Page("empty-demonstrate", "alice", "/p/quiet/demonstrate/"),
    Page("demonstrate", "alice", "/p/turtles/demonstrate/"),
    Page("demonstrate-revised", "alice", "/demonstrate/{written}/"),
    Page("pause", "alice", "/p/turtles/pause/"),
    Page("my-work", "alice", "/p/turtles/my-work/"),
    Page("my-work-nothing", "nora", "/p/turtles/my-work/"),
    Page("guidelines", "alice", "/p/turtles/guidelines/"),
    Page("practice", "alice", "/p/school/practice/"),
    Page("practice-exercise", "alice", "/p/school/practice/{practice}/"),
    Page("practice-explained", "alice", "/p/school/practice/{practice}/", _sent("a b c")),
    Page("qualification", "alice", "/p/school/qualification/"),
    Page("qualification-exercise", "alice", "/p/school/qualification/{qualification}/"),
    Page("consent", "alice", "/p/terms/consent/"),
    Page("consent-accepted", "alice", "/p/turtles/consent/"),
]
FRONT_DOOR = [
    Page("signin", "", "/account/login/"),
    Page("signin-refused", "", "/account/login/", sign_in("x", "y")),
    Page("signin-locked", "", "/account/login/", _tried_too_often, disturbs=True),
    Page("signin-code", "half in", "/account/2fa/authenticate/"),
    Page("signup-closed", "", "/account/signup/"),
    Page("forgotten", "", "/account/password/reset/"),
    Page("join", "", "/join/{invitation}/"),
    Page("join-as", "mallory", "/join/{invitation}/"),
    Page("new-password", "", "/new-password/{password_link}/"),
    Page("settings", "alice", "/settings/"),
    Page("tokens", "olga", "/settings/tokens/"),
    Page("tokens-none", "alice", "/settings/tokens/"),
    Page("tokens-made", "rita", "/settings/tokens/", send(".token-new .btn-main", name="Nightly import")),
    Page("tokens-refused", "alice", "/settings/tokens/", send(".token-new .btn-main", name=" "), 400),
    Page("tokens-withdraw", "olga", "/settings/tokens/", click(".token summary")),
    Page("api", "olga", "/api/v1/docs"),
    Page("api-operation", "olga", "/api/v1/docs", click(".operation:has(#create_prompts) summary")),
    Page("sign-out", "alice", "/account/logout/"),
    Page("password", "alice", "/account/password/change/"),
    Page("again", "alice", "/account/reauthenticate/"),
    Page("codes", "alice", "/account/2fa/"),
    Page("codes-connected", "tess", "/account/2fa/"),
    Page("codes-connect", "alice", "/account/2fa/totp/activate/"),
    Page("codes-disconnect", "tess", "/account/2fa/totp/deactivate/"),
    Page("codes-recovery", "tess", "/account/2fa/recovery-codes/"),
    Page("codes-recovery-new", "tess", "/account/2fa/recovery-codes/generate/"),
    Page("code-again", "tess", "/account/2fa/reauthenticate/"),
]
OPERATING = [
    Page("rounds", "olga", "/p/turtles/rounds/"),
    Page("rounds-reviewer", "rita", "/p/turtles/rounds/"),
    Page("rounds-failed-order", "olga", "/p/shells/rounds/"),
    Page("rounds-empty", "olga", "/p/quiet/rounds/"),
    Page("rounds-canary", "olga", "/p/tides/rounds/"),
    Page("round-done", "olga", "/p/turtles/rounds/1/"),
    Page("round-rejected", "olga", "/p/turtles/rounds/2/"),
    Page("round-running", "olga", "/p/turtles/rounds/3/"),
    Page("round-running-curves", "olga", "/p/turtles/rounds/3/", click("#more-curves summary")),
    Page("round-running-reviewer", "rita", "/p/turtles/rounds/3/", click("#samples-earlier")),
    Page("round-paused", "olga", "/p/waves/rounds/1/"),
    Page("round-figures", "olga", "/p/turtles/rounds/3/curves/ppo/table/"),
    Page("round-stopped", "olga", "/p/six/rounds/1/"),
    Page("round-failed", "olga", "/p/shells/rounds/1/"),
    Page("round-reviewed", "rita", "/p/pairs/rounds/1/"),
    Page("review", "rita", "/p/pairs/rounds/1/review/"),
    Page("review-decided", "rita", "/p/turtles/rounds/2/review/"),
    Page("review-too-soon", "rita", "/p/turtles/rounds/3/review/"),
    Page("review-refusals", "rita", "/p/pairs/rounds/1/safety/"),
    Page("review-refusals-none", "rita", "/p/turtles/rounds/2/safety/"),
    Page("review-reward", "rita", "/p/pairs/rounds/1/review/reward/"),
    Page("vote", "rita", "/p/pairs/rounds/1/review/vote/"),
    Page("vote-again", "olga", "/p/pairs/rounds/1/review/vote/", click("a.btn:not(.btn-main)")),
    Page("vote-done", "olga", "/p/pairs/rounds/1/review/vote/"),
    Page("vote-over", "rita", "/p/turtles/rounds/2/review/vote/"),
    Page("schedule", "olga", "/p/turtles/rounds/schedule/"),
    Page("gates", "olga", "/p/pairs/gates/"),
    Page("gates-empty", "olga", "/p/quiet/gates/"),
    Page("gates-refused", "olga", "/p/quiet/gates/", _limit_of_99, 400),
    Page("schedule-line", "olga", "/p/pairs/rounds/schedule/"),
    Page("round-before", "olga", "/p/turtles/rounds/before/"),
    Page("disk", "olga", "/p/turtles/rounds/disk/"),
    Page("journal", "olga", "/p/turtles/journal/"),
    Page("journal-everything", "olga", "/p/turtles/journal/?kind=all"),
    Page("journal-nothing", "olga", "/p/turtles/journal/?since=2000-01-01&until=2000-01-02"),
    Page("notices", "olga", "/notices/"),
    Page("notices-reviewer", "rita", "/notices/"),
    Page("policies", "olga", "/p/turtles/policies/"),
    Page("policies-reviewer", "rita", "/p/pairs/policies/"),
    Page("policies-empty", "olga", "/p/quiet/policies/"),
    Page("policy", "olga", "/p/turtles/policies/{policy_done}/"),
    Page("policy-base", "rita", "/p/turtles/policies/{policy_base}/"),
    Page("policy-card", "rita", "/p/turtles/policies/{policy_done}/card/"),
    Page("policies-compared", "rita", "/p/pairs/policies/compare/?a={policy_old}&b={policy_new}"),
    Page("policies-choose", "rita", "/p/turtles/policies/compare/"),
    Page("answers", "rita", "/p/turtles/answers/"),
    Page("skips", "rita", "/p/turtles/answers/skips/"),
    Page("exercises", "olga", "/p/school/exercises/"),
    Page("exercises-empty", "olga", "/p/turtles/exercises/"),
    Page("exercise", "olga", "/p/school/exercises/{practice}/"),
    Page("qualification-results", "olga", "/p/school/exercises/people/"),
    Page("prompts", "olga", "/p/turtles/prompts/"),
    Page("prompts-empty", "olga", "/p/quiet/prompts/"),
    Page("people", "olga", "/p/turtles/people/"),
    Page("people-member", "olga", "/p/turtles/people/", click("details.member summary")),
    Page("people-consent", "olga", "/p/turtles/people/consent/"),
    Page("exports", "erik", "/p/turtles/exports/"),
    Page("exports-empty", "olga", "/p/quiet/exports/"),
    Page("exports-options", "olga", "/p/turtles/exports/", click("details.wanted summary")),
    Page("imports", "olga", "/p/turtles/imports/"),
    Page("imports-empty", "olga", "/p/quiet/imports/"),
    Page("import-read", "olga", "/p/turtles/imports/{import_read}/"),
    Page("import-done", "olga", "/p/turtles/imports/{import_done}/"),
    Page("import-stopped", "olga", "/p/turtles/imports/{import_stopped}/"),
    Page("project", "olga", "/p/turtles/settings/"),
    Page("project-new", "olga", "/projects/new/"),
]
REFUSALS = [
    Page("403", "alice", "/p/turtles/people/", status=403),
    Page("403-ended", "dora", "/rank/{dora}/", status=403),
    Page("404", "alice", "/nowhere/", status=404),
    Page("409", "alice", "/rank/{ranked}/", _used_key, 409),
    Page("500", "alice", "/rank/{broken}/", status=500),
    Page("form-out-of-date", "", "/account/login/", _forged, 403),
]
PAGES = [*DESK, *FRONT_DOOR, *OPERATING, *REFUSALS]
