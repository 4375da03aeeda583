"""Tracks that are heard together are heard as each would be alone.

Planted bug that this catches: the detector's memory of one track that goes to another.
"""

from collections.abc import Iterator

from ai.listening.audio import decode_mulaw
from ai.listening.hearing import together
from ai.listening.segmenter import Event, Gap, Listening, Segmenter, SpeechEnded
from ai.listening.vad import SileroDetector
from tests.listening.speech import mulaw

AGENT, CALLEE = (decode_mulaw(mulaw("smoke", speaker)) for speaker in ("agent", "callee"))
FRAME_BYTES = 320
FRAME_MS = 20


def frames(pcm: bytes, first_ms: int = 0) -> Iterator[tuple[int, bytes]]:
    """As they come, five seconds of them missing in the middle."""
    middle = len(pcm) // FRAME_BYTES // 2
    for number, at in enumerate(range(0, len(pcm), FRAME_BYTES)):
        yield first_ms + number * FRAME_MS + (5_000 if number >= middle else 0), pcm[at : at + FRAME_BYTES]


def listening(segmenter: Segmenter, pcm: bytes) -> Listening:
    events: list[Event] = []
    for start_ms, frame in frames(pcm):
        events += yield from segmenter.feeding(frame, start_ms)
    return events


def test_tracks_heard_together_give_what_each_gives_alone() -> None:
    sounds = [AGENT, CALLEE, bytes(16_000), CALLEE[8_000:], AGENT[:40_000]]
    alone = []
    for sound in sounds:
        segmenter = Segmenter(SileroDetector())
        alone.append([event for start_ms, frame in frames(sound) for event in segmenter.feed(frame, start_ms)])
    detectors = [SileroDetector() for _ in sounds]
    tracks = [(one, listening(Segmenter(one), sound)) for one, sound in zip(detectors, sounds, strict=True)]
    assert together(tracks) == alone
    assert any(isinstance(event, SpeechEnded) for event in alone[0])
    assert sum(isinstance(event, Gap) for events in alone for event in events) == len(sounds)


def test_a_track_that_fails_fails_alone() -> None:
    whole, broken = SileroDetector(), SileroDetector()
    found = together(
        [
            (whole, Segmenter(whole).feeding(bytes(FRAME_BYTES * 4), 0)),
            (broken, Segmenter(broken).feeding(b"\x00" * 319, 0)),
        ]
    )
    assert found[0] == []
    assert isinstance(found[1], ValueError)


def test_nobody_is_heard_when_nobody_is_there() -> None:
    assert together([]) == []
