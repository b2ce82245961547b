"""The round's states and legal moves, as data. Pure."""

from enum import StrEnum


class State(StrEnum):
    EXPORTING = "exporting"  # what people said is being frozen into a snapshot
    SFT = "sft"  # the policy imitates the demonstrations
    REWARD = "reward"  # a reward model is fitted to the rankings
    PPO = "ppo"  # the policy is improved, by whatever algorithm was chosen
    EVALUATING = "evaluating"  # the candidate answers prompts that nothing was fitted to
    REVIEW = "review"  # a person looks before anything is deployed
    DEPLOYING = "deploying"  # the pointer flips and a sampling order is placed
    DONE = "done"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


_ONWARD = {
    State.EXPORTING: {State.SFT, State.REWARD},  # without new demonstrations there is no SFT
    State.SFT: {State.REWARD},
    State.REWARD: {State.PPO, State.EVALUATING},  # best of n trains no policy
    State.PPO: {State.EVALUATING},
    State.EVALUATING: {State.REVIEW},
    State.REVIEW: {State.DEPLOYING, State.REJECTED},
    State.DEPLOYING: {State.DONE},
}
ENDED = frozenset({State.DONE, State.REJECTED, State.CANCELLED})
# Cancel ends a round from any state before the last; nothing can block a project for ever.
MOVES = {state: frozenset() if state in ENDED else frozenset(_ONWARD[state] | {State.CANCELLED}) for state in State}

BY_PEOPLE = frozenset({State.REVIEW})
BY_CELERY = frozenset({State.EXPORTING, State.DEPLOYING})
BY_TRAINER = frozenset({State.SFT, State.REWARD, State.PPO, State.EVALUATING})


# The kind of failure of a round that a person made wait: nothing is wrong with it.
PAUSED = "paused"


class StageState(StrEnum):
    WAITING = "waiting"  # without a lease, this row is the order to a supervisor
    FINISHED = "finished"  # the artifact stands and waits to be taken in
    TAKEN_IN = "taken_in"
    FAILED = "failed"  # waits for a person: retry or cancel
    CANCELLED = "cancelled"


class StageKind(StrEnum):
    SFT = "sft"
    REWARD = "reward"
    PPO = "ppo"
    RLOO = "rloo"
    DPO = "dpo"
    EVALUATE = "evaluate"
    SAMPLE = "sample"


# Where a policy is improved, the round's algorithm says by which kind of stage: `algorithms.kind_in`.
KIND_OF = {
    State.SFT: StageKind.SFT,
    State.REWARD: StageKind.REWARD,
    State.PPO: StageKind.PPO,
    State.EVALUATING: StageKind.EVALUATE,
}
