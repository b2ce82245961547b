"""The clauses of a guideline: its headings, numbered, each with an address that stays as long as its title does."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from django.utils.text import slugify
from markdown_it import MarkdownIt
from markdown_it.token import Token

MARKDOWN = MarkdownIt("commonmark", {"html": False})

# "## Harmless {harmful, private}": what the clause applies to. It is not shown.
_APPLIES = re.compile(r"\s*\{([^{}]*)\}\s*$")
_BY_HAND = re.compile(r"^(\d+(?:\.\d+)*)[.)、]?\s+")
_LONGEST_ID = 80
# One step of difflib: what to do, with which lines of the old text and of the new.
_Step = tuple[str, int, int, int, int]
# Authors may name the kind of work as it is stored.
_SAME = {"demonstrate": "write", "demonstration": "write", "ranking": "rank"}


@dataclass(frozen=True)
class Clause:
    """One heading and what stands below it, up to the next heading."""

    id: str
    number: str
    title: str
    applies: frozenset[str]
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.number} {self.title}".strip()


@dataclass(frozen=True)
class Change:
    """Lines of two versions that differ, with a line around them; `kind` is "same", "gone" or "new"."""

    clause: Clause | None
    lines: list[tuple[str, str]]


def clauses_of(text: str) -> list[Clause]:
    """Return the clauses in their order."""
    return _clauses(text, MARKDOWN.parse(text))


def clause_for(text: str, word: str) -> Clause | None:
    """Return the first clause that says it applies to `word`: a kind of work, or a flag."""
    return next((clause for clause in clauses_of(text) if word in clause.applies), None)


def changes(old: str, new: str) -> list[Change]:
    """Return what differs between two versions, each under the clause that it now stands in."""
    before, after = [line for line, _clause in _shown_lines(old)], _shown_lines(new)
    matcher = SequenceMatcher(None, before, [line for line, _clause in after], autojunk=False)
    return [_change(group, before, after) for group in matcher.get_grouped_opcodes(1)]


def changed_clauses(old: str, new: str) -> list[Clause]:
    """Return the clauses of `new` that `old` has not, or has with other words. What applies where is no word."""
    before = {clause.id: _words(clause) for clause in clauses_of(old)}
    return [clause for clause in clauses_of(new) if before.get(clause.id) != _words(clause)]


def numbered_tokens(text: str, prefix: str) -> list[Token]:
    """Return the Markdown tokens of a guideline, with numbers, addresses and what applies in its headings."""
    tokens = MARKDOWN.parse(text)
    clauses = iter(_clauses(text, tokens))
    for at, token in enumerate(tokens):
        if _is_heading(token):
            _mark(tokens[at : at + 3], next(clauses), prefix)
    return tokens


def _is_heading(token: Token) -> bool:
    return token.type == "heading_open" and token.level == 0


def _mark(heading: Sequence[Token], clause: Clause, prefix: str) -> None:
    start, inline, end = heading
    # Two levels down, as the page around it has two of its own; the document's own first level may be any.
    start.tag = end.tag = f"h{min(6, 3 + clause.number.count('.'))}"
    start.attrs = {"id": f"{prefix}-{clause.id}", "tabindex": "-1", "data-applies": " ".join(sorted(clause.applies))}
    children = inline.children or []
    if children and children[-1].type == "text":
        children[-1].content = _APPLIES.sub("", children[-1].content)
    if children and children[0].type == "text":
        children[0].content = _BY_HAND.sub("", children[0].content)
    if clause.number:
        children.insert(0, Token("html_inline", "", 0, content=f'<span class="clause-number">{clause.number}</span> '))
    inline.children = children


def _clauses(text: str, tokens: Sequence[Token]) -> list[Clause]:
    lines = text.splitlines()
    at = [index for index, token in enumerate(tokens) if _is_heading(token)]
    starts = [_line(tokens[index]) for index in at]
    ends = [*starts[1:], len(lines)]
    titles = [_plain(tokens[index + 1]) for index in at]
    numbers = _numbers([int(tokens[index].tag[1]) for index in at])
    ids: list[str] = []
    found = []
    for title, counted, start, end in zip(titles, numbers, starts, ends, strict=True):
        words = _APPLIES.search(title)
        by_hand = _BY_HAND.match(title)
        shown = _BY_HAND.sub("", _APPLIES.sub("", title)).strip()
        ids.append(_unused(slugify(shown, allow_unicode=True) or counted.replace(".", "-") or "title", ids))
        number = by_hand[1] if by_hand else counted
        body = "\n".join(lines[start + 1 : end]).strip()
        found.append(Clause(ids[-1], number, shown, _applies(words[1] if words else ""), start, body))
    return found


def _line(token: Token) -> int:
    return token.map[0] if token.map else 0


def _plain(inline: Token) -> str:
    return "".join(child.content for child in inline.children or [])


def _applies(words: str) -> frozenset[str]:
    named = re.split(r"[\s,，、]+", words.lower())
    return frozenset(_SAME.get(word, word) for word in named if re.fullmatch(r"[\w-]+", word))


def _unused(wanted: str, taken: Sequence[str]) -> str:
    wanted = wanted[: _LONGEST_ID - 4]
    others = (f"{wanted}-{number}" for number in range(2, len(taken) + 3))
    return next(one for one in [wanted, *others] if one not in taken)


def _numbers(levels: Sequence[int]) -> Iterator[str]:
    """Count headings by their levels: 1, 1.1, 1.2, 2. A single first one above all others is the title: no number."""
    has_title = len(levels) > 1 and all(level > levels[0] for level in levels[1:])
    if has_title:
        yield ""
    counts: list[tuple[int, int]] = []
    for level in levels[1:] if has_title else levels:
        last = 0
        while counts and counts[-1][0] >= level:
            last = counts.pop()[1]
        counts.append((level, last + 1))
        yield ".".join(str(count) for _level, count in counts)


def _words(clause: Clause) -> tuple[str, str]:
    return clause.title, clause.text


def _shown_lines(text: str) -> list[tuple[str, Clause | None]]:
    """The lines as they are read, without empty ones and without what a clause applies to, each with its clause."""
    starts = {clause.line: clause for clause in clauses_of(text)}
    shown: list[tuple[str, Clause | None]] = []
    clause = None
    for number, line in enumerate(text.splitlines()):
        clause = starts.get(number, clause)
        if line.strip():
            shown.append((starts[number].title if number in starts else line, clause))
    return shown


def _change(group: Sequence[_Step], before: Sequence[str], after: Sequence[tuple[str, Clause | None]]) -> Change:
    lines: list[tuple[str, str]] = []
    for tag, i1, i2, j1, j2 in group:
        if tag != "equal":
            lines += [("gone", line) for line in before[i1:i2]]
        lines += [("same" if tag == "equal" else "new", line) for line, _clause in after[j1:j2]]
    return Change(_standing_in(group, after), lines)


def _standing_in(group: Sequence[_Step], after: Sequence[tuple[str, Clause | None]]) -> Clause | None:
    """The clause of the first line that is new; where lines only went, that of the line before them."""
    first, last = next((j1, j2) for tag, _i1, _i2, j1, j2 in group if tag != "equal")
    at = first if last > first else first - 1
    return after[at][1] if 0 <= at < len(after) else None
