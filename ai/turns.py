"""What thinking gets from a call: plain turns of speech, with nothing of telephony in them."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

Speaker = Literal["agent", "callee"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One settled segment of the transcript.

    segment_id: the transcript segment that holds these very words.
    start_ms, end_ms: milliseconds since the call's audio began; end_ms >= start_ms.
    text: the recognised words, unchanged.
    """

    segment_id: UUID
    speaker: Speaker
    start_ms: int
    end_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class CallTurns:
    """One call's settled text, ordered by start_ms.

    user_id: the member who made the call; lead_id, lead_name, company: who was called, company may be empty;
    started_at: aware UTC. held_on: the day that it then was where the callee is, to which "tomorrow" and "by Friday" refer.
    """

    call_id: UUID
    workspace_id: UUID
    user_id: UUID
    lead_id: UUID
    lead_name: str
    company: str
    started_at: datetime
    held_on: date
    turns: tuple[Turn, ...]
