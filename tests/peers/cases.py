"""The models, texts and folders that ours and TRL's trainers are both given, and the way into a TRL environment."""

import json
import os
import random
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from trainer import cli, gold, manifest, tiny, world
from trainer.nets import load_policy, save_policy
from trainer.records import Message
from trainer.scalar import new_reward, save_reward
from trainer.slates import Slate
from trainer.text import encode_completion, encode_prompt, load_tokenizer

ROOT = Path(__file__).parents[2]
PEERS = ROOT / "build/peers"
PPO, LATEST = "1.12.0", "1.16.0"
# Small enough for 1e-6 after a step: Adam makes up to lr/eps of a difference between two gradients.
LEARNING_RATE = 3e-5
# TRL's scripts see the product's packages, never its code or its settings.
PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "OMP_NUM_THREADS")


@dataclass(frozen=True)
class Models:
    """Artifacts: the policy, its reference, the policy as it was when it sampled, and a reward model."""

    policy: Path
    reference: Path
    sampler: Path
    reward: Path


@dataclass(frozen=True)
class Answer:
    """What a script in the environment of TRL `version` wrote."""

    version: str
    tensors: dict[str, Tensor]
    found: dict[str, Any]

    def part(self, prefix: str) -> dict[str, Tensor]:
        """The tensors under `prefix`, by the rest of their names."""
        return {name.removeprefix(prefix): each for name, each in self.tensors.items() if name.startswith(prefix)}


def make_models(name: str, folder: Path) -> Models:
    """`tiny` is random; `smollm2` is the packaged model, converted once into build/peers."""
    policy = folder / "policy" if name == "tiny" else PEERS / "smollm2"
    if not policy.exists():
        if name == "tiny":
            tiny.make(policy, seed=7, config=tiny.Config(steps=0, width=64))
        else:
            assert cli.main(["convert", "--packaged", name, "--out", str(policy)]) == 0
    reward = folder / "reward"
    with manifest.writing(reward, kind="reward_model") as twin:
        save_reward(new_reward(policy, seed=3), policy, twin)
    strength = 0.02 if name == "tiny" else 0.01
    other = [_retouched(policy, folder / role, strength, seed) for seed, role in enumerate(("reference", "sampler"), 1)]
    return Models(policy, other[0], other[1], reward)


def _retouched(policy: Path, out: Path, strength: float, seed: int) -> Path:
    """A copy of `policy` with noise in its last layer."""
    net = load_policy(policy)
    noise = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in net.causal.model.layers[-1].parameters():
            parameter.add_(torch.randn(parameter.shape, generator=noise) * strength)
    with manifest.writing(out, kind="policy") as twin:
        save_policy(net, policy, twin / "model")
    return out


def asked(count: int) -> list[str]:
    """Prompts of different lengths."""
    found = sorted(gold.prompts(8 * count, seed=5), key=len)
    return found[:: len(found) // count][:count]


def answers(prompt: str, count: int) -> list[str]:
    rng = random.Random(prompt)
    return [world.text(rng, world.any_style(rng), prompt) for _ in range(count)]


def user(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def assistant(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def template(policy: Path) -> str:
    """Our frame as a chat template: no default system prompt, and nothing after the last end token."""
    tok = load_tokenizer(policy)

    def spelt(ids: list[int]) -> str:
        return json.dumps(tok.inner.decode(ids, skip_special_tokens=False))

    start = "{" + ", ".join(f'"{role}": {spelt(ids)}' for role, ids in tok.start.items()) + "}"
    between, end = spelt(tok.end[1:]), spelt(tok.end[:1])
    return (
        f"{{% set start = {start} %}}"
        f"{{% for m in messages %}}{{% if not loop.first %}}{{{{ {between} }}}}{{% endif %}}"
        f"{{{{ start[m['role']] + m['content'] + {end} }}}}{{% endfor %}}"
        f"{{% if add_generation_prompt %}}{{{{ {between} + start['assistant'] }}}}{{% endif %}}"
    )


def ask_trl(version: str, script: str, folder: Path, models: Models, rows: list[Any], **facts: Any) -> Answer:
    """Run `script` on `rows` in the environment of that TRL and read what it wrote; the folder goes afterwards."""
    tok = load_tokenizer(models.policy)
    folder.mkdir()
    case = {
        "models": {role: str(path) for role, path in vars(models).items()},
        "template": template(models.policy),
        "pad": tok.pad_id,
        "eos": tok.eos_id,
        "threads": torch.get_num_threads(),
        "lr": LEARNING_RATE,
        "outputs": True,
        "arguments": {},
        "rows": rows,
        **facts,
    }
    (folder / "case.json").write_text(json.dumps(case), encoding="utf-8")
    python = PEERS / f"trl-{version}/bin/python"
    assert python.exists(), f"{python} is missing: make test-peers makes it"
    env = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    command = [str(python), str(Path(__file__).with_name(script)), str(folder)]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    tensors = {name: each.clone() for name, each in load_file(folder / "out.safetensors").items()}
    found = json.loads((folder / "out.json").read_text(encoding="utf-8"))
    shutil.rmtree(folder)
    return Answer(version, tensors, found)


def alike(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> tuple[float, float]:
    """Cosine and ratio of the norms of two gradients, each given by parameter."""
    assert ours.keys() == theirs.keys()
    dot = sum(float((ours[name].double() * theirs[name].double()).sum()) for name in ours)
    norms = [sum(float(each.double().square().sum()) for each in side.values()) ** 0.5 for side in (ours, theirs)]
    return dot / (norms[0] * norms[1]), norms[0] / norms[1]


def gradients(net: torch.nn.Module) -> dict[str, Tensor]:
    """By parameter, as TRL's scripts name them."""
    return {name: each.grad.clone() for name, each in net.named_parameters() if each.grad is not None}


def farthest(net: torch.nn.Module, theirs: dict[str, Tensor]) -> float:
    """The largest difference of any weight."""
    ours = dict(net.named_parameters())
    assert ours.keys() == theirs.keys()
    return max(float((ours[name].detach() - theirs[name]).abs().max()) for name in ours)


def ranked_slates(policy: Path, texts: Sequence[tuple[str, Sequence[str]]]) -> list[Slate]:
    """Slates of (prompt, completions from best to worst), in the tokens of a policy."""
    tok = load_tokenizer(policy)
    found = []
    for prompt, ranked in texts:
        ids = encode_prompt(tok, [Message("user", prompt)], 512)
        rows = [(ids, encode_completion(tok, text, True)) for text in ranked]
        found.append(Slate(prompt, rows, list(range(1, len(rows) + 1))))
    return found
