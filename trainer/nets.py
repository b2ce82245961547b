"""Policies over batches without padding. Nets may live on a GPU; what goes in and comes out lies on the CPU."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import torch
import transformers
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint as recompute

from trainer import compute
from trainer.attention import NAME, Segments
from trainer.bounds import refuse_other_ids
from trainer.errors import Diverged, Refused
from trainer.ragged import Batch, pack
from trainer.trunk import embed, normed, run

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "tutelage.json")
# Positions that go through the LM head at once: 1024 x 49,152 logits are 200 MB in fp32.
HEAD_CHUNK = 1024

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()


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


def logprobs(net: PolicyNet, batch: Batch, temperature: float = 1.0) -> Tensor:
    """Log-probabilities [B,T] fp32: entry t is log p(ids[t] | ids[<t]) where `is_completion[t]`, else 0.

    Only those positions go through the LM head, HEAD_CHUNK at a time; with gradients the chunks are computed
    again on the way back, so that [B,T,V] never exists. Logits are divided by `temperature`.
    """
    chosen = batch.is_completion[:, 1:]
    hidden, places = hidden_states(net.trunk, batch)
    states = hidden[places[:, :-1][chosen.to(places.device)]]
    targets = batch.ids[:, 1:][chosen].to(places.device)
    out = torch.zeros(batch.ids.shape, dtype=torch.float32)
    parts = _head_parts(net.head, states, targets, temperature)
    out[:, 1:][chosen] = torch.cat(parts).to(out.device) if parts else out.new_zeros(0)
    return out


def load_policy(artifact: Path) -> PolicyNet:
    """Load the policy in `artifact`/model with dropout off. Raises Refused if it does not load."""
    return PolicyNet(load_model(transformers.AutoModelForCausalLM.from_pretrained, artifact))


def save_policy(net: PolicyNet, tokenizer_from: Path, model_dir: Path) -> None:
    """Write config, safetensors and the tokenizer files of artifact `tokenizer_from` to `model_dir`."""
    save_model(net.causal, tokenizer_from, model_dir)


def freeze_below(net: nn.Module, layers: int) -> None:
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


def hidden_states(trunk: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
    """Last hidden states [N,d] of a batch's tokens, laid out without padding, and the place of each in them [B,T]."""
    packing = pack(batch)
    source, positions = packing.source.to(device_of(trunk)), packing.positions.to(device_of(trunk))
    if batch.states is None:
        states, layers = embed(trunk, batch.ids.flatten().to(source.device)[source]), 0
    else:
        kept = batch.states.places.flatten()[packing.source]
        states, layers = batch.states.values[kept].to(source.device).unsqueeze(0), batch.states.layers
    with compute.products(source.device):
        states = run(trunk, states, positions, Segments(packing), slice(layers, None))
    return normed(trunk, states.float()).squeeze(0), packing.places.to(source.device)


def lower(trunk: nn.Module, layers: int, batch: Batch) -> tuple[Tensor, Tensor]:
    """Hidden states [N,d] above the lowest `layers` layers, on the CPU, and the place of each token in them [B,T]."""
    packing = pack(batch)
    source, positions = packing.source.to(device_of(trunk)), packing.positions.to(device_of(trunk))
    states = embed(trunk, batch.ids.flatten().to(source.device)[source])
    with compute.products(source.device):
        states = run(trunk, states, positions, Segments(packing), slice(0, layers))
    return states.squeeze(0).cpu(), packing.places


def device_of(net: nn.Module) -> torch.device:
    return next(net.parameters()).device


def _head_parts(head: nn.Module, states: Tensor, targets: Tensor, temperature: float) -> list[Tensor]:
    chunks = list(zip(torch.split(states, HEAD_CHUNK), torch.split(targets, HEAD_CHUNK), strict=True))
    if len(chunks) <= 1 or not torch.is_grad_enabled():
        return [_token_logprobs(head, part, ids, temperature) for part, ids in chunks if len(ids)]
    return [
        cast(Tensor, recompute(_token_logprobs, head, part, ids, temperature, use_reentrant=False))
        for part, ids in chunks
    ]


def _token_logprobs(head: nn.Module, states: Tensor, targets: Tensor, temperature: float) -> Tensor:
    with compute.products(states.device):
        logits = cast(Tensor, head(states))
    logits = logits.float() / temperature
    return logits.gather(-1, targets[:, None]).squeeze(-1) - logits.logsumexp(-1)


def load_model(loader: Callable[..., Any], artifact: Path, **options: Any) -> Any:
    """The model in `artifact`/model, in fp32, where `compute` says. Raises Refused if it does not load."""
    try:
        model = loader(
            artifact / "model",
            dtype=torch.float32,
            attn_implementation=NAME,
            local_files_only=True,
            use_safetensors=True,
            **options,
        )
    except (OSError, ValueError) as error:
        raise Refused(f"{artifact / 'model'} does not load as a model: {error}") from error
    refuse_other_ids(model, artifact)
    return model.to(compute.device())


def refuse_not_finite(model: Any) -> None:
    """Raise Diverged naming the first weight that is NaN or infinite: such a model is never published."""
    for name, parameter in model.named_parameters():
        if not bool(parameter.isfinite().all()):
            raise Diverged(f"{name} is not finite after the last update")


def save_model(model: Any, tokenizer_from: Path, model_dir: Path) -> None:
    refuse_not_finite(model)
    model_dir.mkdir(exist_ok=True)
    model.save_pretrained(model_dir)
    for name in TOKENIZER_FILES:
        if (tokenizer_from / "model" / name).is_file():
            shutil.copyfile(tokenizer_from / "model" / name, model_dir / name)
