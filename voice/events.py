"""What voice tells browsers."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from voice.queue_schemas import ReservationOut
from voice.schemas import CallOut, CallUser, SegmentOut, Speaker, WallLine


class CallChanged(BaseModel):
    type: Literal["call.changed"] = "call.changed"
    call: CallOut


class SegmentAdded(BaseModel):
    type: Literal["segment.added"] = "segment.added"
    call_id: UUID
    sequence: int
    segment: SegmentOut


class SegmentChanged(BaseModel):
    """A person corrected a segment's text, or took the correction back; or its beginning became known better."""

    type: Literal["segment.changed"] = "segment.changed"
    call_id: UUID
    sequence: int
    segment: SegmentOut


class WallLineSettled(BaseModel):
    """What one side of a live call said, as far as the wall shows it; line: the newest one unless it is known already."""

    type: Literal["wall.line"] = "wall.line"
    call_id: UUID
    speaker: Speaker
    line: WallLine


class SegmentInterim(BaseModel):
    """Text that is still changing; never stored, replaced by the segment that covers its time."""

    type: Literal["segment.interim"] = "segment.interim"
    call_id: UUID
    speaker: Speaker
    text: str
    start_ms: int
    end_ms: int


class CallWarning(BaseModel):
    """The credits end soon: sent once at 60 s, once at 15 s, and when the closing line begins.

    duration_s: how long the two have talked by then, by the server's clock, since a page's own may be wrong.
    """

    type: Literal["call.warning"] = "call.warning"
    call_id: UUID
    seconds_left: int
    duration_s: int


class TranscriptionLevel(BaseModel):
    """What the recognisers leave out for lack of time; never stored, said again while it holds.

    level: 0 nothing; 1 interim text; 2 also the second, more careful hearing; 3 also the operator's larger model, a smaller one
        writes; 4 final text comes late.
    """

    type: Literal["transcription.level"] = "transcription.level"
    call_id: UUID
    level: int


class WatchersChanged(BaseModel):
    """Who of the team reads along in a call; watchers: all of them, empty when the last one left."""

    type: Literal["watchers.changed"] = "watchers.changed"
    call_id: UUID
    watchers: list[CallUser]


class DiallingChanged(BaseModel):
    """Nobody of the team may dial from now on, or everybody again."""

    type: Literal["dialling.changed"] = "dialling.changed"
    paused: bool


class LeadReserved(BaseModel):
    """Somebody has a lead in the queue, until they call it, let it go, or the time is over."""

    type: Literal["lead.reserved"] = "lead.reserved"
    reservation: ReservationOut


class LeadReleased(BaseModel):
    type: Literal["lead.released"] = "lead.released"
    lead_id: UUID
    user_id: UUID
