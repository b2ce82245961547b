"""Tutelage's HTTP API from Python."""

from tutelage_client.answers import Added, Export, File, Import, Place, Project, Prompt
from tutelage_client.client import Client
from tutelage_client.problems import (
    Busy,
    Damaged,
    Failed,
    Fault,
    Invalid,
    Moved,
    NotAllowed,
    NotFound,
    NoToken,
    Problem,
    Refused,
    Stopped,
    TooLarge,
    Unreachable,
)

__all__ = [
    "Added",
    "Busy",
    "Client",
    "Damaged",
    "Export",
    "Failed",
    "Fault",
    "File",
    "Import",
    "Invalid",
    "Moved",
    "NoToken",
    "NotAllowed",
    "NotFound",
    "Place",
    "Problem",
    "Project",
    "Prompt",
    "Refused",
    "Stopped",
    "TooLarge",
    "Unreachable",
]
