"""Policies, reward models and value nets over batches whose masks are explicit.

Rows are right-padded and attention is causal, so no real token ever sees padding, and position t of a row is
token t of that row: no attention mask and no position ids are needed, and padding content cannot matter.
"""

import copy
import json
import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
import transformers
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint as recompute

from trainer import text
from trainer.errors import Refused
from trainer.runtime import generator
from trainer.trunk import upper

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "tutelage.json")
# Positions that go through the LM head at once: 1024 x 49,152 logits are 200 MB in fp32.
HEAD_CHUNK = 1024

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()


@dataclass(frozen=True)
class Batch:
    """Right-padded rows: `ids` int64, `is_token` (not padding) and `is_completion` bool, all [B,T].

    `states` [B,T,d] is what the lowest `layers` layers make of them, for nets that have those in common.
    """

    ids: Tensor
    is_token: Tensor
    is_completion: Tensor
    states: Tensor | None = None
    layers: int = 0

    @classmethod
    def of(cls, rows: Sequence[tuple[Sequence[int], Sequence[int]]]) -> "Batch":
        """From rows of (prompt ids, completion ids)."""
        return cls.of_flags(
            [([*prompt, *answer], [False] * len(prompt) + [True] * len(answer)) for prompt, answer in rows]
        )

    @classmethod
    def of_flags(cls, rows: Sequence[tuple[Sequence[int], Sequence[bool]]]) -> "Batch":
        """From rows of (ids, whether each id belongs to the completion)."""
        shape = len(rows), max(len(ids) for ids, _ in rows)
        ids, real, learned = (
            torch.zeros(shape, dtype=torch.long),
            torch.zeros(shape).bool(),
            torch.zeros(shape).bool(),
        )
        for row, (tokens, flags) in enumerate(rows):
            ids[row, : len(tokens)] = torch.tensor(tokens)
            real[row, : len(tokens)] = True
            learned[row, : len(tokens)] = torch.tensor(flags)
        return cls(ids, real, learned)

    @property
    def lengths(self) -> Tensor:
        """[B] int64, real tokens of each row."""
        return self.is_token.sum(dim=1)

    def __len__(self) -> int:
        return int(self.ids.shape[0])

    def to(self, device: torch.device | str) -> "Batch":
        states = None if self.states is None else self.states.to(device)
        return Batch(
            self.ids.to(device),
            self.is_token.to(device),
            self.is_completion.to(device),
            states,
            self.layers,
        )

    def select(self, rows: Tensor) -> "Batch":
        """The rows at `rows` (int64 or bool), trimmed to the longest of them."""
        width = int(self.lengths[rows].max())
        return Batch(
            self.ids[rows, :width],
            self.is_token[rows, :width],
            self.is_completion[rows, :width],
            None if self.states is None else self.states[rows, :width],
            self.layers,
        )


class PolicyNet(nn.Module):
    """A causal language model. `causal` is the transformers model itself, for cached generation."""

    def __init__(self, causal: nn.Module) -> None:
        super().__init__()
        self.causal = causal.eval()

    @property
    def trunk(self) -> nn.Module:
        return cast(nn.Module, self.causal.model)

    @property
    def head(self) -> nn.Module:
        return cast(nn.Module, self.causal.lm_head)

    def hidden(self, batch: Batch) -> Tensor:
        """Last hidden states [B,T,d]."""
        return _hidden(self.trunk, batch)


class RewardNet(nn.Module):
    """A trunk and a scalar head in fp32, read at the last real token; `offset` is taken off every score."""

    def __init__(self, classifier: nn.Module, offset: float = 0.0) -> None:
        super().__init__()
        self.classifier = classifier.eval()
        self.offset = offset

    @property
    def trunk(self) -> nn.Module:
        return cast(nn.Module, self.classifier.model)

    def forward(self, batch: Batch) -> Tensor:
        """Scores [B] fp32 of whole rows, offset subtracted."""
        hidden = _hidden(self.trunk, batch)
        last = hidden[torch.arange(len(batch), device=hidden.device), batch.lengths - 1]
        return _scalar(self.classifier, last) - self.offset


class ValueNet(nn.Module):
    """The expected score, seen from every position; begins as a copy of a reward model."""

    def __init__(self, reward: RewardNet) -> None:
        super().__init__()
        self.classifier = copy.deepcopy(reward.classifier)
        self.offset = reward.offset

    @property
    def trunk(self) -> nn.Module:
        return cast(nn.Module, self.classifier.model)

    def forward(self, batch: Batch) -> Tensor:
        """Values [B,T] fp32; entry t has seen tokens 0..t. Entries of padding are meaningless."""
        return _scalar(self.classifier, _hidden(self.trunk, batch)) - self.offset


def logprobs(net: PolicyNet, batch: Batch, temperature: float = 1.0) -> Tensor:
    """Log-probabilities [B,T] fp32: entry t is log p(ids[t] | ids[<t]) where `is_completion[t]`, else 0.

    Only those positions go through the LM head, HEAD_CHUNK at a time; with gradients the chunks are computed
    again on the way back, so that [B,T,V] never exists. Logits are divided by `temperature`.
    """
    chosen = batch.is_completion[:, 1:]
    states = net.hidden(batch)[:, :-1][chosen]
    targets = batch.ids[:, 1:][chosen]
    out = torch.zeros(batch.ids.shape, dtype=torch.float32, device=batch.ids.device)
    parts = _head_parts(net.head, states, targets, temperature)
    out[:, 1:][chosen] = torch.cat(parts) if parts else states.new_zeros(0).float()
    return out


