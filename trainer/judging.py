"""Who says what a completion is worth: a reward model, or a Python function that the operator names."""

import argparse
import importlib.util
import inspect
import math
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import torch
from torch import Tensor

from trainer import lora, manifest
from trainer.drawing import Sample
from trainer.errors import Refused
from trainer.nets import PolicyNet
from trainer.ragged import Batch
from trainer.records import Prompt
from trainer.runtime import checked
from trainer.scalar import RewardNet, ValueNet, load_reward, new_reward
from trainer.scoring import all_scores, same_tokenizer
from trainer.text import Tokenizer, decode, encode_completion, encode_prompt, load_tokenizer


class Judge(Protocol):
    """Scores [B] of completions, or rewards [B,T] where each of their tokens has one. `prompts` has one a row."""

    def __call__(self, prompts: Sequence[Prompt], samples: Sequence[Sample], batch: Batch) -> Tensor: ...


@dataclass(frozen=True)
class NetJudge:
    """A reward model that reads the policy's own token ids."""

    net: RewardNet
    batch_tokens: int

    def __call__(self, prompts: Sequence[Prompt], samples: Sequence[Sample], batch: Batch) -> Tensor:
        return all_scores(self.net, batch, self.batch_tokens)


@dataclass(frozen=True)
class TextJudge:
    """A reward model with a tokenizer of its own, `into`: it reads the text of what `out_of` tokenized.

    Prompt and completion may each fill half of its context.
    """

    net: RewardNet
    out_of: Tokenizer
    into: Tokenizer
    half: int
    batch_tokens: int

    def __call__(self, prompts: Sequence[Prompt], samples: Sequence[Sample], batch: Batch) -> Tensor:
        rows = [
            (
                encode_prompt(self.into, prompt.messages, self.half),
                encode_completion(self.into, decode(self.out_of, sample.tokens), sample.finished, self.half),
            )
            for prompt, sample in zip(prompts, samples, strict=True)
        ]
        return all_scores(self.net, Batch.of(rows), self.batch_tokens)


@dataclass(frozen=True)
class FunctionJudge:
    """A function `(prompts, completions) -> list` of a number each, or of a list with a number for every token.

    A prompt is its list of `{"role", "content"}`, a completion its text. A function with a parameter `tokens` is
    also given each completion's tokens as texts (the end-of-text token is "").
    """

    function: Callable[..., Any]
    tok: Tokenizer

    def __call__(self, prompts: Sequence[Prompt], samples: Sequence[Sample], batch: Batch) -> Tensor:
        asked = [[{"role": each.role, "content": each.content} for each in prompt.messages] for prompt in prompts]
        texts = [decode(self.tok, sample.tokens) for sample in samples]
        more: dict[str, Any] = {}
        if "tokens" in inspect.signature(self.function).parameters:
            more["tokens"] = [[decode(self.tok, [token]) for token in sample.tokens] for sample in samples]
        try:
            given = list(self.function(asked, texts, **more))
        except Exception as error:  # somebody else's code may raise anything
            raise Refused(f"the reward function failed: {_told(error)}") from error
        if len(given) != len(texts):
            raise Refused(f"the reward function returned {len(given)} rewards for {len(texts)} completions")
        if any(isinstance(each, list | tuple) for each in given):
            return self._per_token(given, samples, batch)
        return torch.tensor([_number(each) for each in given])

    def _per_token(self, given: Sequence[Any], samples: Sequence[Sample], batch: Batch) -> Tensor:
        for rewards, sample in zip(given, samples, strict=True):
            if not isinstance(rewards, list | tuple) or len(rewards) != len(sample.tokens):
                found = f"{len(rewards)} rewards" if isinstance(rewards, list | tuple) else "one number"
                raise Refused(
                    f"the reward function returned {found} for a completion of {len(sample.tokens)} tokens; "
                    "give every completion one number, or every one a number a token (its parameter `tokens` has them)"
                )
        out = torch.zeros(batch.ids.shape)
        out[batch.is_completion] = torch.tensor([_number(each) for rewards in given for each in rewards])
        return out


def add_arguments(parser: argparse.ArgumentParser) -> None:
    judge = parser.add_mutually_exclusive_group(required=True)
    judge.add_argument("--reward", type=Path, metavar="DIR", help="the reward model that judges")
    judge.add_argument("--reward-function", metavar="FILE.py:NAME", help="a Python function that judges instead")


def inputs(arguments: argparse.Namespace) -> dict[str, str]:
    """The digest of whatever judges, by its role; the role of a function holds its name."""
    if arguments.reward:
        return {"reward": checked(arguments.reward, "reward_model")}
    path, name = _place(arguments.reward_function)
    return {f"reward_function {name}": manifest.file_digest(path)}


def load(arguments: argparse.Namespace, batch_tokens: int, *, base: PolicyNet | None = None) -> Judge:
    """The judge that the command line names, for completions of the policy `arguments.init`.

    On the weights of `base`, the policy `arguments.reference`, where it was fitted as an adapter of that.
    """
    tok = load_tokenizer(arguments.init)
    if not arguments.reward:
        return FunctionJudge(load_function(arguments.reward_function), tok)
    net = load_reward(arguments.reward)
    if base is not None and lora.fits(arguments.reward, arguments.reference):
        lora.rest_on(net, arguments.reward, base)
    net.requires_grad_(False)
    if same_tokenizer(arguments.init, arguments.reward):
        return NetJudge(net, batch_tokens)
    half = int(cast(Any, net.trunk).config.max_position_embeddings) // 2
    return TextJudge(net, tok, load_tokenizer(arguments.reward), half, batch_tokens)


def new_value(judge: Judge, policy: Path) -> ValueNet:
    """A value net that begins as the reward model (Ouyang 2022, appendix C.4).

    Where that is not one over the policy's own tokens it begins as the policy's trunk with a head of zeros
    (Ziegler 2019), so that its first word is 0 everywhere.
    """
    if isinstance(judge, NetJudge):
        value = ValueNet(judge.net)
    else:
        value = ValueNet(new_reward(policy, seed=0))
        for parameter in cast(Any, value.classifier).score.parameters():
            torch.nn.init.zeros_(parameter)
    return value


def load_function(place: str) -> Callable[..., Any]:
    """The function NAME of the file in "FILE.py:NAME". It runs with the operator's rights: never name one from data."""
    path, name = _place(place)
    spec = importlib.util.spec_from_file_location("reward_function", path)
    if spec is None or spec.loader is None:
        raise Refused(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # somebody else's code may raise anything
        raise Refused(f"{path} cannot be imported: {_told(error)}") from error
    function: Callable[..., Any] | None = getattr(module, name, None)
    if not callable(function):
        raise Refused(f"{path} has no function {name!r}")
    return function


def _place(place: str) -> tuple[Path, str]:
    path, _, name = place.rpartition(":")
    if not name.isidentifier() or not Path(path).is_file():
        raise Refused(f"--reward-function takes FILE.py:NAME of a file that exists, not {place!r}")
    return Path(path), name


def _number(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise Refused(f"the reward function returned {value!r} where a number belongs") from error
    if not math.isfinite(number):
        raise Refused(f"the reward function returned {number}; a reward must be finite")
    return number


def _told(error: Exception) -> str:
    line = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(line.filename).name}, line {line.lineno})"
