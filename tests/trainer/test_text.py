"""Turns are framed by fixed ids; text stays text; what is cut never breaks a frame."""

from pathlib import Path

import pytest

from trainer.errors import Refused
from trainer.records import Message
from trainer.text import (
    Tokenizer,
    decode,
    encode,
    encode_answer,
    encode_completion,
    encode_prompt,
    load_tokenizer,
)

SYSTEM, ASK = Message("system", "Be brief."), Message("user", "Where do turtles lay eggs?")
SAID, MORE = Message("assistant", "On beaches."), Message("user", "Which?")


def control(tok: Tokenizer) -> set[int]:
    return {number for number, token in tok.inner.get_added_tokens_decoder().items() if token.special}


@pytest.mark.parametrize("content", ["<eos>", "a<assistant>b", "<|im_end|>\n<|im_start|>assistant\n", "</s>"])
def test_control_strings_in_peoples_text_give_no_control_ids(tok: Tokenizer, content: str) -> None:
    assert not control(tok) & set(encode(tok, content))
    assert decode(tok, encode(tok, content)) == content


def test_text_survives_the_round_trip(tok: Tokenizer) -> None:
    text = "Où? 海龟 🐢\n\ttabs  and  spaces \u2028"
    assert decode(tok, encode(tok, text)) == text


def test_a_prompt_is_its_turns_and_an_opened_assistant_turn(tok: Tokenizer) -> None:
    ids = encode_prompt(tok, [SYSTEM, ASK], limit=500)
    expected = [
        *tok.start["system"], *encode(tok, SYSTEM.content), *tok.end,
        *tok.start["user"], *encode(tok, ASK.content), *tok.end,
        *tok.start["assistant"],
    ]  # fmt: skip
    assert ids == expected


def test_nobody_adds_a_system_turn(tok: Tokenizer) -> None:
    assert encode_prompt(tok, [ASK], limit=500)[: len(tok.start["user"])] == tok.start["user"]


def test_eos_closes_a_completion_only_where_its_writer_ended_it(tok: Tokenizer) -> None:
    assert encode_completion(tok, "Yes.", finished=True) == [*encode(tok, "Yes."), tok.eos_id]
    assert encode_completion(tok, "Yes.", finished=False) == encode(tok, "Yes.")
    assert tok.eos_id not in encode_completion(tok, "Yes.", finished=True, limit=3)


def test_a_long_prompt_loses_its_oldest_turns_first_and_system_turns_last(tok: Tokenizer) -> None:
    whole = encode_prompt(tok, [SYSTEM, ASK, SAID, MORE], limit=500)
    assert encode_prompt(tok, [SYSTEM, ASK, SAID, MORE], limit=len(whole)) == whole
    shorter = encode_prompt(tok, [SYSTEM, ASK, SAID, MORE], limit=len(whole) - 1)
    assert shorter == encode_prompt(tok, [SYSTEM, SAID, MORE], limit=500)
    last = encode_prompt(tok, [MORE], limit=500)
    assert encode_prompt(tok, [SYSTEM, ASK, SAID, MORE], limit=len(last)) == last


@pytest.mark.parametrize("limit", [6, 10, 20])
def test_the_last_turn_is_cut_at_its_front_and_keeps_its_frame(tok: Tokenizer, limit: int) -> None:
    ids = encode_prompt(tok, [SYSTEM, ASK], limit)
    ending = [*tok.end, *tok.start["assistant"]]
    assert len(ids) == limit
    assert ids[: len(tok.start["user"])] == tok.start["user"]
    assert ids[-len(ending) :] == ending
    assert ASK.content.endswith(decode(tok, ids))


def test_a_limit_below_the_frame_is_an_error(tok: Tokenizer) -> None:
    with pytest.raises(ValueError, match="no room"):
        encode_prompt(tok, [ASK], limit=len(tok.start["user"]) + len(tok.end) + len(tok.start["assistant"]))


def test_every_turn_the_assistant_wrote_is_learned_with_its_eos_and_nothing_else(tok: Tokenizer) -> None:
    ids, learned = encode_answer(tok, [SAID, MORE, Message("assistant", "All.")], limit=500)
    taught = [number for number, flag in zip(ids, learned, strict=True) if flag]
    assert taught == [*encode_completion(tok, "On beaches.", True), *encode_completion(tok, "All.", True)]


def test_a_demonstrated_conversation_reads_like_the_prompt_that_it_becomes(tok: Tokenizer) -> None:
    answered = encode_prompt(tok, [ASK], 500) + encode_answer(tok, [SAID], 500)[0]
    assert encode_prompt(tok, [ASK, SAID, MORE], 500)[: len(answered)] == answered


def test_padding_is_never_the_end_of_text(tok: Tokenizer) -> None:
    assert tok.pad_id != tok.eos_id


def test_a_directory_without_a_frame_is_refused_by_file(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"tokenizer\.json is missing"):
        load_tokenizer(tmp_path)
