"""A Valkey that hangs, and refuses nobody, holds up no call: tasks that it does not take make nobody wait who has something to store.

Planted bugs that this catches: a stream that ends and hands its task over on a thread that writes the text of all calls; a queue of such
tasks without a bound; a thread that ends with the first task that could not be handed over.
"""

import asyncio
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from huey.contrib.djhuey import HUEY
from huey.storage import RedisStorage

from config.embedded.children import die_with_parent
from config.embedded.valkey import Valkey
from identity.models import Membership
from tests.voice.carrier import Placed, give_credit, place, post
from tests.voice.media_doors import run
from tests.voice.test_intake import floor
from tests.voice.test_streams import at, open_stream
from voice import media_threads, transcripts, wake
from voice.heard import Heard
from voice.models import Call
from voice.transcripts import OpenStream

pytestmark = pytest.mark.django_db(transaction=True)
# More than there are threads that write.
ENDING = media_threads.WRITERS + 1
# A socket to Valkey waits for longer than a test does.
PATIENCE_S = 60
STARTED_WITHIN_S = 20.0


@pytest.fixture
def valkey(monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """One of the test's own, to which the tasks go."""
    with tempfile.TemporaryDirectory(prefix="klose-valkey-") as folder:
        server = Valkey(Path(folder))
        process = subprocess.Popen(
            server.command(), stdout=subprocess.DEVNULL, preexec_fn=die_with_parent(signal.SIGKILL)
        )
        limit = time.monotonic() + STARTED_WITHIN_S
        while not server.accepts():
            assert process.poll() is None and time.monotonic() < limit
            time.sleep(0.02)
        assert wake.flush()
        storage = RedisStorage(HUEY.name, url=f"{server.url}?socket_timeout={PATIENCE_S}")
        monkeypatch.setattr(HUEY, "storage", storage)
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            wake.flush()


@pytest.fixture
def talking(make_account: Callable[..., Membership]) -> list[Placed]:
    """Conversations, with the notice heard."""
    member = make_account()
    give_credit(member, 1_000_000)
    calls = [place(member), *floor(member, ENDING)]
    for each in calls:
        post(*each.agent("in-progress", at_s=0, sequence=2))
    Call.objects.get_queryset().update(transcript_state="on")
    return calls


def test_while_valkey_hangs_the_text_of_a_call_is_stored_beside_streams_that_end(
    valkey: subprocess.Popen[bytes], talking: list[Placed]
) -> None:
    goes_on, *ending = [open_stream(each, 0) for each in talking]
    waiting = HUEY.pending_count()
    valkey.send_signal(signal.SIGSTOP)

    async def story() -> None:
        ends = [asyncio.create_task(over(each)) for each in ending]
        # All of them have been asked for before.
        await asyncio.sleep(0)
        said = Heard("agent", 1_000, 2_000, "Hello there.", 0.9)
        line = asyncio.create_task(
            media_threads.write(transcripts.add_segment, call_id=goes_on.call_id, heard=said, now=at(2))
        )
        try:
            # Valkey goes on only afterwards.
            async with asyncio.timeout(PATIENCE_S / 10):
                assert await line is not None
                await asyncio.gather(*ends)
        finally:
            valkey.send_signal(signal.SIGCONT)

    run(story)
    assert wake.flush()
    assert HUEY.pending_count() == waiting + ENDING


async def over(stream: OpenStream) -> None:
    await media_threads.write(
        transcripts.finish_stream, stream_id=stream.stream_id, dropped_frames=0, complete=True, now=at(3)
    )


def test_no_more_tasks_wait_for_a_valkey_that_hangs_than_there_is_room_for(
    valkey: subprocess.Popen[bytes], talking: list[Placed]
) -> None:
    call_id = talking[0].row.id
    assert wake.flush()
    HUEY.flush()
    valkey.send_signal(signal.SIGSTOP)
    for _ in range(wake.WAITING_MAX + 100):
        wake.soon("analyse", call_id)
    valkey.send_signal(signal.SIGCONT)
    while not wake.flush():
        assert valkey.poll() is None
    # The one that was being handed over, too.
    assert wake.WAITING_MAX <= HUEY.pending_count() <= wake.WAITING_MAX + 1


def test_a_valkey_that_is_away_costs_the_tasks_of_that_time_alone(
    valkey: subprocess.Popen[bytes], talking: list[Placed], monkeypatch: pytest.MonkeyPatch
) -> None:
    call_id, own = talking[0].row.id, HUEY.storage
    valkey.kill()
    valkey.wait()
    wake.soon("analyse", call_id)
    assert wake.flush()
    monkeypatch.undo()
    assert HUEY.storage is not own
    HUEY.flush()
    wake.soon("analyse", call_id)
    assert wake.flush()
    assert HUEY.pending_count() == 1
