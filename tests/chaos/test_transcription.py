"""Whole calls that Twilio writes down, on a stack that has neither recognisers nor a media process."""

import math
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from config.embedded.handle import Stack
from tests.chaos.page import Page
from tests.chaos.spoken import gap_ms, missing_turns, written_twice
from tests.chaos.story import LEAD_PHONE, Kill, Story
from tests.chaos.test_kills import assert_the_charge_is_right, assert_the_page_is_right
from tests.smoke.speech import dialogue

SPOKEN = "smoke"
# After the call was placed: both have been joined for a while, and talk.
SPOKEN_S = 20.0
FINAL = {"TranscriptionEvent": "transcription-content", "Final": "true"}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    settings = {"TRANSCRIPTION_ENGINE": "twilio"}
    with Stack(tmp_path_factory.mktemp("twilio") / "data", settings=settings) as stack:
        story = Story(stack)
        yield story
        # Whatever was asked of Twilio kept its contract.
        assert story.rep.sandbox("GET", "/sandbox/api/defects") == []
        story.rep.close()


def agents_leg(story: Story, call_id: str) -> dict[str, Any]:
    """The carrier's record of it, with who listened."""
    sid = next(leg["sid"] for leg in story.legs_of(call_id) if not leg["parent_sid"])
    leg: dict[str, Any] = story.rep.sandbox("GET", f"/sandbox/api/calls/{sid}")
    return leg


def fault(story: Story, target: str, kind: str, value: int = 0, match: dict[str, str] | None = None) -> None:
    body = {"target": target, "kind": kind, "value": value, "match": match or {}}
    story.rep.sandbox("POST", "/sandbox/api/faults", body)


def test_a_call_is_written_down_word_for_word_though_callbacks_come_twice_late_and_in_disorder(story: Story) -> None:
    assert {"transcriber", "media"} & set(story.stack.processes()) == set()
    fault(story, "twilio.callbacks", "duplicate", 2, FINAL)
    fault(story, "twilio.callbacks", "reorder", 0, FINAL | {"Track": "outbound_track"})
    fault(story, "twilio.callbacks", "delay", 3_000, FINAL | {"Track": "inbound_track"})
    ended = story.call_with(SPOKEN, [])
    turns = dialogue(SPOKEN).turns
    in_order = sorted(ended.segments, key=lambda segment: segment["start_ms"])
    for speaker in ("agent", "callee"):
        spoken = [turn["text"] for turn in turns if turn["speaker"] == speaker]
        assert [each["text"] for each in in_order if each["speaker"] == speaker] == spoken
    assert missing_turns(turns, ended.segments, began_ms=ended.dialogue_began_ms) == []
    assert gap_ms(ended.segments) == 0
    assert ended.page.interims > len(turns)
    assert_the_charge_is_right(story, ended)
    assert_the_page_is_right(ended.page)
    assert story.segments_searched(ended.call["id"]) == {each["id"] for each in ended.segments}
    leg = agents_leg(story, ended.call["id"])
    assert (leg["streams"], len(leg["transcriptions"])) == ([], 1)
    ended.page.close()


def test_a_web_process_that_is_away_and_a_transcription_that_fails_leave_marked_gaps_alone(story: Story) -> None:
    fault(story, "twilio.transcription", "error", 19_500)
    ended = story.call_with(SPOKEN, [Kill(4, "web", 4)])
    turns = dialogue(SPOKEN).turns
    assert missing_turns(turns, ended.segments, began_ms=ended.dialogue_began_ms) == []
    assert written_twice(turns, ended.segments) == []
    gaps = [each for each in ended.segments if each["kind"] == "gap"]
    assert len(gaps) >= 2
    assert 3_000 < gap_ms(ended.segments) < 30_000
    first, second = agents_leg(story, ended.call["id"])["transcriptions"]
    assert (first["error"], second["error"]) == ("32651", "")
    assert any(each["start_ms"] > ended.dialogue_began_ms + 20_000 for each in ended.segments if each["speaker"])
    assert_the_charge_is_right(story, ended)
    assert_the_page_is_right(ended.page)
    ended.page.close()


def test_no_word_of_a_lead_who_refused_reaches_a_transcription(story: Story) -> None:
    phone = {"behaviour": "press", "dialogue": SPOKEN}
    story.rep.sandbox("POST", f"/sandbox/api/phones/{LEAD_PHONE}", phone)
    call = story.rep.call("POST", "/api/calls", {"lead_id": story.lead_id}, key=str(uuid.uuid4()), expect=201)
    page = Page(story.rep, call["id"])
    until = time.monotonic() + 90
    spoken_until = time.monotonic() + SPOKEN_S
    while not (page.call.get("ended_at") and page.insights.get("state") == "ready"):
        page.turn()
        if time.monotonic() > spoken_until:
            story.rep.call("POST", f"/api/calls/{call['id']}/hangup")
            spoken_until = math.inf
        assert time.monotonic() < until, f"the page still shows {page.call}"
        time.sleep(0.1)
    assert (page.call["transcript_state"], page.segments, page.interims) == ("refused", {}, 0)
    leg = agents_leg(story, call["id"])
    (transcription,) = leg["transcriptions"]
    assert transcription["updated_at"] < leg["bridged_at"]
    assert (transcription["status"], transcription["callbacks_sent"]) == ("stopped", 2), "that it began, and ended"
    page.close()


def test_whoever_presses_the_key_for_no_more_calls_is_not_written_down_nor_called_again(story: Story) -> None:
    ended = story.opted_out()
    assert ended["transcript_state"] == "refused"
    assert [each["callbacks_sent"] for each in agents_leg(story, ended["id"])["transcriptions"]] in ([], [2])
