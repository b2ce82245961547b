"""What people said, and what they said it about."""

from annotations.models.asked import (
    Completion,
    Messages,
    Policy,
    Prompt,
    SamplingOrder,
    Slate,
    SlateCompletion,
    public_id,
)
from annotations.models.said import Demonstration, Placement, Ranking, Remark
from annotations.models.work import Assignment, Draft

__all__ = [
    "Assignment",
    "Completion",
    "Demonstration",
    "Draft",
    "Messages",
    "Placement",
    "Policy",
    "Prompt",
    "Ranking",
    "Remark",
    "SamplingOrder",
    "Slate",
    "SlateCompletion",
    "public_id",
]
