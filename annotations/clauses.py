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
_BULLET = re.compile(r"^(\s*)[-*+]\s+")
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
    """Lines of two versions that differ, as ("gone" or "new", line), and the clause that they stand in now."""

    clause: Clause | None
    lines: list[tuple[str, str]]


def clauses_of(text: str) -> list[Clause]:
    """Return the clauses in their order."""
    return _clauses(text, MARKDOWN.parse(text))


def clause_for(text: str, word: str) -> Clause | None:
    """Return the first clause that says it applies to `word`: a kind of work, or a flag."""
    return next((clause for clause in clauses_of(text) if word in clause.applies), None)


def changes(old: str, new: str) -> list[Change]:
    """Return what differs between two versions, clause by clause of the new one."""
    before, after = _shown_lines(old), _shown_lines(new)
    matcher = SequenceMatcher(None, [line for line, _ in before], [line for line, _ in after], autojunk=False)
    found: list[Change] = []
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            continue
        gone = [("gone", line) for line, _ in before[i1:i2]]
        # Lines that only went stand where the line before them stands; so do those that others took the place of.
        here = after[j1 if j2 > j1 else j1 - 1][1] if j2 > j1 or j1 else None
        for clause, lines in [(here, gone), *((clause, [("new", line)]) for line, clause in after[j1:j2])]:
            _add(found, clause, lines)
    return found


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
    ends = [*starts[1:], len(lines)] if starts else []
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
            shown.append((starts[number].title if number in starts else _BULLET.sub(r"\1• ", line), clause))
    return shown


def _add(found: list[Change], clause: Clause | None, lines: list[tuple[str, str]]) -> None:
    if lines and found and found[-1].clause == clause:
        found[-1].lines.extend(lines)
    elif lines:
        found.append(Change(clause, lines))
