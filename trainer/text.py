"""Messages to token ids and back. Turns are framed by ids fixed at conversion, never by tokenized text.

`model/tutelage.json` holds the frame: `{"start": {"system": [ids], "user": [ids], "assistant": [ids]},
"end": [ids], "eos": id}` and, for models that want one, `"bos": id`. No default system prompt is ever added:
a system turn is there where the messages hold one.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tokenizers

from trainer.errors import Refused
from trainer.records import Message


@dataclass(frozen=True)
class Tokenizer:
    """The tokenizer of a policy and the ids that frame its turns.

    `pad_id` fills unused places and differs from `eos_id`; nothing is ever inferred from it.
    """

    inner: tokenizers.Tokenizer
    start: dict[str, list[int]]
    end: list[int]
    eos_id: int
    bos_id: int | None

    @property
    def pad_id(self) -> int:
        return 1 if self.eos_id == 0 else 0

    @property
    def size(self) -> int:
        return int(self.inner.get_vocab_size())


def load_tokenizer(artifact: Path) -> Tokenizer:
    """Load from the `model/` folder of a policy or reward model. Raises Refused if a file is missing."""
    files = artifact / "model" / "tokenizer.json", artifact / "model" / "tutelage.json"
    for path in files:
        if not path.is_file():
            raise Refused(f"{path} is missing: {artifact} is not a model that tutelage converted")
    inner = tokenizers.Tokenizer.from_file(str(files[0]))
    inner.no_truncation()
    inner.no_padding()
    # People's text that spells a control token must stay text.
    inner.encode_special_tokens = True
    frame = json.loads(files[1].read_text(encoding="utf-8"))
    return Tokenizer(inner, frame["start"], frame["end"], frame["eos"], frame.get("bos"))


def encode(tok: Tokenizer, text: str) -> list[int]:
    """Token ids of `text` alone: no control token, whatever it spells."""
    ids: list[int] = tok.inner.encode(text, add_special_tokens=False).ids
    return ids


def decode(tok: Tokenizer, ids: Sequence[int]) -> str:
    """The text of `ids`, control tokens left out."""
    return str(tok.inner.decode(list(ids), skip_special_tokens=True))


def encode_prompt(tok: Tokenizer, messages: Sequence[Message], limit: int) -> list[int]:
    """Frame `messages` and open the assistant's turn, in at most `limit` ids.

    A prompt that is too long loses whole turns, oldest first and system turns after the others, then the
    front of its last turn; never a part of a frame. Raises ValueError if not even the frames fit.
    """
    bos = [] if tok.bos_id is None else [tok.bos_id]
    turns = [_turn(tok, message) for message in messages]
    room = limit - len(bos) - len(tok.start["assistant"])
    for index in _dispensable(messages):
        if sum(map(len, turns)) <= room:
            break
        turns[index] = []
    if sum(map(len, turns)) > room:
        turns[-1] = _shortened(tok, messages[-1], room)
    return [*bos, *(token for turn in turns for token in turn), *tok.start["assistant"]]


def encode_completion(tok: Tokenizer, text: str, finished: bool, limit: int | None = None) -> list[int]:
    """Ids of a completion, closed by EOS only if its writer ended it; cut at `limit` ids."""
    ids = [*encode(tok, text), *([tok.eos_id] if finished else [])]
    return ids[:limit]


def encode_answer(tok: Tokenizer, messages: Sequence[Message], limit: int) -> tuple[list[int], list[bool]]:
    """Ids of a demonstration that follows `encode_prompt`, and which of them the assistant wrote.

    The first turn continues the opened assistant turn. Every assistant turn counts with its EOS; what opens
    turns, and what others say, does not. Cut at `limit` ids.
    """
    ids: list[int] = []
    learned: list[bool] = []
    for index, message in enumerate(messages):
        assistant = message.role == "assistant"
        opening = [] if index == 0 and assistant else tok.start[message.role]
        body = encode_completion(tok, message.content, True) if assistant else encode(tok, message.content)
        closing = _after_eos(tok) if assistant else tok.end
        ids += [*opening, *body, *closing]
        learned += [False] * len(opening) + [assistant] * len(body) + [False] * len(closing)
    return ids[:limit], learned[:limit]


def _turn(tok: Tokenizer, message: Message) -> list[int]:
    eos = [tok.eos_id] if message.role == "assistant" else []
    closing = _after_eos(tok) if eos else tok.end
    return [*tok.start[message.role], *encode(tok, message.content), *eos, *closing]


def _after_eos(tok: Tokenizer) -> list[int]:
    # In ChatML the token that ends the text is also the first of the ids that close a turn.
    return tok.end[1:] if tok.end[:1] == [tok.eos_id] else tok.end


def _dispensable(messages: Sequence[Message]) -> list[int]:
    earlier = range(len(messages) - 1)
    return sorted(earlier, key=lambda index: (messages[index].role == "system", index))


def _shortened(tok: Tokenizer, message: Message, room: int) -> list[int]:
    start, ids = tok.start[message.role], encode(tok, message.content)
    kept = room - len(start) - len(tok.end)
    if kept < 1:
        raise ValueError(f"{room} tokens leave no room for a single token of the prompt")
    return [*start, *ids[-kept:], *tok.end]
