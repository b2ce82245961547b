"""Characters that nobody sees, or that change how others are shown: named, so that a person can judge them."""

import re

# Controls but tab and newline; soft hyphen and joiners; fillers and blanks; separators, overrides and isolates of
# direction; deprecated format signs; variation selectors but those of emoji; private use; tags.
_SIGNS = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\u2800\u3164\ud800-\uf8ff\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb"
    "\U000e0000-\U000e0fff\U000f0000-\U0010ffff"
)
# Emoji and some scripts are written with joiners between two of their own signs; between others they only hide.
_JOINERS = "(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])"

INVISIBLE = re.compile(f"[{_SIGNS}]|{_JOINERS}")


def has_invisible(text: str) -> bool:
    """Say whether a text holds a character that a reader of the plain text would not see. CR LF is a line's end."""
    return INVISIBLE.search(text.replace("\r\n", "\n")) is not None
