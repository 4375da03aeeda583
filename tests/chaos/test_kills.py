"""kill -9 of each process during a live call, an attack on the media process, its making way for the next one: text, charge and
page are right afterwards.

Real processes, real speech in true time, a real carrier over sockets and webhooks. Planted bugs that this catches: a segment
that is given up when the database is away; a gap that is not marked; text that lacks every tenth word; a hub that does not notice
that its groups are gone; a settlement that comes on top of the minutes.
"""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Iterator

import httpx
import psutil
import pytest

from config.embedded.handle import Stack
from tests.chaos.beside import Beside
from tests.chaos.page import Page
from tests.chaos.spoken import LEAST_SHARE_OF_CALL, gap_ms, missing_turns, share_written, written_twice
from tests.chaos.story import PERSON, RECOGNISER, Ended, Kill, Story
from tests.smoke.speech import dialogue
from tests.voice.hostile import KINDS, SLOW_FRAME, SLOW_HANDSHAKE, UNSIGNED, Attacker
from tests.voice.test_media_hostile import BROKEN, CODES

logger = logging.getLogger(__name__)

SPOKEN = "price_objection"
# From the kill to the first frame at the next life of the media process, on a busy machine.
LONGEST_GAP_MS = 30_000
HOSTILE_MESSAGES = 2_000
# A few seconds after the two are joined.
LOST_AT_MS = 17_500
LATE_MS = 2_000


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with Stack(tmp_path_factory.mktemp("chaos") / "data") as stack:
        story = Story(stack)
        yield story
        # Whatever was asked of Twilio kept its contract.
        assert story.rep.sandbox("GET", "/sandbox/api/defects") == []
        story.rep.close()


def test_whoever_presses_the_key_for_no_more_calls_is_not_written_down_nor_called_again(story: Story) -> None:
    assert story.opted_out()["transcript_state"] == "refused"


def test_killing_web_live_worker_a_recogniser_clock_and_transcriber_costs_a_call_nothing(story: Story) -> None:
    kills = [Kill(10, "web", 3), Kill(18, "live", 3), Kill(28, "worker", 3), Kill(33, RECOGNISER)]
    ended = story.call_with(SPOKEN, [*kills, Kill(38, "clock", 3), Kill(50, "transcriber", 3)])
    assert_all_is_right(story, ended)
    # The transcriber put its recogniser in place again by itself; those that died with it say nothing.
    log = (story.stack.data_dir / "logs" / "transcriber.log").read_text()
    assert log.count("recogniser ended, starting it again") == 1
    assert story.stack.processes()["transcriber"].restarts == 1
    # The page lost its socket without a word, and came back to ask for what was said meanwhile.
    assert ended.page.losses == [1006]
    assert gap_ms(ended.segments) == 0


def test_killing_media_postgres_valkey_and_the_analysis_costs_a_call_no_more_than_a_marked_gap(story: Story) -> None:
    # Longer than a process waits for a connection, so that writes fail and have to be done again.
    kills = [Kill(8, "media"), Kill(26, "postgres", 13), Kill(46, "valkey", 3)]
    ended = story.call_with(SPOKEN, kills, analysis_dies=True)
    assert_all_is_right(story, ended)
    assert_it_was_understood_once(story, ended)
    assert 0 < gap_ms(ended.segments) <= LONGEST_GAP_MS
    # The events that were lost with Valkey are lost for good; only a socket that is told so comes back to ask.
    assert 4012 in ended.page.losses


