"""Answers that somebody rated, ranked or compared: our own rankings, UltraFeedback's, Argilla's, Label Studio's."""

import math
from collections.abc import Iterator
from itertools import combinations
from typing import Any

from django.utils.translation import gettext as _

from annotations.brought import Brought
from annotations.models import Messages
from exchange.incoming.items import BadRow, Row
from exchange.incoming.orders import order_of
from exchange.incoming.pieces import answer, conversation, one_answer, pair, ranked, text, words

_ASKED = ("prompt", "instruction", "question", "input", "text")
_PAIRS = list(combinations(range(4), 2))
_SIDES = {"left": 0, "right": 1}


def own_ranking(row: Row) -> Iterator[Brought]:
    """Our own rankings: tiers come back as they were; what was left unplaced belongs to no order."""
    prompt = row["prompt"]
    messages = conversation(prompt.get("messages"), last="user")
    placed = [one for one in _objects(row, "completions") if one.get("tier") is not None]
    if not all(type(one["tier"]) is int and one["tier"] > 0 for one in placed):
        raise BadRow(_("tiers are whole numbers from 1"))
    texts = [answer(one.get("text")) for one in placed]
    yield ranked(messages, texts, [-one["tier"] for one in placed], tags=words(prompt, "tags"))


def ultrafeedback(row: Row) -> Iterator[Brought]:
    """UltraFeedback: `completions` with an overall score each, or else the mean of their aspects' ratings."""
    messages = conversation(text(row, "instruction"), last="user")
    completions = _objects(row, "completions")
    texts = [answer(one.get("response", one.get("text"))) for one in completions]
    yield ranked(messages, texts, [_score(one) for one in completions])


def qa_feedback(row: Row) -> Iterator[Brought]:
    """QA-Feedback: four answers and all six comparisons; linked pairs where those make no order."""
    judged = row.get("preference")
    if not isinstance(judged, list) or len(judged) != len(_PAIRS) or any(one not in (0, 1, 2) for one in judged):
        raise BadRow(_("needs six comparisons, each 0, 1 or 2: %(key)s") % {"key": "preference"})
    told = [
        (first, second, winner != 0) if winner != 2 else (second, first, True)
        for (first, second), winner in zip(_PAIRS, judged, strict=True)
    ]
    order = order_of(4, told)
    pairs = [[[better], [worse]] if differs else [[better, worse]] for better, worse, differs in told]
    yield Brought(
        messages=conversation(text(row, "question"), last="user"),
        texts=[text(row, f"prediction {number}") for number in range(1, 5)],
        judgements=[order] if order else pairs,
        tags=["qa-feedback"],
    )


def solutions(row: Row) -> Iterator[Brought]:
    """GSM8K's marked solutions: what was right stands over what was wrong."""
    marked = {name: value for name, value in row.items() if isinstance(value, dict) and "is_correct" in value}
    texts = [answer(one.get("solution")) for one in marked.values()]
    if not all(isinstance(one["is_correct"], bool) for one in marked.values()):
        raise BadRow(_("is_correct must be true or false"))
    scores = [float(one["is_correct"]) for one in marked.values()]
    yield ranked(conversation(text(row, "question"), last="user"), texts, scores, tags=["gsm8k"])


def argilla(row: Row) -> Iterator[Brought]:
    """Argilla's records: a ranking names fields in their order, a text is a demonstration; each response counts."""
    fields = row.get("fields", row)
    if not isinstance(fields, dict):
        raise BadRow(_("needs an object: %(key)s") % {"key": "fields"})
    responses = row.get("responses", {})
    flat = {key.removesuffix(".responses"): value for key, value in row.items() if key.endswith(".responses")}
    given = [value for values in [*_lists(responses), *_lists(flat)] for value in values]
    messages = _question(fields)
    found = [item for value in given for item in _response(messages, fields, _value(value))]
    if not found:
        raise BadRow(_("nobody has ranked or answered this record"))
    yield from found


def label_studio(row: Row) -> Iterator[Brought]:
    """Label Studio's tasks: rankers, pairwise choices and text areas of annotations that were not cancelled."""
    data = row["data"]
    if not isinstance(data, dict):
        raise BadRow(_("needs an object: %(key)s") % {"key": "data"})
    messages = _question(data)
    results = [
        result
        for annotation in _objects(row, "annotations")
        if not annotation.get("was_cancelled")
        for result in _objects(annotation, "result")
    ]
    found = [item for result in results for item in _result(messages, data, result)]
    if not found:
        raise BadRow(_("nobody has ranked or answered this task"))
    yield from found


