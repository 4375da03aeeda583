"""What became of a notification of Paddle."""

from dataclasses import dataclass
from typing import Literal

EventState = Literal["pending", "applied", "ignored", "needs_person"]


@dataclass(frozen=True, slots=True)
class Handled:
    """problem: stable code of why it was not applied."""

    state: EventState
    problem: str = ""
