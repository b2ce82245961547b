"""Demonstrations as conversations, and prompts alone."""

from collections.abc import Iterator

from annotations.models import Demonstration, Prompt
from annotations.records import Record, demonstration_record
from exchange.formats.columns import MESSAGES, TEXT, WORDS, Columns

SFT: Columns = {"messages": MESSAGES, "id": TEXT, "labeler": TEXT, "prompt_id": TEXT}
OPENAI: Columns = {"messages": MESSAGES}
PROMPTS: Columns = {"prompt": MESSAGES, "id": TEXT, "tags": WORDS}


def conversation(demonstration: Demonstration) -> Iterator[Record]:
    """Yield the prompt's messages and what the person answered, as one conversation."""
    row = demonstration_record(demonstration)
    yield {
        "messages": [*row["prompt"]["messages"], *row["messages"]],
        "id": row["id"],
        "labeler": row["labeler"],
        "prompt_id": row["prompt"]["id"],
    }


def openai(demonstration: Demonstration) -> Iterator[Record]:
    """Yield a row of OpenAI's supervised fine-tuning, which takes `messages` and no keys of others."""
    for row in conversation(demonstration):
        yield {"messages": row["messages"]}


def alone(prompt: Prompt) -> Iterator[Record]:
    """Yield TRL's prompt-only row, for GRPO, RLOO and online DPO."""
    yield {"prompt": prompt.messages, "id": str(prompt.public_id), "tags": prompt.tags}
