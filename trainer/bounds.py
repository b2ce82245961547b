"""What a model can take: only ids that it has embeddings for, and no more of them than its context holds."""

import json
from pathlib import Path
from typing import Any

from trainer.errors import Refused
from trainer.text import load_tokenizer


def refuse_other_ids(model: Any, artifact: Path) -> None:
    """Raise Refused unless `model` has an embedding for every id that the tokenizer of `artifact` can give."""
    tok = load_tokenizer(artifact)
    framing = [*tok.end, tok.eos_id, *(token for ids in tok.start.values() for token in ids)]
    needed, rows = max(tok.size, *(token + 1 for token in framing)), model.get_input_embeddings().num_embeddings
    if needed > rows:
        raise Refused(
            f"the tokenizer in {artifact / 'model'} gives {needed} different ids and the model beside it knows {rows}:"
            " they do not belong together; convert the model again with its own tokenizer"
        )


def refuse_beyond_context(artifact: Path, **lengths: int) -> None:
    """Raise Refused where `lengths`, in tokens by the names of their keys, add up to more than the model reads."""
    path = artifact / "model" / "config.json"
    if not path.is_file():
        raise Refused(f"{path} is missing: {artifact} is not a model that tutelage converted")
    most = json.loads(path.read_text(encoding="utf-8")).get("max_position_embeddings")
    if most is not None and sum(lengths.values()) > most:
        named = " and ".join(f"{name} = {tokens}" for name, tokens in lengths.items())
        raise Refused(
            f"{named} are more than the {most} tokens that {artifact / 'model'} reads at once:"
            " choose smaller ones with --set KEY=VALUE"
        )
