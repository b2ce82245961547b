"""What TRL samples with, `transformers.generate`, on prompts times K: `python trl_generate.py SPEC.json`."""

import contextlib
import time

import torch
from trl_clock import SPEC, causal, tell, tokenizer

tok, model = tokenizer("left"), causal().eval()
asked = [row["messages"] for row in SPEC["prompts"]]
batch = tok.apply_chat_template(
    asked, add_generation_prompt=True, padding=True, return_tensors="pt", return_dict=True, tokenize=True
)
width = batch["input_ids"].shape[1]
options = {"do_sample": True, "temperature": 1.0, "top_k": 0, "top_p": 1.0, "eos_token_id": tok.eos_token_id}
precision = torch.autocast("cpu", torch.bfloat16) if SPEC.get("bf16") else contextlib.nullcontext()
began, marks, tokens = time.perf_counter(), [], []
for _ in range(SPEC["passes"]):
    with precision, torch.inference_mode():
        whole = model.generate(
            **batch,
            **options,
            max_new_tokens=SPEC["new_tokens"],
            num_return_sequences=SPEC["per_prompt"],
            pad_token_id=SPEC["pad"],
        )
    said = whole[:, width:]
    ended = said.eq(tok.eos_token_id).cumsum(dim=1)
    # Up to the first end token and with it; what follows is padding.
    tokens.append(int((ended - said.eq(tok.eos_token_id).int() == 0).sum()))
    marks.append(time.perf_counter() - began)
tell(marks, tokens=tokens)
