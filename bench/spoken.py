"""Live calls that others speak in, in true real time, while somebody is erased: how soon they read what was said."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from django.conf import settings
from twilio.request_validator import RequestValidator

from bench import calls, figures, speech
from bench.calling_rows import seat, taken
from bench.erasure_load import never_asked_about
from bench.live_calls import workspaces
from bench.report import say
from config.embedded.handle import Stack

# As many as two cores write down with interim text, which is what the product is to do on two.
CALLS: Final = 6
# The last call's speech begins so long after the first one's, so that they do not speak in step.
STAGGER_S: Final = 0.7
# The shortest dialogue has half a minute.
AGAIN: Final = 10


class Spoken:
    """Calls of one workspace, which go on for as long as `work` does. refused: gaps in their text."""

    def __init__(self, stack: Stack) -> None:
        signed = settings.MEDIA_SOCKET_URL + "/twilio/media/"
        signature = RequestValidator(os.environ["TWILIO_AUTH_TOKEN"]).compute_signature(signed, {})
        ports = stack.ports
        self._line = calls.Line(ports.web, ports.live, ports.media, settings.PUBLIC_URL, signature)
        self._workspace_id = workspaces(1)[0]
        # The last set has pauses inside of its sentences.
        self._speeches = speech.sets()[:-1]
        self._spoken = [self._placed(number) for number in range(CALLS)]
        self.refused = 0

    def work(self, until: Callable[[], bool]) -> dict[str, list[float]]:
        """text: for each final text, how many ms after the end of its speech it was in the browser; interim: for each interim one."""
        starts_s = [number * STAGGER_S for number in range(CALLS)]
        heard = calls.heard(self._line, self._spoken, starts_s, until)
        self.refused = sum(one.gaps for one in heard)
        texts, interims = sum(len(one.finals) for one in heard), sum(len(one.interims) for one in heard)
        late_ms = max(one.late_ms for one in heard)
        say(
            f"{CALLS} calls: {texts} final texts, {interims} interim, {self.refused} gaps; sent {late_ms:.0f} ms late at most"
        )
        return {
            "text": [delay for one in heard for delay in figures.final_delays(one)],
            "interim": [delay for one in heard for delay in figures.interim_delays(one)],
        }

    def _placed(self, number: int) -> tuple[calls.Seat, speech.Speech, calls.Placed]:
        """A call that the product knows as answered, a rep before the page, and what will be said."""
        from voice import transcripts
        from voice.models import Call

        rep = seat(self._workspace_id, "rep")
        made = taken(self._workspace_id, 1, user_id=rep.user_id)[0]
        never_asked_about([made.call_id])
        now = datetime.now(UTC)
        found = Call.objects.get_queryset().filter(id=made.call_id)
        found.update(status="in_progress", transcript_state="on", answered_at=now)
        token = transcripts.issue_stream_token(call=found.get(), now=now)
        cookie = f"{settings.SESSION_COOKIE_NAME}={rep.session_key}"
        placed = calls.Placed(made.call_id, made.agent_sid, token)
        return calls.Seat(self._workspace_id, rep.user_id, cookie), self._turned(number), placed

    def _turned(self, number: int) -> speech.Speech:
        """A dialogue over and over, begun at another place."""
        one = self._speeches[number % len(self._speeches)]
        return speech.Speech(one.name, _over_and_over(one.agent, number), _over_and_over(one.callee, number), one.names)


def _over_and_over(track: speech.Track, number: int) -> speech.Track:
    frames = int(number * 7.3 * 50) % (len(track.mulaw) // speech.FRAME_BYTES)
    begins, begins_ms = frames * speech.FRAME_BYTES, frames * 20
    whole_ms = int(track.duration_s * 1_000)
    # A turn that the beginning cuts in two is none of these.
    turns = tuple(
        replace(turn, start_ms=turn.start_ms + shift_ms, end_ms=turn.end_ms + shift_ms)
        for shift_ms in (whole_ms * again - begins_ms for again in range(AGAIN))
        for turn in track.turns
        if turn.start_ms + shift_ms >= 0
    )
    return speech.Track((track.mulaw[begins:] + track.mulaw[:begins]) * AGAIN, turns)
