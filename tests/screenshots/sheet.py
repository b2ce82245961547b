"""One HTML page with every picture, a row for each page."""

from collections.abc import Sequence
from html import escape
from itertools import product
from pathlib import Path

from tests.screenshots.site import LANGUAGES, SCREENS, THEMES

STYLE = """
body { font: 14px/1.5 sans-serif; margin: 24px; background: #ddd; }
table { border-spacing: 8px; }
th { text-align: left; vertical-align: top; position: sticky; left: 0; background: #ddd; }
img { height: 320px; max-width: 520px; object-fit: cover; object-position: top; display: block; }
"""


def picture(page: str, language: str, theme: str, screen: str) -> str:
    """The file's name: page-language-theme-screen."""
    return f"{page}-{language}-{theme}-{screen}.png"


def write_sheet(folder: Path, pages: Sequence[str]) -> Path:
    kinds = list(product(LANGUAGES, THEMES, SCREENS))
    head = "".join(f"<th>{escape(' '.join(kind))}</th>" for kind in kinds)
    rows = "".join(_row(page, kinds) for page in pages)
    text = f"<!doctype html><meta charset=utf-8><title>Every page</title><style>{STYLE}</style>"
    path = folder / "index.html"
    path.write_text(f"{text}<table><tr><th></th>{head}</tr>{rows}</table>", encoding="utf-8")
    return path


def _row(page: str, kinds: Sequence[tuple[str, str, str]]) -> str:
    cells = "".join(_cell(picture(page, *kind)) for kind in kinds)
    return f"<tr><th>{escape(page)}</th>{cells}</tr>"


def _cell(file: str) -> str:
    return f'<td><a href="{escape(file)}"><img src="{escape(file)}" alt="{escape(file)}" loading="lazy"></a></td>'