def _result(messages: Messages, data: Row, result: Row) -> Iterator[Brought]:
    kind, value = result.get("type"), result.get("value")
    if not isinstance(value, dict):
        return
    if kind == "pairwise" and str(value.get("selected")) in _SIDES:
        texts = [answer(each) for key, each in data.items() if isinstance(each, str) and key not in _ASKED][:2]
        if len(texts) == 2:
            better = _SIDES[value["selected"]]
            yield pair(messages, texts[better], texts[1 - better])
    elif kind == "ranker":
        yield _ranker(messages, data, value)
    elif kind == "textarea":
        given = value.get("text")
        for said in given if isinstance(given, list) else [given]:
            yield Brought(messages=messages, answers=[one_answer(said)])


def _ranker(messages: Messages, data: Row, value: Row) -> Brought:
    """The order of the ids of a list's items; several buckets are an order from the first to the last."""
    buckets = value.get("ranker")
    if not isinstance(buckets, dict):
        raise BadRow(_("a ranker holds no order"))
    by_id = {
        str(one.get("id")): answer(one.get("body") or one.get("title") or one.get("text"))
        for each in data.values()
        if isinstance(each, list)
        for one in each
        if isinstance(one, dict)
    }
    tiers = [[str(ident) for ident in bucket] for bucket in buckets.values() if isinstance(bucket, list) and bucket]
    if len(tiers) == 1:
        tiers = [[ident] for ident in tiers[0]]
    named = [ident for tier in tiers for ident in tier]
    if any(ident not in by_id for ident in named):
        raise BadRow(_("an order names an answer that is not there"))
    scores = [-float(place) for place, tier in enumerate(tiers) for _ident in tier]
    return ranked(messages, [by_id[ident] for ident in named], scores)


def _response(messages: Messages, fields: Row, value: Any) -> Iterator[Brought]:
    if isinstance(value, str) and value in fields:
        # A label names the better of two fields.
        others = [key for key, each in fields.items() if isinstance(each, str) and key not in (*_ASKED, value)]
        if len(others) == 1:
            yield pair(messages, answer(fields[value]), answer(fields[others[0]]))
    elif isinstance(value, str) and value.strip():
        yield Brought(messages=messages, answers=[one_answer(value)])
    elif isinstance(value, list) and value:
        names = [each.get("value") if isinstance(each, dict) else each for each in value]
        ranks = [each.get("rank", at) if isinstance(each, dict) else at for at, each in enumerate(value)]
        if any(not isinstance(name, str) or name not in fields for name in names):
            raise BadRow(_("an order names an answer that is not there"))
        yield ranked(messages, [answer(fields[str(name)]) for name in names], [-_number(rank) for rank in ranks])


def _question(fields: Row) -> Messages:
    for key in _ASKED:
        if fields.get(key):
            return conversation(fields[key], last="user")
    raise BadRow(_("needs one of: %(keys)s") % {"keys": ", ".join(_ASKED)})


def _value(response: Any) -> Any:
    """What a response says; drafts and discarded ones say nothing."""
    if isinstance(response, dict) and "value" in response and "rank" not in response:
        return response["value"] if response.get("status", "submitted") == "submitted" else None
    return response


def _lists(responses: Any) -> Iterator[list[Any]]:
    if isinstance(responses, dict):
        yield from (value for value in responses.values() if isinstance(value, list))
    elif isinstance(responses, list):
        yield responses


def _objects(row: Row, key: str) -> list[Row]:
    value = row.get(key)
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise BadRow(_("needs a list: %(key)s") % {"key": key})
    return value


def _score(completion: Row) -> float:
    for key in ("overall_score", "fine-grained_score", "score", "rating"):
        if key in completion:
            return _number(completion[key])
    aspects = completion.get("annotations")
    said = aspects.values() if isinstance(aspects, dict) else ()
    rated = [each["Rating"] for each in said if isinstance(each, dict) and "Rating" in each]
    if not rated:
        raise BadRow(_("an answer has no score"))
    return sum(map(_number, rated)) / len(rated)


def _number(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if isinstance(value, bool) or not math.isfinite(number):
        raise BadRow(_("a score is no number: %(value)s") % {"value": repr(value)[:40]})
    return number
