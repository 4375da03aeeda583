"""What is not settled yet stays on the page until it is, though its speaker goes on; and what has waited for that for too long is
never shown.

Planted bugs that this catches: interim text of the next utterance that does not wait, and takes the place of the one before; one
that waits for as long as it takes, and then says what was said long ago.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from ai.listening.audio import decode_mulaw
from ai.listening.client import TranscriberClient
from ai.listening.jobs import INTERIM_FRESH_S
from ai.listening.track import TrackListener
from ai.listening.transcriber import Recognition
from ai.listening.wire import Request
from tests.listening.answering import says, transcriber
from tests.listening.speech import mulaw, turns
from tests.listening.test_silent_transcriber import until

FRAME_MS = 20
FIRST, SECOND = turns("smoke", "callee")[:2]
SPEECH = mulaw("smoke", "callee")
SOUND = decode_mulaw(SPEECH)
WITHIN_S = 30.0


class Track:
    """One that is listened to. asked: where the sound of each interim text ends, in ms; the text says so too.
    reports: what, where it begins, and its text."""

    def __init__(self) -> None:
        self.may_settle = asyncio.Event()
        self.asked: list[int] = []
        self.reports: list[tuple[str, int, str]] = []
        self.played_ms = 0
        self.listener: TrackListener

    async def answering(self, request: Request, pcm: bytes) -> Recognition:
        if request.kind == "final":
            await self.may_settle.wait()
        if request.kind != "interim":
            return says(request.kind)
        ends_ms = (SOUND.index(pcm) + len(pcm)) // 16
        self.asked.append(ends_ms)
        return says(f"until {ends_ms}")

    def listens(self, client: TranscriberClient) -> None:
        async def on_interim(text: str, start_ms: int, _end_ms: int) -> None:
            self.reports.append(("interim", start_ms, text))

        async def on_final(recognition: Recognition, start_ms: int, _end_ms: int) -> None:
            self.reports.append(("final", start_ms, recognition.text))

        async def on_gap(_start_ms: int, _end_ms: int) -> None:
            raise AssertionError("nothing is missing")

        self.listener = TrackListener(
            track="inbound",
            client=client,
            on_interim=on_interim,
            on_final=on_final,
            on_gap=on_gap,
            elapsed_ms=lambda: self.played_ms,
        )

    async def plays(self, *, stops: Callable[[], bool]) -> None:
        """Five times as fast as it was said, until it stops."""
        while self.played_ms < len(SPEECH) // 8 and not stops():
            self.listener.feed(SPEECH[self.played_ms * 8 : (self.played_ms + FRAME_MS) * 8], self.played_ms)
            self.played_ms += FRAME_MS
            if self.played_ms % 500 == 0:
                await asyncio.sleep(0.1)
        await until(stops, WITHIN_S)

    def asked_again(self) -> list[int]:
        """Of what is said after the first turn."""
        return [ends_ms for ends_ms in self.asked if ends_ms > SECOND["start_ms"]]

    def shown_again(self) -> list[str]:
        return [text for what, start_ms, text in self.reports if what == "interim" and start_ms >= FIRST["end_ms"]]

    def settled(self) -> bool:
        return "final" in {what for what, _, _ in self.reports}


@asynccontextmanager
async def listening(folder: Path) -> AsyncIterator[Track]:
    track = Track()
    async with transcriber(f"{folder}/s", track.answering) as address:
        client = TranscriberClient(address)
        track.listens(client)
        try:
            yield track
        finally:
            await track.listener.cancel()
            await client.close()


async def test_text_of_the_next_utterance_waits_until_that_of_the_one_before_is_settled(tmp_path: Path) -> None:
    async with listening(tmp_path) as track:
        await track.plays(stops=lambda: bool(track.asked_again()))
        # What was asked for has been answered.
        await asyncio.sleep(0.2)
        assert {what for what, start_ms, _ in track.reports if start_ms < FIRST["end_ms"]} == {"interim"}
        assert track.shown_again() == []
        settles_at = len(track.reports)
        track.may_settle.set()
        await track.plays(stops=lambda: bool(track.shown_again()))
    first, *_ = track.reports[settles_at:]
    after = [what for what, start_ms, _ in track.reports[settles_at:] if start_ms >= FIRST["end_ms"]]
    assert (first[0], after[0]) == ("final", "interim")
    assert FIRST["end_ms"] > first[1]


async def test_what_has_waited_for_longer_than_a_second_is_never_shown_and_what_is_said_next_is(tmp_path: Path) -> None:
    async with listening(tmp_path) as track:
        await track.plays(stops=lambda: bool(track.asked_again()))
        # Its time has run since before it was asked for, so that it is over however busy the machine is.
        await asyncio.sleep(INTERIM_FRESH_S + 0.2)
        stale_ms = track.asked_again()[0]
        track.may_settle.set()
        await until(track.settled, WITHIN_S)
        await track.plays(stops=lambda: bool(track.shown_again()))
    assert f"until {stale_ms}" not in track.shown_again()
