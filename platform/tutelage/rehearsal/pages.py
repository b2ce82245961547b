"""Reads the site's pages as a browser without scripts would: forms, their fields, and the texts of elements."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

Attributes = dict[str, str]
# Elements that have no end tag.
VOID = frozenset({"base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"})


class UnexpectedPage(Exception):
    """A page does not hold the form or the text that is looked for."""


@dataclass
class Form:
    """One form: where it is sent, and what it would send if nothing was changed."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


@dataclass
class Element:
    """The text inside one element, with the attributes of the element and of those around it."""

    attributes: Attributes
    around: Attributes
    text: str = ""

    def has_class(self, name: str) -> bool:
        return name in self.attributes.get("class", "").split()


class Page(HTMLParser):
    """The forms and elements of the page that lies at `address`."""

    def __init__(self, html: str, address: str) -> None:
        super().__init__(convert_charrefs=True)
        self.address = address
        self.forms: list[Form] = []
        self.elements: list[Element] = []
        self._open: list[tuple[str, Element]] = []
        self._form: Form | None = None
        self._area: str | None = None
        self._choice: str | None = None
        self.feed(html)
        self.close()

    def form(self, path_end: str) -> Form:
        """The first form whose action's path ends so. Raises UnexpectedPage."""
        for form in self.forms:
            if urlsplit(form.action).path.endswith(path_end):
                return form
        raise UnexpectedPage(f"no form is sent to …{path_end}; there are {[form.action for form in self.forms]}")

    def texts(self, class_name: str) -> list[Element]:
        """Every element of this class, in the order of the page."""
        return [element for element in self.elements if element.has_class(class_name)]

    def complaint(self) -> str:
        """What the page says is wrong, as far as it says so."""
        said = [element.text for element in self.elements if element.attributes.get("role") == "alert"]
        return " ".join(" ".join(said).split()) or "no reason shown"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = Form(action=urljoin(self.address, attributes.get("action", "")))
            self.forms.append(self._form)
        elif self._form is not None:
            self._field(self._form, tag, attributes)
        if tag not in VOID:
            self._open.append((tag, self._element(attributes)))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "textarea":
            self._area = None
        elif tag == "select":
            self._choice = None
        while any(name == tag for name, _ in self._open) and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        for _, element in self._open:
            element.text += data
        if self._form is not None and self._area is not None:
            # A browser drops the line break that follows <textarea>.
            known = self._form.fields[self._area]
            self._form.fields[self._area] = known + (data if known else data.removeprefix("\n"))

    def _element(self, attributes: Attributes) -> Element:
        parent = self._open[-1][1] if self._open else Element({}, {})
        self.elements.append(Element(attributes, parent.around | attributes))
        return self.elements[-1]

    def _field(self, form: Form, tag: str, attributes: Attributes) -> None:
        name = attributes.get("name")
        if tag == "option" and self._choice is not None:
            if "selected" in attributes or self._choice not in form.fields:
                form.fields[self._choice] = attributes.get("value", "")
        elif name is None or "disabled" in attributes:
            return
        elif tag == "textarea":
            self._area, form.fields[name] = name, ""
        elif tag == "select":
            self._choice = name
        elif tag == "input" and _is_sent(attributes):
            is_box = attributes.get("type", "").lower() in ("checkbox", "radio")
            form.fields[name] = attributes.get("value", "on" if is_box else "")


def _is_sent(attributes: Attributes) -> bool:
    """Whether a browser sends this input if nobody touches it."""
    kind = attributes.get("type", "text").lower()
    if kind in ("submit", "button", "image", "reset", "file"):
        return False
    return kind not in ("checkbox", "radio") or "checked" in attributes
