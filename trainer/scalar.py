"""The nets that say one number: reward models, and the value nets that begin as their copies."""

import copy
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
import transformers
from torch import Tensor, nn
from torch.nn.functional import softplus

from trainer import text
from trainer.nets import device_of, hidden_states, load_model, save_model
from trainer.ragged import Batch
from trainer.runtime import generator


class RewardNet(nn.Module):
    """A trunk and one or more scalar heads in fp32, read at the last real token.

    `centres` [heads] are taken off the heads and `offset` off every score. Where heads disagree, the score is
    their mean less `spread_penalty` times their variance (Coste et al. 2023, uncertainty-weighted).
    """

    def __init__(
        self, classifier: nn.Module, offset: float = 0.0, centres: Sequence[float] = (), spread_penalty: float = 0.0
    ) -> None:
        super().__init__()
        self.classifier = classifier.eval()
        self.offset = offset
        self.centres = list(centres) or [0.0] * len(cast(Any, classifier).score.weight)
        self.spread_penalty = spread_penalty
        self.raw_tie: nn.Parameter | None = None

    @property
    def trunk(self) -> nn.Module:
        return cast(nn.Module, self.classifier.model)

    @property
    def tie(self) -> Tensor | None:
        """The tie threshold [] > 0 of `likelihoods.rao_kupper`; None where the model never learned of ties."""
        return None if self.raw_tie is None else softplus(self.raw_tie).cpu()

    def learn_ties(self, start: float) -> nn.Parameter:
        """Give the net a tie threshold of `start` > 0, and return the parameter behind it."""
        self.raw_tie = nn.Parameter(torch.tensor(math.log(math.expm1(start)), device=device_of(self)))
        return self.raw_tie

    def heads(self, batch: Batch) -> Tensor:
        """What each head says of whole rows: [B,heads] fp32, centres subtracted."""
        hidden, places = hidden_states(self.trunk, batch)
        last = places.gather(1, batch.last.to(places.device).unsqueeze(1)).squeeze(1)
        return _said(self.classifier, hidden[last]).cpu() - torch.tensor(self.centres)

    def pooled(self, heads: Tensor) -> Tensor:
        """Scores [...] of what the heads said [..., heads], offset subtracted."""
        return heads.mean(-1) - self.spread_penalty * heads.var(-1, correction=0) - self.offset

    def forward(self, batch: Batch) -> Tensor:
        """Scores [B] fp32 of whole rows, offset subtracted."""
        return self.pooled(self.heads(batch))


class ValueNet(nn.Module):
    """The expected score, seen from every position; begins as the mean head of a reward model."""

    def __init__(self, reward: RewardNet) -> None:
        super().__init__()
        self.classifier = copy.deepcopy(reward.classifier)
        score = cast(Any, self.classifier).score
        score.weight = nn.Parameter(score.weight.detach().mean(0, keepdim=True))
        # With several heads the offset makes up for the penalty alone, and the mean head pays none.
        self.offset = reward.offset if len(reward.centres) == 1 else 0.0
        self.offset += sum(reward.centres) / len(reward.centres)

    @property
    def trunk(self) -> nn.Module:
        return cast(nn.Module, self.classifier.model)

    def forward(self, batch: Batch) -> Tensor:
        """Values [B,T] fp32; entry t has seen tokens 0..t. Entries of padding are meaningless."""
        hidden, places = hidden_states(self.trunk, batch)
        return _said(self.classifier, hidden).squeeze(-1)[places].cpu() - self.offset


def new_reward(policy: Path, seed: int, heads: int = 1, spread_penalty: float = 0.0) -> RewardNet:
    """A reward model on the trunk of a policy artifact; heads ~ N(0, 1/sqrt(d+1)) without bias, each of its own seed.

    The deviation is Stiennon et al. 2020's (and lm-human-preferences'): larger ones give huge early losses.
    """
    classifier = load_model(transformers.AutoModelForSequenceClassification.from_pretrained, policy, num_labels=heads)
    with torch.no_grad():
        for head, row in enumerate(classifier.score.weight):
            key = ("reward head", head) if head else ("reward head",)
            # Drawn on the CPU, so that a head is the same wherever it lives.
            row.copy_(torch.randn(len(row), generator=generator(seed, *key)) / math.sqrt(len(row) + 1))
    return RewardNet(classifier, spread_penalty=spread_penalty)


def load_reward(artifact: Path) -> RewardNet:
    """Load a reward model artifact, heads in fp32, with what its reward.json says of them."""
    classifier = load_model(transformers.AutoModelForSequenceClassification.from_pretrained, artifact)
    facts = json.loads((artifact / "reward.json").read_text(encoding="utf-8"))
    net = RewardNet(classifier, facts["offset"], facts.get("centres", ()), facts.get("spread_penalty", 0.0))
    if facts.get("tie") is not None:
        net.learn_ties(facts["tie"])
    return net


def save_reward(net: RewardNet, tokenizer_from: Path, folder: Path) -> None:
    """Write `folder`/model (loads as AutoModelForSequenceClassification) and `folder`/reward.json."""
    # transformers scores the last token that is not padding, so padding must differ from what ends a text.
    cast(Any, net.classifier).config.pad_token_id = text.load_tokenizer(tokenizer_from).pad_id
    save_model(net.classifier, tokenizer_from, folder / "model")
    tie = None if net.tie is None else net.tie.item()
    facts = {"offset": net.offset, "centres": net.centres, "spread_penalty": net.spread_penalty, "tie": tie}
    (folder / "reward.json").write_text(json.dumps(facts) + "\n", encoding="utf-8")


def _said(classifier: nn.Module, hidden: Tensor) -> Tensor:
    return cast(Tensor, cast(Any, classifier).score(hidden.float()))
