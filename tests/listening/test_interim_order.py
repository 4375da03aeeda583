"""What is not settled yet stays on the page until it is, though its speaker goes on.

Planted bug that this catches: interim text of the next utterance that does not wait, and takes the place of the one before.
"""

import asyncio
from pathlib import Path

from ai.listening.client import TranscriberClient
from ai.listening.track import TrackListener
from ai.listening.transcriber import Recognition
from ai.listening.wire import Request
from tests.listening.answering import says, transcriber
from tests.listening.speech import mulaw, turns

FRAME_MS = 20
FIRST, SECOND = turns("smoke", "callee")[:2]
SPEECH = mulaw("smoke", "callee")[: SECOND["end_ms"] * 8]


async def test_text_of_the_next_utterance_waits_until_that_of_the_one_before_is_settled(tmp_path: Path) -> None:
    may_settle, asked_again, shown_again = asyncio.Event(), asyncio.Event(), asyncio.Event()
    reports: list[tuple[str, int]] = []

    async def answering(request: Request, _pcm: bytes) -> Recognition:
        if request.kind == "final":
            await may_settle.wait()
        elif played_ms > SECOND["start_ms"]:
            asked_again.set()
        return says(request.kind)

    async def on_interim(_text: str, start_ms: int, _end_ms: int) -> None:
        reports.append(("interim", start_ms))
        if start_ms >= FIRST["end_ms"]:
            shown_again.set()

    async def on_final(_recognition: Recognition, start_ms: int, _end_ms: int) -> None:
        reports.append(("final", start_ms))

    async def on_gap(_start_ms: int, _end_ms: int) -> None:
        raise AssertionError("nothing is missing")

    played_ms = 0
    async with transcriber(f"{tmp_path}/s", answering) as address:
        client = TranscriberClient(address)
        listener = TrackListener(
            track="inbound",
            client=client,
            on_interim=on_interim,
            on_final=on_final,
            on_gap=on_gap,
            elapsed_ms=lambda: played_ms,
        )
        try:
            while played_ms < SECOND["end_ms"] and not asked_again.is_set():
                listener.feed(SPEECH[played_ms * 8 : (played_ms + FRAME_MS) * 8], played_ms)
                played_ms += FRAME_MS
                if played_ms % 500 == 0:
                    await asyncio.sleep(0.1)
            async with asyncio.timeout(5):
                await asked_again.wait()
            # What was asked for has been answered.
            await asyncio.sleep(0.2)
            assert {what for what, start_ms in reports if start_ms < FIRST["end_ms"]} == {"interim"}
            assert [start_ms for _, start_ms in reports if start_ms >= FIRST["end_ms"]] == []
            settles_at = len(reports)
            may_settle.set()
            async with asyncio.timeout(5):
                await shown_again.wait()
        finally:
            await listener.cancel()
            await client.close()
    first, second = reports[settles_at : settles_at + 2]
    assert (first[0], second[0]) == ("final", "interim")
    assert second[1] >= FIRST["end_ms"] > first[1]
