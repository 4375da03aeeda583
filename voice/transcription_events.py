"""What Twilio's Real-Time Transcription posts: checked once and typed; tolerant of what may be added, strict on what we use."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from voice.schemas import Speaker
from voice.times import timestamp

Kind = Literal["started", "content", "stopped", "error"]

KIND_OF_EVENT: Mapping[str, Kind] = {
    "transcription-started": "started",
    "transcription-content": "content",
    "transcription-stopped": "stopped",
    "transcription-error": "error",
}
# Of the rep's leg: inbound is what Twilio receives there, outbound what it sends there, which is the lead.
SPEAKER_OF_TRACK: Mapping[str, Speaker] = {"inbound_track": "agent", "outbound_track": "callee"}
TRANSCRIPTION_SID = re.compile(r"GT[0-9a-fA-F]{32}")
SEQUENCE = re.compile(r"[0-9]{1,9}")
# Nobody says so much without a pause.
TEXT_LENGTH_MAX = 10_000


class EventInvalid(ValueError):
    """The form is none that a transcription may post. code: stable."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True, slots=True)
class Event:
    """sequence: the number of the callback within its transcription. at: when Twilio says that it happened."""

    kind: Kind
    transcription_sid: str
    sequence: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Content(Event):
    """What was understood on one track. final: it does not change any more. confidence: [0, 1], null where not told."""

    track: str
    text: str
    confidence: float | None
    final: bool

    @property
    def speaker(self) -> Speaker:
        return SPEAKER_OF_TRACK[self.track]


def parse(form: Mapping[str, str], *, received_at: datetime) -> Event | None:
    """One callback; None for an event of a kind that we do not know.

    :raises EventInvalid: a known event without what it must have.
    """
    name = form.get("TranscriptionEvent", "")
    kind = KIND_OF_EVENT.get(name)
    if kind is None:
        if not name:
            raise EventInvalid("transcription_event_missing", "TranscriptionEvent is missing.")
        return None
    sid, number = form.get("TranscriptionSid", ""), form.get("SequenceId", "")
    if not TRANSCRIPTION_SID.fullmatch(sid):
        raise EventInvalid("transcription_sid_invalid", "TranscriptionSid is missing or malformed.")
    if not SEQUENCE.fullmatch(number):
        raise EventInvalid("transcription_sequence_invalid", "SequenceId is missing or no number.")
    at = timestamp(form.get("Timestamp"), received_at)
    if kind != "content":
        return Event(kind, sid, int(number), at)
    track, final = form.get("Track", ""), form.get("Final", "")
    if track not in SPEAKER_OF_TRACK:
        raise EventInvalid("transcription_track_unknown", "Track is none of the two that are transcribed.")
    if final not in ("true", "false"):
        raise EventInvalid("transcription_final_invalid", "Final is neither true nor false.")
    text, confidence = _data(form.get("TranscriptionData", ""))
    return Content(kind, sid, int(number), at, track, text, confidence, final == "true")


def _data(text: str) -> tuple[str, float | None]:
    try:
        data = json.loads(text)
        transcript = data["transcript"].strip()
        # Half a character of two, which JSON can spell and no database can hold.
        transcript.encode()
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise EventInvalid("transcription_data_invalid", "TranscriptionData holds no transcript.") from None
    if "\x00" in transcript or len(transcript) > TEXT_LENGTH_MAX:
        raise EventInvalid("transcription_data_invalid", "The transcript holds what no text may hold, or too much.")
    return cast(str, transcript), _confidence(data.get("confidence"))


def _confidence(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(cast(float, value)) if is_number and 0 <= cast(float, value) <= 1 else None
