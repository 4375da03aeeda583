"""The shipped calls, heard by the real engines through the real listener."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from ai.listening.client import TranscriberClient
from ai.listening.wer import word_error_rate
from tests.listening.conftest import RunningTranscriber, calm
from tests.listening.speech import DIALOGUES, TRACKS, Heard, listen, mulaw, turns

# Measured 0.014 to 0.045; a wrong mel filter, token or rate lands above 0.5.
MOST_WRONG = 0.10

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def heard(transcriber: RunningTranscriber) -> AsyncIterator[dict[tuple[str, str], Heard]]:
    client = TranscriberClient(transcriber.address)
    await client.ping(60)
    tracks = [(dialogue, track) for dialogue in DIALOGUES for track in TRACKS]
    results = await asyncio.gather(
        *(listen(client, mulaw(*one), context=", ".join(DIALOGUES[one[0]]["names"])) for one in tracks)
    )
    yield dict(zip(tracks, results, strict=True))
    await client.close()


@pytest.mark.parametrize("dialogue", DIALOGUES)
async def test_nearly_every_word_is_recognised(heard: dict[tuple[str, str], Heard], dialogue: str) -> None:
    pairs = [
        (" ".join(turn["text"] for turn in turns(dialogue, track)), heard[dialogue, track].text) for track in TRACKS
    ]
    assert word_error_rate(pairs) < MOST_WRONG


async def test_money_names_and_dates_survive(heard: dict[tuple[str, str], Heard]) -> None:
    assert "Clearview" in heard["smoke", "agent"].text
    assert "$450" in heard["smoke", "agent"].text
    assert "Thursday" in heard["smoke", "callee"].text
    assert "not call me again" in heard["do_not_call", "callee"].text


async def test_each_utterance_lies_where_it_was_spoken(heard: dict[tuple[str, str], Heard]) -> None:
    for (dialogue, track), track_heard in heard.items():
        spoken = [(turn["start_ms"], turn["end_ms"]) for turn in turns(dialogue, track)]
        for _, start_ms, end_ms in track_heard.finals:
            overlap_ms = sum(max(0, min(end_ms, end) - max(start_ms, start)) for start, end in spoken)
            assert overlap_ms > 0.8 * (end_ms - start_ms), (dialogue, track, start_ms)


async def test_words_have_times_inside_their_utterance(heard: dict[tuple[str, str], Heard]) -> None:
    for track_heard in heard.values():
        for recognition, start_ms, end_ms in track_heard.finals:
            times = [time for word in recognition.words for time in (word.start_ms, word.end_ms)]
            assert times == sorted(times)
            assert start_ms <= times[0]
            assert times[-1] <= end_ms
            assert all(0 <= word.confidence <= 1 for word in recognition.words)
            assert " ".join(word.text for word in recognition.words) == recognition.text


async def test_finals_come_in_the_order_spoken_and_interims_before_them(
    heard: dict[tuple[str, str], Heard],
) -> None:
    for track_heard in heard.values():
        starts = [start_ms for _, start_ms, _ in track_heard.finals]
        assert starts == sorted(starts)
        for start_ms in starts:
            last = max(i for i, one in enumerate(track_heard.order) if one.endswith(f" {start_ms}"))
            assert track_heard.order[last] == f"final {start_ms}"


async def test_text_appears_while_somebody_speaks(transcriber: RunningTranscriber) -> None:
    client = TranscriberClient(transcriber.address)
    await client.ping(60)
    await calm(client)
    spoken = turns("smoke", "agent")[0]
    heard = await listen(client, mulaw("smoke", "agent")[: spoken["end_ms"] * 8 + 8_000], pace=1)
    await client.close()
    assert len(heard.interims) >= 4
    assert heard.interims[0][2] < (spoken["start_ms"] + spoken["end_ms"]) / 2
    lengths = [len(text) for text, _, _ in heard.interims]
    assert lengths[-1] > 2 * lengths[0]
    assert heard.order[-1].startswith("final")


async def test_nothing_is_lost_on_the_way(heard: dict[tuple[str, str], Heard]) -> None:
    for track_heard in heard.values():
        assert track_heard.gaps == []
        assert track_heard.counts.dropped_frames == 0
        assert track_heard.counts.failed_finals == 0
