"""Turns with short pauses are heard again as a whole, and their finals replaced."""

import itertools
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from ai.listening.audio import decode_mulaw
from ai.listening.client import TranscriberClient
from ai.listening.segmenter import Event, Gap, Segmenter, SpeechEnded
from ai.listening.turns import TurnEnded
from ai.listening.vad import SileroDetector
from ai.listening.wer import word_error_rate
from tests.listening.conftest import RunningTranscriber
from tests.listening.speech import Heard, listen, mulaw, turns

BYTES_PER_MS = 16
LONGEST_MS = 14_000
PAUSE_MS = 1_500
CALLEE = decode_mulaw(mulaw("price_objection", "callee"))


def _segment(pcm: bytes, *, lost_ms: range = range(0)) -> list[Event]:
    segmenter = Segmenter(SileroDetector())
    events: list[Event] = []
    for start_ms in range(0, len(pcm) // BYTES_PER_MS, 20):
        if not lost_ms.start <= start_ms < lost_ms.stop:
            events += segmenter.feed(pcm[start_ms * BYTES_PER_MS : (start_ms + 20) * BYTES_PER_MS], start_ms)
    return events + segmenter.finish()


def _turns(events: list[Event]) -> list[TurnEnded]:
    return [event for event in events if isinstance(event, TurnEnded)]


def _utterances(events: list[Event]) -> list[SpeechEnded]:
    return [event for event in events if isinstance(event, SpeechEnded)]


def test_a_turn_is_the_very_audio_of_its_utterances_and_pauses() -> None:
    events = _segment(CALLEE)
    assert len(_turns(events)) >= 3
    for turn in _turns(events):
        at = turn.audio_start_ms * BYTES_PER_MS
        assert turn.pcm == CALLEE[at : at + len(turn.pcm)]
        assert len(turn.pcm) >= (turn.end_ms - turn.audio_start_ms) * BYTES_PER_MS


def test_a_turn_holds_whole_utterances_with_short_pauses_and_is_not_too_long() -> None:
    events = _segment(CALLEE)
    for turn in _turns(events):
        within = [one for one in _utterances(events) if turn.start_ms <= one.start_ms and one.end_ms <= turn.end_ms]
        assert len(within) >= 2
        assert (within[0].start_ms, within[-1].end_ms) == (turn.start_ms, turn.end_ms)
        assert all(b.start_ms - a.end_ms <= PAUSE_MS for a, b in itertools.pairwise(within))
        assert turn.end_ms - turn.audio_start_ms <= LONGEST_MS
    assert all(a.end_ms <= b.start_ms for a, b in itertools.pairwise(_turns(events)))


def test_a_turn_comes_after_its_utterances_and_before_the_second_that_follows() -> None:
    events = _segment(CALLEE)
    for turn in _turns(events):
        at = events.index(turn)
        last = max(
            index for index, one in enumerate(events) if isinstance(one, SpeechEnded) and one.end_ms <= turn.end_ms
        )
        assert last < at
        assert sum(isinstance(one, SpeechEnded) for one in events[last + 1 : at]) == 0


def test_lost_audio_parts_turns() -> None:
    (first, *_) = _turns(_segment(CALLEE))
    hole_ms = range(first.start_ms + 1_000, first.start_ms + 2_000)
    events = _segment(CALLEE, lost_ms=hole_ms)
    (gap,) = [event for event in events if isinstance(event, Gap)]
    assert all(turn.end_ms <= gap.start_ms or turn.start_ms >= gap.end_ms for turn in _turns(events))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def heard(transcriber: RunningTranscriber) -> AsyncIterator[Heard]:
    client = TranscriberClient(transcriber.address)
    await client.ping(60)
    yield await listen(client, mulaw("price_objection", "callee"))
    await client.close()


@pytest.mark.asyncio(loop_scope="module")
async def test_the_whole_is_heard_no_worse_than_its_pieces(heard: Heard) -> None:
    spoken = " ".join(turn["text"] for turn in turns("price_objection", "callee"))
    assert heard.merged
    assert word_error_rate([(spoken, heard.settled_text)]) <= word_error_rate([(spoken, heard.text)])


@pytest.mark.asyncio(loop_scope="module")
async def test_a_merged_turn_follows_the_finals_that_it_replaces(heard: Heard) -> None:
    for (recognition, start_ms, end_ms), replaced_ms in zip(heard.merged, heard.replaced, strict=True):
        replaced = [one for one in heard.finals if start_ms <= one[1] and one[2] <= end_ms]
        assert len(replaced) >= 2
        assert [one[1] for one in replaced] == replaced_ms
        at = heard.order.index(f"merged {start_ms} {end_ms}")
        assert all(heard.order.index(f"final {one[1]}") < at for one in replaced)
        assert all(start_ms <= word.start_ms <= word.end_ms <= end_ms + 250 for word in recognition.words)
