"""Completions that both sides take for sampled, and what our functions make of them in the layout of TRL's tensors."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tests.peers.cases import LEARNING_RATE, Models, answers, asked, gradients
from trainer import losses, optim, rl
from trainer.nets import load_policy, logprobs, trained
from trainer.ragged import Batch
from trainer.records import Message
from trainer.scalar import ValueNet, load_reward
from trainer.text import Tokenizer, encode_completion, encode_prompt, load_tokenizer

WIDTH = 24
TEMPERATURE = 0.7
BETA, LAM, CLIP, VALUE_CLIP = 0.05, 0.95, 0.2, 0.001
OPTIONS = {
    "kl_coef": BETA,
    "lam": LAM,
    "cliprange": CLIP,
    "cliprange_value": VALUE_CLIP,
    # Policy and value nets are separate, so 1 gives each the gradient of its own loss.
    "vf_coef": 1.0,
    "num_ppo_epochs": 2,
    "num_mini_batches": 1,
}

Row = dict[str, Any]


def rollout_rows(models: Models, count: int) -> list[Row]:
    """Two of three completions end by themselves, at different lengths, one of them with the last token allowed."""
    tok = load_tokenizer(models.policy)
    return [_row(tok, prompt, number) for number, prompt in enumerate(asked(count))]


def _row(tok: Tokenizer, prompt: str, number: int) -> Row:
    finished = number % 3 != 2
    kept = WIDTH - 1 if number == 0 else WIDTH // (1 + number % 2) - number if finished else WIDTH
    said = encode_completion(tok, " ".join(answers(prompt, 9)), False, kept)
    ids = encode_prompt(tok, [Message("user", prompt)], 512)
    return {"prompt": ids, "completion": [*said, *([tok.eos_id] if finished else [])], "finished": finished}


@dataclass
class Nets:
    policy: Any
    reference: Any
    sampler: Any
    reward: Any
    value: Any


def load_nets(models: Models) -> Nets:
    policies = [load_policy(path) for path in (models.policy, models.reference, models.sampler)]
    reward = load_reward(models.reward)
    return Nets(*policies, reward, ValueNet(reward))


class Ours:
    """One rollout of `rows` by `nets`, in the conventions of TRL 1.12: the score lies on the first padding token.

    Tensors are [B,WIDTH], from the first token of the completion. `mask` holds what was sampled, `longer` one
    place more where there is room: in TRL the state after the end token is a step of the episode.
    """

    def __init__(self, nets: Nets, rows: list[Row]) -> None:
        self.nets, self.rows = nets, rows
        self.batch = Batch.of([(row["prompt"], row["completion"]) for row in rows])
        places, lengths = torch.arange(WIDTH), torch.tensor([len(row["completion"]) for row in rows])
        self.mask, self.longer = places < lengths[:, None], places <= lengths[:, None]
        with torch.no_grad():
            self.logprobs, self.reference = self.of_policy(nets.sampler), self.of_policy(nets.reference)
            self.values, self.scores = self.of_value(), nets.reward(self.batch)
        self.kl = torch.where(self.mask, rl.k1(self.logprobs, self.reference), 0.0)
        self.rewards = rl.shaped_rewards(self.kl, self.scores, self.longer, beta=BETA)
        self.advantages, self.returns = rl.gae(self.values, self.rewards, self.longer, lam=LAM)
        self.whitened = rl.whiten(self.advantages, self.mask)

    def of_policy(self, net: Any) -> Tensor:
        """Log-probabilities of the completions' tokens."""
        return self._cut(logprobs(net, self.batch, TEMPERATURE), first=0, more=0)

    def of_value(self) -> Tensor:
        """Values of the states before each token, and of the one after the last."""
        return self._cut(self.nets.value(self.batch), first=-1, more=1)

    def _cut(self, found: Tensor, *, first: int, more: int) -> Tensor:
        out = found.new_zeros(len(self.rows), WIDTH)
        for number, row in enumerate(self.rows):
            start, count = len(row["prompt"]) + first, min(WIDTH, len(row["completion"]) + more)
            out[number, :count] = found[number, start : start + count]
        return out

    def epoch(self) -> dict[str, Any]:
        """Losses, statistics and gradients of one epoch over all rows at once, and one step of both optimizers."""
        new, values = self.of_policy(self.nets.policy), self.of_value()
        loss, policy = losses.ppo_policy_loss(new, self.logprobs, self.whitened, self.mask, CLIP)
        value_loss, value = losses.ppo_value_loss(values, self.values, self.returns, self.longer, VALUE_CLIP)
        loss.backward()  # type: ignore[no-untyped-call]
        value_loss.backward()  # type: ignore[no-untyped-call]
        nets = {"policy": self.nets.policy, "value": self.nets.value}
        inner = {"policy.": self.nets.policy.causal, "value_model.": self.nets.value.classifier}
        slopes = {prefix + name: each for prefix, net in inner.items() for name, each in gradients(net).items()}
        if not hasattr(self, "optimizers"):
            self.optimizers = {name: optim.adamw(trained(net), LEARNING_RATE) for name, net in nets.items()}
        for name, net in nets.items():
            optim.update(self.optimizers[name], trained(net), LEARNING_RATE, math.inf)
        weights = {
            prefix + name: each.detach().clone()
            for prefix, net in inner.items()
            for name, each in net.named_parameters()
        }
        return {
            "new": new.detach(),
            "loss": float(loss.detach()),
            "value_loss": float(value_loss.detach()),
            "value_clipfrac": value["clipfrac"],
            **policy,
            "gradients": slopes,
            "after": weights,
        }
