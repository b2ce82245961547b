"""The nets that say one number: reward models, and the value nets that begin as their copies."""

import copy
import json
import math
from pathlib import Path
from typing import Any, cast

import torch
import transformers
from torch import Tensor, nn

from trainer import text
from trainer.nets import hidden_states, load_model, save_model
from trainer.ragged import Batch
from trainer.runtime import generator


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
        hidden, places = hidden_states(self.trunk, batch)
        last = places.gather(1, batch.last.to(places.device).unsqueeze(1)).squeeze(1)
        return _scalar(self.classifier, hidden[last]).cpu() - self.offset


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
        hidden, places = hidden_states(self.trunk, batch)
        return _scalar(self.classifier, hidden)[places].cpu() - self.offset


def new_reward(policy: Path, seed: int) -> RewardNet:
    """A reward model on the trunk of a policy artifact; head ~ N(0, 1/sqrt(d+1)) without bias.

    The deviation is Stiennon et al. 2020's (and lm-human-preferences'): larger ones give huge early losses.
    """
    classifier = load_model(transformers.AutoModelForSequenceClassification.from_pretrained, policy, num_labels=1)
    weight = classifier.score.weight
    with torch.no_grad():
        weight.normal_(0.0, 1.0 / math.sqrt(weight.shape[1] + 1), generator=generator(seed, "reward head"))
    return RewardNet(classifier)


def load_reward(artifact: Path) -> RewardNet:
    """Load a reward model artifact, head in fp32, with the offset of its reward.json."""
    classifier = load_model(transformers.AutoModelForSequenceClassification.from_pretrained, artifact, num_labels=1)
    offset = json.loads((artifact / "reward.json").read_text(encoding="utf-8"))["offset"]
    return RewardNet(classifier, float(offset))


def save_reward(net: RewardNet, tokenizer_from: Path, folder: Path) -> None:
    """Write `folder`/model (loads as AutoModelForSequenceClassification) and `folder`/reward.json."""
    # transformers scores the last token that is not padding, so padding must differ from what ends a text.
    cast(Any, net.classifier).config.pad_token_id = text.load_tokenizer(tokenizer_from).pad_id
    save_model(net.classifier, tokenizer_from, folder / "model")
    (folder / "reward.json").write_text(json.dumps({"offset": net.offset}) + "\n", encoding="utf-8")


def _scalar(classifier: nn.Module, hidden: Tensor) -> Tensor:
    return cast(Tensor, cast(Any, classifier).score(hidden.float())).squeeze(-1)
