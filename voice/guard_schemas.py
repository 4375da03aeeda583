"""Shapes of what keeps the number that all call from in good repute."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

PauseCause = Literal["failures", "complaints"]


class PausedCall(BaseModel):
    """A call that brought a pause. end_reason: as the call has it."""

    id: UUID
    lead: str
    ended_at: datetime | None
    end_reason: str | None


class PauseOut(BaseModel):
    """calls: those that the asker may see and that are still there, the newest first. may_resume: whether the asker may end it."""

    cause: PauseCause
    paused_at: datetime
    message: str
    calls: list[PausedCall]
    may_resume: bool


class PauseState(BaseModel):
    """pause: null when calling goes on."""

    pause: PauseOut | None
