"""The last seconds of a call's credits, on a whole stack: warnings, a purchase in between, the closing line, the end.

Planted bug that this catches: a Dial whose own limit is the credits at its begin, so that a purchase cannot extend the call.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from config.embedded.handle import Stack
from sandbox.rep import Live, Rep
from tests.chaos.story import LEAD_PHONE, PACK, PERSON, Story

# One pack buys a call of so many seconds.
PACK_LASTS_S = 35


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with Stack(tmp_path_factory.mktemp("credits") / "data") as stack:
        story = Story(stack)
        _price_by_the_second(stack, story.rep.call("GET", "/api/credits")["available_mcredits"])
        yield story
        # Whatever was asked of Twilio kept its contract.
        assert story.rep.sandbox("GET", "/sandbox/api/defects") == []
        story.rep.close()


def _price_by_the_second(stack: Stack, pack_mcredits: int) -> None:
    """As an operator changes prices; calls that begin afterwards have them."""
    per_minute = str(pack_mcredits * 60 // PACK_LASTS_S)
    command = [sys.executable, "-m", "config.embedded.manage", "rate_card", "--per-minute", per_minute]
    command += ["--increment", "1", "--minimum", "1"]
    added = subprocess.run(
        command, env={**os.environ, "DATABASE_URL": "", "DATA_DIR": str(stack.data_dir)}, capture_output=True, text=True
    )
    assert f"version 2 from {datetime.now(UTC):%Y}" in added.stdout, added.stderr


def test_a_call_is_warned_extended_by_a_purchase_and_ended_with_a_spoken_line(story: Story) -> None:
    rep = story.rep
    call_id, page = story.begin("price_objection")
    page.close()
    live = rep.live().open()
    live.follow(call_id)
    warned = _warned(live, at_most_s=60)
    # A page goes on counting from there.
    assert 0 <= rep.call("GET", f"/api/calls/{call_id}")["duration_s"] - warned["duration_s"] < 10
    limit_s = rep.wait_for(lambda: (told := _legs(rep)[PERSON.mobile]["time_limit_s"]) < 60 and told)
    rep.buy(PACK)
    # Ends are told in whole seconds, and are allowed to differ by two before they are told again.
    rep.wait_for(lambda: _legs(rep)[PERSON.mobile]["time_limit_s"] >= limit_s + PACK_LASTS_S - 3)
    bought_at_s = time.monotonic()
    assert _warned(live, at_most_s=15, since_s=bought_at_s)["seconds_left"] > 7
    assert _warned(live, at_most_s=7, since_s=bought_at_s)["seconds_left"] > 0
    ended = rep.wait_for(lambda: (call := rep.call("GET", f"/api/calls/{call_id}"))["ended_at"] and call)
    assert (ended["status"], ended["end_reason"]) == ("completed", "credits_used_up")
    # The first pack alone would not have lasted so long. A carrier that ends a call late on a busy machine is not paid for.
    assert PACK_LASTS_S < ended["duration_s"] < 2 * PACK_LASTS_S + 15
    assert "this call ends now" in _legs(rep)[LEAD_PHONE]["heard"][-1]
    assert "credits are used up" in _legs(rep)[PERSON.mobile]["heard"][-1]
    balance = rep.call("GET", "/api/credits")
    assert (balance["held_mcredits"], balance["debt_mcredits"]) == (0, 0)
    paid_s = min(ended["duration_s"], 2 * PACK_LASTS_S)
    price = -(-paid_s * balance["rate"]["mcredits_per_minute"] // 60)
    assert ended["charged_mcredits"] == price == 2 * _pack_mcredits(balance) - balance["available_mcredits"]
    live.close()


def _pack_mcredits(balance: dict[str, Any]) -> int:
    return round(int(balance["rate"]["mcredits_per_minute"]) * PACK_LASTS_S / 60)


def _warned(live: Live, *, at_most_s: int, since_s: float = 0.0) -> dict[str, Any]:
    """The first warning of so few seconds that came after this moment."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for received in live.of_type("call.warning"):
            if received.at_s > since_s and received.event["seconds_left"] <= at_most_s:
                return received.event
        time.sleep(0.05)
    pytest.fail(f"nobody was warned at {at_most_s} s")


def _legs(rep: Rep) -> dict[str, dict[str, Any]]:
    """The carrier's legs by the number that was rung; one call each."""
    return {record["to"]: record for record in rep.sandbox("GET", "/sandbox/api/calls")}