def load_policy(artifact: Path, device: str = "cpu", dtype: torch.dtype = torch.float32) -> PolicyNet:
    """Load the policy in `artifact`/model with dropout off. Raises Refused if it does not load."""
    loaded = _load(transformers.AutoModelForCausalLM.from_pretrained, artifact, dtype=dtype)
    return PolicyNet(loaded.to(device))


def save_policy(net: PolicyNet, tokenizer_from: Path, model_dir: Path) -> None:
    """Write config, safetensors and the tokenizer files of artifact `tokenizer_from` to `model_dir`."""
    _save(net.causal, tokenizer_from, model_dir)


def new_reward(policy: Path, seed: int) -> RewardNet:
    """A reward model on the trunk of a policy artifact; head ~ N(0, 1/sqrt(d+1)) without bias.

    The deviation is Stiennon et al. 2020's (and lm-human-preferences'): larger ones give huge early losses.
    """
    classifier = _load(transformers.AutoModelForSequenceClassification.from_pretrained, policy, num_labels=1)
    weight = classifier.score.weight
    with torch.no_grad():
        weight.normal_(0.0, 1.0 / math.sqrt(weight.shape[1] + 1), generator=generator(seed, "reward head"))
    return RewardNet(classifier)


def load_reward(artifact: Path, device: str = "cpu", dtype: torch.dtype = torch.float32) -> RewardNet:
    """Load a reward model artifact, head in fp32, with the offset of its reward.json."""
    classifier = _load(
        transformers.AutoModelForSequenceClassification.from_pretrained, artifact, num_labels=1, dtype=dtype
    )
    classifier.score.float()
    offset = json.loads((artifact / "reward.json").read_text(encoding="utf-8"))["offset"]
    return RewardNet(classifier.to(device), float(offset))


def save_reward(net: RewardNet, tokenizer_from: Path, folder: Path) -> None:
    """Write `folder`/model (loads as AutoModelForSequenceClassification) and `folder`/reward.json."""
    # transformers scores the last token that is not padding, so padding must differ from what ends a text.
    cast(Any, net.classifier).config.pad_token_id = text.load_tokenizer(tokenizer_from).pad_id
    _save(net.classifier, tokenizer_from, folder / "model")
    (folder / "reward.json").write_text(json.dumps({"offset": net.offset}) + "\n", encoding="utf-8")


def freeze_below(net: PolicyNet | RewardNet | ValueNet, layers: int) -> None:
    """Train only the top `layers` layers, the final norm and a scalar head; 0 trains everything.

    Below the lowest trained layer nothing asks for a gradient, so autograd does no work there.
    """
    net.requires_grad_(layers == 0)
    if layers:
        cast(Any, net.trunk).norm.requires_grad_(True)
        for layer in list(cast(Any, net.trunk).layers)[-layers:]:
            layer.requires_grad_(True)
    if not isinstance(net, PolicyNet):
        cast(Any, net.classifier).score.requires_grad_(True)


def trained(net: nn.Module) -> list[nn.Parameter]:
    """The parameters that `freeze_below` left to be trained."""
    return [parameter for parameter in net.parameters() if parameter.requires_grad]


def _hidden(trunk: nn.Module, batch: Batch) -> Tensor:
    if batch.states is not None:
        return upper(trunk, batch.layers, batch.states)
    return cast(Tensor, trunk(input_ids=batch.ids, use_cache=False).last_hidden_state)


def _scalar(classifier: nn.Module, hidden: Tensor) -> Tensor:
    return cast(Tensor, cast(Any, classifier).score(hidden.float())).squeeze(-1)


def _head_parts(head: nn.Module, states: Tensor, targets: Tensor, temperature: float) -> list[Tensor]:
    chunks = list(zip(torch.split(states, HEAD_CHUNK), torch.split(targets, HEAD_CHUNK), strict=True))
    if len(chunks) <= 1 or not torch.is_grad_enabled():
        return [_token_logprobs(head, part, ids, temperature) for part, ids in chunks if len(ids)]
    return [
        cast(Tensor, recompute(_token_logprobs, head, part, ids, temperature, use_reentrant=False))
        for part, ids in chunks
    ]


def _token_logprobs(head: nn.Module, states: Tensor, targets: Tensor, temperature: float) -> Tensor:
    logits = cast(Tensor, head(states)).float() / temperature
    return logits.gather(-1, targets[:, None]).squeeze(-1) - logits.logsumexp(-1)


def _load(loader: Callable[..., Any], artifact: Path, dtype: torch.dtype = torch.float32, **options: Any) -> Any:
    try:
        return loader(
            artifact / "model",
            dtype=dtype,
            attn_implementation="sdpa",
            local_files_only=True,
            use_safetensors=True,
            **options,
        )
    except (OSError, ValueError) as error:
        raise Refused(f"{artifact / 'model'} does not load as a model: {error}") from error


def _save(model: Any, tokenizer_from: Path, model_dir: Path) -> None:
    model_dir.mkdir(exist_ok=True)
    model.save_pretrained(model_dir)
    for name in TOKENIZER_FILES:
        if (tokenizer_from / "model" / name).is_file():
            shutil.copyfile(tokenizer_from / "model" / name, model_dir / name)
