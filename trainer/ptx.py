"""PPO-ptx: text that a policy must not forget, learned beside the rewards (Ouyang 2022, equation 2)."""

import argparse
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from trainer import dist, manifest
from trainer.errors import Refused
from trainer.losses import sft_loss
from trainer.nets import PolicyNet, logprobs, trained
from trainer.ragged import Batch
from trainer.records import read_demonstrations
from trainer.runtime import generator
from trainer.text import Tokenizer, encode, encode_answer, encode_prompt

Row = tuple[list[int], list[bool]]


@dataclass(frozen=True)
class Mix:
    """Rows of text, `draws` of them for a minibatch, and how much their gradient weighs beside that of PPO.

    `coefficient` multiplies the gradient of the mean loss a token. With `ratio` instead it is scaled so that its
    norm is that share of the norm of PPO's gradient, whatever either loss is normalised by.
    """

    rows: Sequence[Row]
    draws: int
    coefficient: float
    ratio: float
    micro_batch: int
    seed: int

    def add(self, net: PolicyNet, step: int, number: int) -> dict[str, float]:
        """Add the text's gradient to the one that PPO left in `net`, for minibatch `number` of update `step`.

        The text's own is gathered alone first, so that both norms are known: one more buffer of gradients.
        """
        parameters = trained(net)
        ours = [each.grad for each in parameters]
        norm = _norm(ours)
        net.zero_grad(set_to_none=True)
        noise = generator(self.seed, "ptx", step, number)
        loss = self._backward(net, torch.randint(len(self.rows), (self.draws,), generator=noise).tolist())
        text = _norm([each.grad for each in parameters])
        scale = self.coefficient or self.ratio * norm / max(text, 1e-12)
        for parameter, our in zip(parameters, ours, strict=True):
            if parameter.grad is not None:
                parameter.grad.mul_(scale)
                parameter.grad.add_(0.0 if our is None else our)
        return {"loss/ptx": loss, "grad_norm/ptx": text, "ptx/ratio": scale * text / max(norm, 1e-12)}

    def _backward(self, net: PolicyNet, places: Sequence[int]) -> float:
        alike = sorted((self.rows[place] for place in places), key=lambda row: len(row[0]))
        tokens = sum(sum(learned) for _, learned in alike)
        total = 0.0
        for start in dist.share(range(0, len(alike), self.micro_batch)):
            batch = Batch.of_flags(alike[start : start + self.micro_batch])
            loss = sft_loss(logprobs(net, batch), batch.is_completion, tokens)
            loss.backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
        return dist.add_up({"loss": total}, trained(net))["loss"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--text",
        type=Path,
        metavar="PATH",
        help="text for ptx, a file or a folder of .txt files (default: demonstrations)",
    )


def inputs(text: Path | None) -> dict[str, str]:
    """The digest of the text, if there is one: of the file, or of the names and digests of a folder's files."""
    if text is None:
        return {}
    if text.is_file():
        return {"text": manifest.file_digest(text)}
    listed = [f"{path.relative_to(text)} {manifest.file_digest(path)}\n" for path in _files(text)]
    return {"text": hashlib.sha256("".join(listed).encode()).hexdigest()}


def text_rows(text: Path, tok: Tokenizer, width: int) -> list[Row]:
    """The text in windows of at most `width` ids, of which all but the first are learned; a file ends with EOS."""
    rows: list[Row] = []
    for path in _files(text):
        try:
            ids = [*encode(tok, path.read_text(encoding="utf-8")), tok.eos_id]
        except UnicodeDecodeError as error:
            raise Refused(f"{path} is not UTF-8: {error}") from error
        windows = [ids[start : start + width] for start in range(0, len(ids) - 1, width)]
        rows += [(window, [False] + [True] * (len(window) - 1)) for window in windows if len(window) > 1]
    if not rows:
        raise Refused(f"{text} holds no text to learn from")
    return rows


def demonstration_rows(dataset: Path, tok: Tokenizer, max_prompt: int, max_answer: int) -> list[Row]:
    """The training demonstrations, of which the assistant's tokens are learned. Raises Refused without any."""
    rows: list[Row] = []
    for each in read_demonstrations(dataset):
        if each.split == "train":
            prompt = encode_prompt(tok, each.prompt.messages, max_prompt)
            answer, learned = encode_answer(tok, each.messages, max_answer)
            rows.append(([*prompt, *answer], [False] * len(prompt) + learned))
    if not rows:
        raise Refused(f"ptx needs text, but {dataset} holds no training demonstration: give --text, or set ptx=0")
    return rows


def _files(text: Path) -> list[Path]:
    found = [text] if text.is_file() else sorted(text.rglob("*.txt"))
    if not found:
        raise Refused(f"{text} is neither a file nor a folder with .txt files")
    return found


def _norm(gradients: Sequence[Tensor | None]) -> float:
    return float(nn.utils.get_total_norm([each for each in gradients if each is not None]))
