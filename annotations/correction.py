"""A completion as a person would rather have read it."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class Correction:
    """What one completion should have been. An empty text takes an earlier correction back."""

    completion: UUID | None
    text: str

    def body(self) -> dict[str, str]:
        """What a submission key stands for."""
        return {"completion": str(self.completion or ""), "text": self.text}


def tidied(text: str) -> str:
    """A text as it is kept: with the line ends of one system, and nothing blank around it."""
    return text.replace("\r\n", "\n").strip()
