"""What every policy that is made from nothing has: control tokens, the frame of its turns, a random Llama."""

import json
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

PAD, SYSTEM, USER, ASSISTANT, EOS = range(5)
CONTROL = ("<pad>", "<system>", "<user>", "<assistant>", "<eos>")
FRAME = {
    "start": {"system": [SYSTEM], "user": [USER], "assistant": [ASSISTANT]},
    "end": [EOS],
    "eos": EOS,
}


def new_llama(
    vocabulary: int, width: int, layers: int, heads: int, context: int, spread: float, noise: torch.Generator
) -> Any:
    """A random Llama in fp32: N(0, `spread`) matrices from `noise`, norms at one, embeddings tied."""
    shape = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=3 * width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        max_position_embeddings=context,
        tie_word_embeddings=True,
        pad_token_id=PAD,
        bos_token_id=None,
        eos_token_id=EOS,
    )
    model = LlamaForCausalLM(shape).float()
    with torch.no_grad():
        for _, parameter in sorted(model.named_parameters()):
            if parameter.dim() > 1:
                parameter.normal_(0.0, spread, generator=noise)
    return model


def save_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Write the tokenizer files and the frame of a policy's `model/` folder."""
    names = {"pad_token": CONTROL[PAD], "eos_token": CONTROL[EOS]}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)
    (folder / "tutelage.json").write_text(json.dumps(FRAME) + "\n", encoding="utf-8")
