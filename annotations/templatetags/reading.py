"""Which letters a text is written in, so that it gets the right face whatever language the page is in."""

from django import template

register = template.Library()

# Above this share of Han characters a text is set as Chinese; below, quoted words stand in another text.
_HAN_SHARE = 0.2


@register.filter
def language(text: str) -> str:
    """Return "zh" for mostly Chinese text, else "und": which other language it is cannot be told by its letters."""
    letters = [sign for sign in text if sign.isalpha()]
    han = sum("\u4e00" <= sign <= "\u9fff" for sign in letters)
    return "zh" if han > _HAN_SHARE * len(letters) else "und"
