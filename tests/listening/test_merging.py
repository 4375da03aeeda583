"""Turns with short pauses are heard again as a whole, and their finals replaced.

Planted bug that this catches: a whole that ends at a pause, and takes the place of what was said after it.
"""

import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from ai.listening.audio import decode_mulaw
from ai.listening.client import TranscriberClient
from ai.listening.segmenter import Event, Gap, Segmenter, SpeechEnded
from ai.listening.transcriber import NOTHING, Recognition, Word
from ai.listening.turns import TurnEnded
from ai.listening.vad import SileroDetector
from ai.listening.wer import word_error_rate
from ai.listening.wire import Request
from tests.listening.answering import transcriber as answering
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


def _words(said: str, at_ms: int, within: SpeechEnded) -> list[Word]:
    """Spoken evenly over an utterance whose audio begins there."""
    texts = said.split()
    step_ms = (within.end_ms - within.start_ms) // len(texts)
    first_ms = at_ms + within.start_ms - within.audio_start_ms
    return [
        Word(text, first_ms + number * step_ms, first_ms + (number + 1) * step_ms, 0.9)
        for number, text in enumerate(texts)
    ]


def _recognition(words: list[Word]) -> Recognition:
    return Recognition(" ".join(word.text for word in words), tuple(words), 0.9)


@pytest.mark.parametrize(
    ("again", "replaces"),
    [
        (["You know I like what I hear and I will think about it", "Call me on Monday at $450 please"], True),
        (["You know I like what I hear and I will think about it", ""], False),
        (["", "Call me on Monday at four hundred and fifty dollars please"], False),
        (["You know I like what I hear and I will think about it", "please"], False),
        (["You I like what I hear and I think about it", "Call on Monday at $450"], True),
    ],
    ids=["all of it", "no second sentence", "no first sentence", "one word of the second", "a little less of each"],
)
async def test_a_whole_in_which_one_sentence_is_missing_replaces_none(
    tmp_path: Path, again: list[str], replaces: bool
) -> None:
    first = _turns(_segment(CALLEE))[0]
    audio = mulaw("price_objection", "callee")[(first.start_ms - 1_000) * 8 : (first.end_ms + 2_000) * 8]
    pieces = _utterances(_segment(decode_mulaw(audio)))
    said = ["You know I like what I hear and I will think about it", "Call me on Monday at $450 please"]

    async def hears(request: Request, pcm: bytes) -> Recognition:
        if request.kind == "merged":
            begin_ms = [piece.audio_start_ms - pieces[0].audio_start_ms for piece in pieces]
            each = zip(again, begin_ms, pieces, strict=True)
            return _recognition([word for text, at_ms, piece in each if text for word in _words(text, at_ms, piece)])
        heard = [_words(text, 0, piece) for text, piece in zip(said, pieces, strict=True) if piece.pcm == pcm]
        return _recognition(heard[0]) if heard else NOTHING

    async with answering(f"{tmp_path}/s", hears) as address:
        client = TranscriberClient(address)
        heard = await listen(client, audio, pace=12)
        await client.close()
    assert [recognition.text for recognition, _, _ in heard.finals] == said
    settled = [recognition.text for recognition, _, _ in heard.settled]
    assert settled == ([" ".join(again)] if replaces else said)


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
        assert all(start_ms <= word.start_ms <= word.end_ms <= end_ms for word in recognition.words)
