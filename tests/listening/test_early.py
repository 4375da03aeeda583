"""Finals are begun in the pause that may end their utterance, and nobody can tell but by the clock.

Planted bugs that this catches: what was begun in a pause taken for the utterance though somebody went on speaking; an
early final before one that somebody waits for; a refused early final that nobody asks for again.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from ai.listening.audio import decode_mulaw
from ai.listening.client import TranscriberClient
from ai.listening.jobs import Job, JobQueue
from ai.listening.load import NO_INTERIMS, STEPS_S, THRIFTY
from ai.listening.segmenter import Event, Segmenter, SpeechEnded, SpeechPaused
from ai.listening.transcriber import EarlySkipped, Kind, SpeechRefused
from ai.listening.vad import SileroDetector
from ai.listening.wer import word_error_rate
from ai.listening.wire import Answer, Refusal, Request, packed, read_frame
from tests.listening.conftest import RunningTranscriber, calm
from tests.listening.speech import Heard, listen, mulaw, turn_pcm

PRICE = turn_pcm("smoke", 3)
# Long and short utterances, and a pause after which he goes on speaking.
CALLEE = mulaw("price_objection", "callee")[: 55 * 8_000]
ENDPOINT_MS = 480
# A pause after so much speech mostly ends the utterance.
MOSTLY_OVER_MS = range(1_600, 7_501)


def _segment(audio: bytes) -> list[Event]:
    segmenter = Segmenter(SileroDetector())
    pcm = decode_mulaw(audio)
    events = [event for at in range(0, len(pcm), 320) for event in segmenter.feed(pcm[at : at + 320], at // 16)]
    return events + segmenter.finish()


EVENTS = _segment(CALLEE)
PAUSES = [event for event in EVENTS if isinstance(event, SpeechPaused)]
UTTERANCES = [event for event in EVENTS if isinstance(event, SpeechEnded)]
USUAL = [one for one in UTTERANCES if one.end_ms - one.start_ms in MOSTLY_OVER_MS]
UNUSUAL = [one for one in UTTERANCES if one not in USUAL]
IN_VAIN = [pause for pause in PAUSES if pause.pcm not in {one.pcm for one in UTTERANCES}]


def test_a_pause_announces_the_very_utterance_that_it_ends() -> None:
    spoken = [event for event in EVENTS if isinstance(event, SpeechPaused | SpeechEnded)]
    assert len(USUAL) > len(UNUSUAL) > 0
    for before, ended in itertools.pairwise(spoken):
        if ended in USUAL:
            assert isinstance(before, SpeechPaused)
            assert (before.start_ms, before.end_ms, before.audio_start_ms) == (
                ended.start_ms,
                ended.end_ms,
                ended.audio_start_ms,
            )
            assert before.pcm == ended.pcm
            assert 0 < before.early_ms < ENDPOINT_MS


def test_who_has_said_little_or_goes_on_and_on_is_waited_for() -> None:
    assert all(pause.end_ms - pause.start_ms in MOSTLY_OVER_MS for pause in PAUSES)


def test_a_pause_is_announced_once_and_also_when_somebody_goes_on_speaking() -> None:
    assert IN_VAIN
    ends = [(pause.start_ms, pause.end_ms) for pause in PAUSES]
    assert ends == sorted(set(ends))


@dataclass
class Wire:
    """Stands between a client and the transcriber. refuses: early finals, as the transcriber does while others wait.

    skipped: those that the transcriber refused itself, which a busy machine makes it do.
    """

    address: str
    refuses: bool = False
    finals: list[tuple[Request, bytes]] = field(default_factory=list)
    skipped: list[bytes] = field(default_factory=list)

    @property
    def early(self) -> list[bytes]:
        return [pcm for request, pcm in self.finals if request.early_ms]

    @property
    def over(self) -> list[bytes]:
        return [pcm for request, pcm in self.finals if not request.early_ms]


@asynccontextmanager
async def wire(transcriber: RunningTranscriber, folder: Path, *, refuses: bool = False) -> AsyncIterator[Wire]:
    between = Wire(f"unix://{folder}/w", refuses)

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, onward = await asyncio.open_unix_connection(transcriber.address.removeprefix("unix://"))

        async def answers() -> None:
            while True:
                header, _ = await read_frame(inner)
                answer = msgspec.json.decode(header, type=Answer)
                if answer.refusal is not None and answer.refusal.code == EarlySkipped.code:
                    between.skipped += [pcm for request, pcm in between.finals if request.id == answer.id]
                writer.write(packed(answer))

        answering = asyncio.create_task(answers())
        try:
            while True:
                header, pcm = await read_frame(reader)
                request = msgspec.json.decode(header, type=Request)
                if request.op == "transcribe" and request.kind == "final":
                    between.finals.append((request, pcm))
                if request.early_ms and between.refuses:
                    writer.write(packed(Answer(id=request.id, refusal=Refusal(EarlySkipped.code, "Not now."))))
                else:
                    onward.write(packed(request, pcm))
        except asyncio.IncompleteReadError:
            pass
        finally:
            answering.cancel()
            onward.close()
            writer.close()

    async with await asyncio.start_unix_server(relay, between.address.removeprefix("unix://")):
        yield between


async def _heard(between: Wire) -> Heard:
    client = TranscriberClient(between.address)
    await client.ping(60)
    heard = await listen(client, CALLEE, pace=4)
    await client.close()
    return heard


def _places(heard: Heard) -> list[tuple[int, int]]:
    return [(start_ms, end_ms) for _, start_ms, end_ms in heard.finals]


async def test_each_utterance_is_recognised_once_from_its_last_pause_on(
    transcriber: RunningTranscriber, client: TranscriberClient, tmp_path: Path
) -> None:
    async with wire(transcriber, tmp_path) as between:
        heard = await _heard(between)
    assert between.early == [pause.pcm for pause in PAUSES]
    assert between.over == [one.pcm for one in UTTERANCES if one in UNUSUAL or one.pcm in between.skipped]
    assert _places(heard) == [(one.start_ms, one.end_ms) for one in UTTERANCES]
    whole = [(await client.transcribe(one.pcm, "final")).text for one in UTTERANCES]
    # A busy transcriber searches less.
    assert word_error_rate([(" ".join(whole), heard.text)]) < 0.1


async def test_what_was_refused_early_is_asked_for_when_it_is_over(
    transcriber: RunningTranscriber, client: TranscriberClient, tmp_path: Path
) -> None:
    async with wire(transcriber, tmp_path, refuses=True) as between:
        heard = await _heard(between)
    assert between.over == [one.pcm for one in UTTERANCES]
    assert _places(heard) == [(one.start_ms, one.end_ms) for one in UTTERANCES]
    assert heard.gaps == []
    assert heard.counts.failed_finals == 0


async def test_what_follows_a_pause_is_part_of_the_text_also_when_the_stream_ends_in_it(
    client: TranscriberClient,
) -> None:
    await calm(client)
    begins_ms, ends_ms = IN_VAIN[0].start_ms - 400, IN_VAIN[0].end_ms + 1_900
    audio = CALLEE[begins_ms * 8 : ends_ms * 8]
    paused, ended = (event for event in _segment(audio) if isinstance(event, SpeechPaused | SpeechEnded))
    assert len(paused.pcm) < len(ended.pcm)
    heard = await listen(client, audio, pace=1)
    assert heard.text == (await client.transcribe(ended.pcm, "final")).text


async def test_speech_that_ends_with_the_stream_has_its_text(client: TranscriberClient) -> None:
    await calm(client)
    last = UTTERANCES[0]
    heard = await listen(client, CALLEE[: (last.end_ms + 100) * 8])
    assert [recognition.text for recognition, _, _ in heard.finals] == [
        (await client.transcribe(last.pcm, "final")).text
    ]


async def test_an_early_final_says_the_same(client: TranscriberClient) -> None:
    await calm(client)
    assert await client.transcribe(PRICE, "final", early_ms=128) == await client.transcribe(PRICE, "final")


@pytest.mark.parametrize(("kind", "early_ms"), [("final", 1_001), ("final", -1), ("interim", 1), ("merged", 1)])
async def test_only_finals_are_early_and_only_a_little(client: TranscriberClient, kind: Kind, early_ms: int) -> None:
    with pytest.raises(SpeechRefused):
        await client.transcribe(PRICE, kind, early_ms=early_ms)


def _job(*, early_ms: int = 0, waited_s: float = 0.0) -> Job:
    loop = asyncio.get_running_loop()
    request = Request(id=1, op="transcribe", kind="final", early_ms=early_ms)
    return Job(request, b"\x00" * 320, loop.create_future(), loop.time() - waited_s)


async def test_finals_go_in_the_order_in_which_somebody_needs_them() -> None:
    jobs = JobQueue()
    early, long_waiting_early = _job(early_ms=128), _job(early_ms=128, waited_s=0.2)
    over, died_over = _job(), _job(waited_s=0.1)
    for job in (early, long_waiting_early, over):
        await jobs.put(job)
    await jobs.put_back(died_over)
    assert [await jobs.get(merges=False) for _ in range(4)] == [died_over, long_waiting_early, over, early]


async def test_while_finals_wait_nothing_is_begun_early() -> None:
    jobs = JobQueue()
    await jobs.put(_job(early_ms=128, waited_s=STEPS_S[NO_INTERIMS]))
    await jobs.put(_job(early_ms=128))
    await jobs.put(_job(waited_s=STEPS_S[THRIFTY]))
    with pytest.raises(EarlySkipped):
        await jobs.put(_job(early_ms=128))