def test_a_second_socket_of_one_stream_and_a_lost_one_cost_a_call_no_more_than_a_marked_gap(story: Story) -> None:
    """The mute first socket has the token, so the one that brings the sound is turned away; its stream is asked for anew, and
    lost in mid-call. The newest one writes the rest."""
    # The third begins later, since a shorter stretch than half a second is no gap.
    delays = (("delay", 1, 2), ("delay", LATE_MS, 1))
    for kind, value, count in (("duplicate", 0, 1), ("lost_socket", LOST_AT_MS, 2), *delays):
        fault = {"target": "twilio.stream", "kind": kind, "value": value, "count": count}
        story.rep.sandbox("POST", "/sandbox/api/faults", fault)
    ended = story.hung_up(SPOKEN, when=is_heard_after_a_gap)
    assert_the_charge_is_right(story, ended, minutes_charged_live=False)
    assert LATE_MS <= gap_ms(ended.segments) <= LONGEST_GAP_MS
    heard_until_ms = max(each["end_ms"] for each in ended.segments if each["kind"] == "speech")
    began_ms = ended.dialogue_began_ms
    turns = [turn for turn in dialogue(SPOKEN).turns if turn["end_ms"] + began_ms < heard_until_ms]
    assert missing_turns(turns, ended.segments, began_ms=began_ms) == []
    assert written_twice(dialogue(SPOKEN).turns, ended.segments) == []
    assert_the_page_is_right(ended.page)
    assert ended.page.interims > 0
    ended.page.close()
    [record] = story.rep.sandbox("GET", "/sandbox/api/calls", params={"to": PERSON.mobile})[-1:]
    streams = story.rep.sandbox("GET", f"/sandbox/api/calls/{record['sid']}")["streams"]
    assert [bool(stream["error"]) for stream in streams] == [True, True, False]


def test_a_call_that_died_with_its_supervisor_is_settled_by_the_next_start(story: Story) -> None:
    """The sandbox dies too; like a carrier that comes back it knows the call as ended, but its callbacks find nobody."""
    after_s = 10
    ended = story.cut_off("smoke", after_s=after_s)
    assert_the_charge_is_right(story, ended, minutes_charged_live=False)
    turns = [turn for turn in dialogue("smoke").turns if turn["start_ms"] < after_s * 1000]
    assert missing_turns(turns, ended.segments, began_ms=ended.dialogue_began_ms) == []
    assert written_twice(turns, ended.segments) == []
    assert gap_ms(ended.segments) > 0
    assert_the_page_is_right(ended.page)
    ended.page.close()


def test_an_attack_on_a_media_process_that_then_makes_way_costs_a_call_nothing(story: Story) -> None:
    """How much a process grows under ten thousand hostile messages, tests/voice measures."""
    attacker = attacker_of(story)
    draining = story.stack.pid("media")
    restarts = story.stack.processes()["media"].restarts
    url = f"http://localhost:{story.stack.ports.media}/readyz"

    async def attack() -> None:
        dawdling = asyncio.create_task(attacker.dawdle())
        while attacker.sent < HOSTILE_MESSAGES:
            await attacker.round()
        await dawdling

    def attack_then_make_way() -> tuple[int, bool]:
        """What the next one answers on the same port, and whether the one before lives on."""
        asyncio.run(attack())
        assert story.stack.processes()["media"].restarts == restarts
        os.kill(draining, signal.SIGTERM)
        return httpx.get(url, timeout=60).status_code, psutil.pid_exists(draining)

    beside = Beside(attack_then_make_way)
    ended = story.call_with(SPOKEN, [])
    assert beside.result() == (200, True)
    assert_all_is_right(story, ended)
    assert gap_ms(ended.segments) == 0
    assert attacker.outcomes.keys() == {*KINDS, UNSIGNED, SLOW_HANDSHAKE, SLOW_FRAME}
    assert set(attacker.outcomes[UNSIGNED]) == {"403"}
    assert not [kind for kind, outcomes in attacker.outcomes.items() if "left open" in outcomes]
    log = (story.stack.data_dir / "logs" / "media.log").read_text()
    for code in (CODES | BROKEN["picows"]).values():
        assert code in log
    story.stack.wait_ready(limit_s=60)
    assert story.stack.pid("media") != draining


