"""Reads the labeler's desk: what is asked, the texts and their letters, and the form that answers."""

from dataclasses import dataclass

from annotations.order import Order
from tutelage.rehearsal.pages import Form, Page, UnexpectedPage


@dataclass(frozen=True)
class LentSlate:
    """What a labeler sees: the question, and each text under the letter that it has on this screen."""

    question: str
    texts: dict[str, str]
    form: Form


@dataclass(frozen=True)
class Blank:
    """What a demonstrator sees: the question, and the form that takes the answer."""

    question: str
    form: Form


def is_work(path: str, kind: str) -> bool:
    """Whether an address is a piece of work of this kind, and not the page that says that there is none."""
    return path.startswith(f"/{kind}/")


def typed_order(tiers: dict[str, int]) -> str:
    """What a person types for letter → tier: `c a = b` has c best, and a and b tied."""
    rows = [[letter for letter, tier in tiers.items() if tier == place] for place in sorted(set(tiers.values()))]
    return str(Order(tuple(map(tuple, rows))))


def slate_on(page: Page) -> LentSlate:
    """Raises UnexpectedPage for a page that shows no slate."""
    shown = [element for element in page.texts("reading") if "data-letter" in element.around]
    texts = {element.around["data-letter"]: element.text for element in shown}
    if len(texts) < 2:
        raise UnexpectedPage(f"{page.address} shows no slate")
    return LentSlate(question=question_on(page), texts=texts, form=page.form(page.address))


def blank_on(page: Page) -> Blank:
    """Raises UnexpectedPage for a page that asks for no demonstration."""
    return Blank(question=question_on(page), form=page.form(page.address))


def question_on(page: Page) -> str:
    """The last user turn of the conversation."""
    asked = page.texts("question")
    if not asked:
        raise UnexpectedPage(f"{page.address} shows no question")
    return asked[-1].text
