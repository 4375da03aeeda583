"""The media process beside a live call: told to make way for the next one, and attacked."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx
import psutil

from tests.chaos.spoken import gap_ms
from tests.chaos.story import Story
from tests.chaos.test_kills import SPOKEN, assert_all_is_right, story
from tests.voice.hostile import KINDS, SLOW_FRAME, SLOW_HANDSHAKE, UNSIGNED, Attacker
from tests.voice.test_media_hostile import BROKEN, CODES

__all__ = ["story"]

logger = logging.getLogger(__name__)

# After the call was placed: the dialogue has begun, and goes on for longer than what happens beside it.
BESIDE_AFTER_S = 20.0
FIRST_MESSAGES, MESSAGES = 2_000, 10_000
GROWTH_MAX = 0.05


class Beside:
    """Something that happens while a call goes on. Its result is asked for after the call."""

    def __init__(self, act: Callable[[], Any]) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._done: Future[Any] = self._pool.submit(self._later, act)

    @staticmethod
    def _later(act: Callable[[], Any]) -> Any:
        time.sleep(BESIDE_AFTER_S)
        return act()

    def result(self) -> Any:
        self._pool.shutdown()
        return self._done.result()


def attacker_of(story: Story) -> Attacker:
    env = story.stack.env
    return Attacker(
        port=story.stack.ports.media, public_url=env["MEDIA_SOCKET_URL"], auth_token=env["TWILIO_AUTH_TOKEN"]
    )


def test_ten_thousand_hostile_messages_cost_a_call_nothing(story: Story) -> None:
    attacker = attacker_of(story)
    media = psutil.Process(story.stack.pid("media"))
    # What the first call of a process needs for good is not the attack's.
    story.call_with("smoke", []).page.close()

    def attack() -> float:
        """How much the process grew, as a share, over ten thousand messages, once it has what the first ones need for good:
        threads, and their connections to the database."""
        asyncio.run(attacker.dawdle())
        while attacker.sent < FIRST_MESSAGES:
            asyncio.run(attacker.round())
        before = media.memory_info().rss
        until = attacker.sent + MESSAGES
        while attacker.sent < until:
            asyncio.run(attacker.round())
        return media.memory_info().rss / before - 1

    attacking = Beside(attack)
    ended = story.call_with(SPOKEN, [])
    growth = attacking.result()
    logger.info("the media process grew by %.1f %%", growth * 100)
    assert_all_is_right(story, ended)
    assert gap_ms(ended.segments) == 0
    assert growth < GROWTH_MAX
    assert story.stack.processes()["media"].restarts == 0
    assert attacker.outcomes.keys() == {*KINDS, UNSIGNED, SLOW_HANDSHAKE, SLOW_FRAME}
    assert set(attacker.outcomes[UNSIGNED]) == {"403"}
    assert not [kind for kind, outcomes in attacker.outcomes.items() if "left open" in outcomes]
    log = (story.stack.data_dir / "logs" / "media.log").read_text()
    assert not [line for line in log.splitlines() if "Traceback" in line or '"ERROR"' in line]
    for code in (*CODES, BROKEN["picows"]):
        assert code in log


def test_a_media_process_that_makes_way_hears_its_calls_to_their_end(story: Story) -> None:
    draining = story.stack.pid("media")
    url = f"http://localhost:{story.stack.ports.media}/readyz"

    def make_way() -> tuple[int, bool]:
        """What is answered on the port at first, and whether the port is free a while later."""
        os.kill(draining, signal.SIGTERM)
        time.sleep(2)
        status = httpx.get(url).status_code
        time.sleep(16)
        try:
            httpx.get(url)
        except httpx.ConnectError:
            return status, psutil.pid_exists(draining)
        return status, False

    making_way = Beside(make_way)
    ended = story.call_with("smoke", [])
    assert making_way.result() == (503, True)
    assert_all_is_right(story, ended, spoken="smoke")
    assert gap_ms(ended.segments) == 0
    story.stack.wait_ready(limit_s=60)
    assert story.stack.pid("media") != draining
