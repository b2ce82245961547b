"""How much one run of the experiment does."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """`labels` are the numbers of rankings of `k` completions; `best_of` samples a held-out prompt.

    Labelers see gold through normal noise of `noise` units. PPO takes `updates` of `batch` completions, each of
    which is kept, with every price of `betas` on the smallest reward model, and with the first on all of them; a
    price is in standard deviations of the proxy a nat.
    """

    labels: tuple[int, ...] = (120, 480, 1920)
    train_prompts: int = 480
    held_out_prompts: int = 160
    demonstrations: int = 160
    k: int = 4
    labelers: int = 4
    noise: float = 1.0
    best_of: int = 64
    reward_batch: int = 8
    epochs: int = 2
    updates: int = 80
    batch: int = 64
    lr: float = 2e-4
    betas: tuple[float, ...] = (0.0, 0.1, 0.3)
    heads: int = 4

    @property
    def per_prompt(self) -> int:
        """Completions of each training prompt: enough for the largest number of rankings."""
        return self.k * -(-max(self.labels) // self.train_prompts)


WHOLE = Scale()
# Minutes instead of half an hour: shows that everything works, and nothing else.
SMALL = Scale(
    labels=(24, 48),
    train_prompts=48,
    held_out_prompts=24,
    demonstrations=32,
    best_of=16,
    updates=6,
    batch=16,
    betas=(0.0, 0.3),
)
