"""One test call to a number of the operator's: what came of it, piece by piece. Nobody is charged and nothing is kept."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction

from voice import media_threads, transcription, twilio, twiml
from voice.reception import Ear
from voice.scripted_models import ScriptedCall
from voice.state import LEG_RANK, LEG_TERMINAL
from voice.transcripts import StreamRefused

WORDS: Final = "This is the test call of Klosesales. It works. Goodbye."
# After that the carrier ends it whatever happens.
TIME_LIMIT_S: Final = 60
NEWS_MAX: Final = 40
# A row that its command left behind, because it was killed.
FORGOTTEN_AFTER: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Placed:
    """A test call that the carrier took."""

    call_id: UUID
    sid: str


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a test call until now. status: the newest of its leg; frames: null until its media socket was closed."""

    news: frozenset[str]
    status: str
    frames: int | None

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to come: its leg has ended, and so has its media socket, if it ever opened."""
        ended = self.status in LEG_TERMINAL
        return ended and ("media" not in self.news or self.frames is not None)


def streams_sound() -> bool:
    """Whether calls stream their sound to us at all."""
    return settings.TRANSCRIPTION_ENGINE != transcription.ENGINE


def place(*, to_e164: str, now: datetime) -> Placed:
    """Rings this number once. Whatever it raises, it is never repeated by itself.

    :raises CarrierRefused, CarrierSilent:
    """
    ScriptedCall.objects.filter(placed_at__lt=now - FORGOTTEN_AFTER).delete()
    # Until the carrier asks what to do there is no token that could open a socket.
    call = ScriptedCall.objects.create(token_hash=_hash(secrets.token_urlsafe(32)), placed_at=now)
    try:
        sid = twilio.place_call(
            to_e164=to_e164,
            answer_url=_url(call.id, "answer"),
            status_url=_url(call.id, "status"),
            time_limit_s=TIME_LIMIT_S,
        )
    except (twilio.CarrierRefused, twilio.CarrierSilent):
        call.delete()
        raise
    return Placed(call.id, sid)


def note(*, call_id: UUID, what: str, now: datetime) -> bool:
    """Notes the first time that something came; False when there is no such test call."""
    with transaction.atomic():
        call = ScriptedCall.objects.select_for_update().filter(id=call_id).first()
        if call is not None and what and what not in call.news and len(call.news) < NEWS_MAX:
            call.news[what[:40]] = now.isoformat()
            call.save(update_fields=["news"])
    return call is not None


def script(*, call_id: UUID) -> str:
    """What the carrier is to do once somebody has answered: stream the sound, say a sentence, hang up."""
    if not streams_sound():
        return twiml.say_and_hang_up(WORDS)
    token = secrets.token_urlsafe(32)
    ScriptedCall.objects.filter(id=call_id).update(token_hash=_hash(token))
    return twiml.stream_say_and_hang_up(
        WORDS,
        url=f"{settings.MEDIA_SOCKET_URL}/twilio/media/",
        parameter=("check", token),
        callback_url=_url(call_id, "stream"),
    )


def came(*, call_id: UUID) -> Came:
    """:raises ScriptedCall.DoesNotExist:"""
    call = ScriptedCall.objects.get(id=call_id)
    statuses = [what for what in call.news if what in LEG_RANK]
    newest = max(statuses, key=lambda status: LEG_RANK[status], default="queued")
    return Came(frozenset(call.news), newest, call.frames)


def forget(placed: Placed) -> None:
    """Ends the call at the carrier, if it has not ended, and removes what was noted.

    :raises CarrierRefused, CarrierSilent: what was noted is removed all the same.
    """
    ended = LEG_TERMINAL & came(call_id=placed.call_id).news
    ScriptedCall.objects.filter(id=placed.call_id).delete()
    if not ended:
        twilio.end_call(placed.sid)


def claim(*, token: str, now: datetime) -> "FrameCounter":
    """Who hears the media socket that presents this token.

    :raises StreamRefused: unknown, or used before.
    """
    call = ScriptedCall.objects.filter(token_hash=_hash(token)).first()
    if call is None or "media" in call.news:
        raise StreamRefused("The media stream's token is unknown or was used before.")
    note(call_id=call.id, what="media", now=now)
    return FrameCounter(call.id)


class FrameCounter:
    """Hears a test call's media socket in the place of `CallPipeline`: counts the pieces, and keeps no sound."""

    def __init__(self, call_id: UUID) -> None:
        self.on_given_up: Callable[[], None]
        self._call_id = call_id
        self._frames = 0

    def feed(self, track: str, mulaw: bytes, timestamp_ms: int) -> None:
        self._frames += 1

    def ears(self) -> tuple[Ear, Ear]:
        return self._ear, self._ear

    def _ear(self, _mulaw: bytes, _timestamp_ms: int, frames: int) -> None:
        self._frames += frames

    def missed(self, track: str, frames: int, until_ms: int) -> None:
        self._frames += frames

    async def finish(self, *, complete: bool) -> None:
        await media_threads.write(self._store)

    def _store(self) -> None:
        ScriptedCall.objects.filter(id=self._call_id).update(frames=self._frames)


def _url(call_id: UUID, what: str) -> str:
    return f"{settings.PUBLIC_URL}/twilio/check/{call_id}/{what}"


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
