"""What happens next: rounds, stages, snapshots, artifacts, deployments, schedules."""

from rounds.models.deployments import Deployment
from rounds.models.rounds import Facts, Notice, Round, Schedule, Snapshot
from rounds.models.stages import Artifact, RewardModel, Stage
from rounds.models.trust import GateRule, SafetyPrompt, Vote
from rounds.models.watch import Beat, DiskUse

__all__ = [
    "Artifact",
    "Beat",
    "Deployment",
    "DiskUse",
    "Facts",
    "GateRule",
    "Notice",
    "RewardModel",
    "Round",
    "SafetyPrompt",
    "Schedule",
    "Snapshot",
    "Stage",
    "Vote",
]
