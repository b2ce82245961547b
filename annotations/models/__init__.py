"""What people said, and what they said it about."""

from annotations.models.asked import (
    Completion,
    ImportedItem,
    ImportedSet,
    Messages,
    Policy,
    Prompt,
    SamplingOrder,
    Slate,
    SlateCompletion,
    public_id,
)
from annotations.models.exercises import Exercise, ExerciseAnswer, Qualification
from annotations.models.said import Demonstration, Placement, Ranking, Remark
from annotations.models.work import Assignment, Draft

__all__ = [
    "Assignment",
    "Completion",
    "Demonstration",
    "Draft",
    "Exercise",
    "ExerciseAnswer",
    "ImportedItem",
    "ImportedSet",
    "Messages",
    "Placement",
    "Policy",
    "Prompt",
    "Qualification",
    "Ranking",
    "Remark",
    "SamplingOrder",
    "Slate",
    "SlateCompletion",
    "public_id",
]
