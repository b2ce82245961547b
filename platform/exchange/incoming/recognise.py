"""Which format a file is in, told by its first rows, and how a row of each becomes items."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from annotations.brought import Brought
from exchange.incoming import chats, pairs, ratings, trees
from exchange.incoming.items import BadRow, Row


@dataclass(frozen=True)
class Shape:
    """One format: what a row must have to be of it, and what it says."""

    name: str
    label: str | Promise
    fits: Callable[[Row], bool]
    items: Callable[[Row], Iterator[Brought]]
    # Rows about one prompt that follow each other are judgements of the same answers.
    joins: bool = False


def _has(*keys: str) -> Callable[[Row], bool]:
    return lambda row: all(key in row for key in keys)


def _is_spoken(row: Row) -> bool:
    return pairs.is_spoken(row.get("chosen")) and pairs.is_spoken(row.get("rejected"))


def _is_own_ranking(row: Row) -> bool:
    return _has("prompt", "completions", "labeler")(row) and isinstance(row["prompt"], dict)


def _is_own_demonstration(row: Row) -> bool:
    return _has("prompt", "messages")(row) and isinstance(row["prompt"], dict)


def _is_marked(row: Row) -> bool:
    return sum(isinstance(value, dict) and "is_correct" in value for value in row.values()) > 1


def _is_whole(row: Row) -> bool:
    """Both are conversations; some sets repeat the question beside them."""
    return all(isinstance(row.get(key), list) and len(row[key]) > 1 for key in ("chosen", "rejected"))


def _is_argilla(row: Row) -> bool:
    return _has("fields", "responses")(row) or any(key.endswith(".responses") for key in row)


# From what is told most surely to what many rows could be.
SHAPES = (
    Shape("own rankings", _("Tutelage rankings"), _is_own_ranking, ratings.own_ranking),
    Shape("own demonstrations", _("Tutelage demonstrations"), _is_own_demonstration, chats.own_demonstration),
    Shape("trees", _("Open-Assistant trees"), _has("message_tree_id", "prompt"), trees.tree),
    Shape("label studio", _("Label Studio tasks"), _has("data", "annotations"), ratings.label_studio),
    Shape("argilla", _("Argilla records"), _is_argilla, ratings.argilla),
    Shape("qa-feedback", _("QA-Feedback"), _has("question", "prediction 1", "preference"), ratings.qa_feedback),
    Shape("solutions", _("Marked solutions"), _is_marked, ratings.solutions),
    Shape("ultrafeedback", _("UltraFeedback"), _has("instruction", "completions"), ratings.ultrafeedback),
    Shape("hh", _("hh-rlhf"), _is_spoken, pairs.hh, joins=True),
    Shape("openai pairs", _("OpenAI preference"), _has("input", "preferred_output"), pairs.openai, joins=True),
    Shape("implicit", _("TRL preference, implicit prompt"), _is_whole, pairs.implicit, joins=True),
    Shape(
        "preference",
        _("TRL preference, explicit prompt"),
        _has("prompt", "chosen", "rejected"),
        pairs.explicit,
        joins=True,
    ),
    Shape("messages", _("Conversations (TRL SFT, OpenAI)"), _has("messages"), chats.messages),
    Shape("sharegpt", _("ShareGPT"), _has("conversations"), chats.messages),
    Shape("completion", _("Prompts with answers"), _has("prompt", "completion"), chats.completion),
    Shape("answers", _("Questions with answers"), _has("question", "answer"), chats.completion),
    Shape("instances", _("Self-Instruct"), _has("instruction", "instances"), chats.instruction),
    Shape("alpaca", _("Instructions with outputs"), _has("instruction", "output"), chats.instruction),
    Shape("prompt", _("Prompts"), _has("prompt"), chats.question),
    Shape("text", _("Prompts"), _has("text"), chats.question),
    Shape("question", _("Prompts"), _has("question"), chats.question),
    Shape("instruction", _("Prompts"), _has("instruction"), chats.question),
    Shape("turns", _("Prompts"), _has("turns"), chats.question),
)
BY_NAME = {shape.name: shape for shape in SHAPES}


def recognised(rows: Sequence[Row]) -> Shape | None:
    """The first format that half of these rows fit; None where they fit none. The others are bad lines of it.

    Looking for one that all rows fit would find a poorer one, and what some rows say beyond it would be lost.
    """
    return next((shape for shape in SHAPES if rows and 2 * sum(map(shape.fits, rows)) >= len(rows)), None)


def items_of(shape: Shape, row: Row) -> list[Brought]:
    """What a row says. Raises BadRow where it does not fit, too."""
    if not shape.fits(row):
        raise BadRow(str(_("is not of the format %(format)s") % {"format": shape.label}))
    return list(shape.items(row))