def test_a_deploy_that_ends_one_process_after_another_during_a_call_costs_it_nothing(story: Story) -> None:
    """Each is asked to end and the next one is there before another's turn comes; the media process goes on hearing the call meanwhile.

    Planted bug that this catches: a media process that hears its calls no further.
    """
    names = ("media", "web", "live", "worker", "clock", "transcriber")
    before = {name: story.stack.pid(name) for name in names}

    def deploy() -> bool:
        for name in names:
            story.stack.kill(name, signal.SIGTERM)
            story.stack.wait_ready(limit_s=60)
        return psutil.pid_exists(before["media"])

    beside = Beside(deploy)
    ended = story.call_with(SPOKEN, [])
    # That still hears the call when the last one is replaced.
    assert beside.result()
    assert_all_is_right(story, ended)
    assert gap_ms(ended.segments) == 0
    assert ended.page.losses
    assert [name for name in names if story.stack.pid(name) == before[name]] == []


def is_heard_after_a_gap(page: Page) -> bool:
    gaps = [each["end_ms"] for each in page.segments.values() if each["kind"] == "gap"]
    said = [each["start_ms"] for each in page.segments.values() if each["kind"] == "speech"]
    return bool(gaps and said) and max(said) >= max(gaps)


def attacker_of(story: Story) -> Attacker:
    env = story.stack.env
    return Attacker(
        port=story.stack.ports.media, public_url=env["MEDIA_SOCKET_URL"], auth_token=env["TWILIO_AUTH_TOKEN"]
    )


def assert_all_is_right(story: Story, ended: Ended, *, spoken: str = SPOKEN) -> None:
    logger.info(
        "recovered after %s s, sockets lost %s, interims %s, gap %s ms",
        ended.recovered_s,
        ended.page.losses,
        ended.page.interims,
        gap_ms(ended.segments),
    )
    assert_the_charge_is_right(story, ended)
    turns = dialogue(spoken).turns
    assert missing_turns(turns, ended.segments, began_ms=ended.dialogue_began_ms) == []
    share = share_written(turns, ended.segments, began_ms=ended.dialogue_began_ms)
    logger.info("of the words that lie in no gap, %.3f were written down", share)
    assert share >= LEAST_SHARE_OF_CALL
    assert written_twice(turns, ended.segments) == []
    assert_the_page_is_right(ended.page)
    ended.page.close()


def assert_it_was_understood_once(story: Story, ended: Ended) -> None:
    """Planted bug that this catches: a claim that outlives its worker leaves the insights pending for ever."""
    insights = ended.page.insights
    assert insights["items"] and insights["talk"]
    statements = [(item["kind"], item["text"], tuple(item["segment_ids"])) for item in insights["items"]]
    assert len(statements) == len(set(statements))
    said = {segment["id"] for segment in ended.segments if segment["kind"] == "speech"}
    assert {each for item in insights["items"] for each in item["segment_ids"]} <= said
    assert story.segments_searched(ended.call["id"]) == said


def assert_the_charge_is_right(story: Story, ended: Ended, *, minutes_charged_live: bool = True) -> None:
    """minutes_charged_live: by the meter; else the settlement may have charged or given back some."""
    call, credits = ended.call, story.rep.call("GET", "/api/credits")
    minutes = -(-ended.carrier_duration_s // 60)
    price = minutes * credits["rate"]["mcredits_per_minute"]
    assert call["status"] == "completed"
    assert call["duration_s"] == ended.carrier_duration_s
    entries = story.statement_of(call["id"])
    charged = [entry["ordinal"] for entry in entries if entry["kind"] == "charge"]
    assert sorted(charged) == list(range(minutes if minutes_charged_live else len(charged))), entries
    assert -sum(entry["amount_mcredits"] for entry in entries) == price == call["charged_mcredits"]
    assert credits["held_mcredits"] == 0
    receipt = story.rep.call("GET", f"/api/calls/{call['id']}/receipt")
    assert (receipt["total_mcredits"], receipt["settled"]) == (price, True)
    assert "invariants hold" in story.reconcile()


def assert_the_page_is_right(page: Page, patience_s: float = 10.0) -> None:
    """What the page shows is what REST says, part by part."""
    until = time.monotonic() + patience_s
    while page.shown() != page.truth() and time.monotonic() < until:
        page.turn()
        time.sleep(0.1)
    for shown, truth in zip(page.shown(), page.truth(), strict=True):
        assert shown == truth
    assert page.insights["state"] == "ready"
