"""What the carrier says to the rep after the lead has left is not written down as the lead's words.

Planted bugs that this catches: such a sentence kept, or shown, as the lead's; with the lead's last words in one utterance kept whole,
or told again by the turn that is heard as a whole; the lead's last words lost with it; the rep's words lost with it; such a sentence
missed, when the call's end cuts it off.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from ai.listening.transcriber import Word
from identity.models import Membership
from tests.voice.carrier import Placed, give_credit, place, post
from tests.voice.media_doors import run
from tests.voice.test_media_proof import hear_a_sentence
from tests.voice.test_streams import at, gaps, open_stream, say
from tests.voice.test_streams import member as member
from tests.voice.test_streams import placed as placed
from tests.voice.transcriptionist import Transcriptionist, answered, heard_by_pages, joined, text_of
from voice import analysis, transcripts, whole_turns
from voice.heard import Heard
from voice.models import Call, Callback
from voice.notice import CREDITS_END_LINE
from voice.state import CLOSING_AT_S

pytestmark = pytest.mark.django_db(transaction=True)
LEFT_S = 30


def leave(placed: Placed, *, closing: bool = True) -> None:
    """The lead is out of the call; the rep is told why where its credits are over."""
    if closing:
        Call.objects.get_queryset().filter(id=placed.call_id).update(warned_at_s=CLOSING_AT_S)
    assert (CREDITS_END_LINE in post(*placed.after("answered")).body) is closing
    Callback.objects.get_queryset().filter(call_id=placed.call_id, kind="after").update(received_at=at(LEFT_S))


def written(placed: Placed) -> list[tuple[str | None, str]]:
    return [(speaker, text) for speaker, _, _, text in text_of(placed)]


def test_the_carriers_own_sentence_is_not_the_leads(placed: Placed) -> None:
    stream = open_stream(placed, 0)
    leave(placed)
    assert say(stream, "callee", 30_400, 34_000, CREDITS_END_LINE) is None
    # Their last words, whose text came late.
    assert say(stream, "callee", 27_000, 29_000, "Good luck then.") is not None
    assert say(stream, "agent", 30_500, 31_000, "Hello?") is not None
    assert (written(placed), gaps(placed)) == ([("callee", "Good luck then."), ("agent", "Hello?")], [])


def test_of_an_utterance_in_which_the_lead_left_their_own_words_are_kept(placed: Placed) -> None:
    """Nor does the turn as a whole bring back the others."""
    stream = open_stream(placed, 0)
    leave(placed)
    words = [Word("Good", 29_000, 29_300, 0.9), Word("luck.", 29_300, 29_800, 0.9), Word("Your", 30_300, 30_600, 0.9)]
    heard = Heard("callee", 29_000, 34_000, "Good luck. Your", 0.9, words)
    transcripts.add_segment(call_id=stream.call_id, stream_id=stream.stream_id, heard=heard, now=at(34))
    assert text_of(placed) == [("callee", 29_000, 30_000, "Good luck.")]
    assert say(stream, "callee", 26_000, 27_000, "Well,") is not None
    whole = replace(
        heard,
        start_ms=26_000,
        text="Well, good luck. Your",
        words=[Word("Well, good", 26_000, 29_300, 0.9), *words[1:]],
    )
    whole_turns.replace_segments(
        call_id=stream.call_id, stream_id=stream.stream_id, heard=whole, pieces_ms=[26_000, 29_000], now=at(34)
    )
    assert text_of(placed) == [("callee", 26_000, 30_000, "Well, good luck.")]


def test_after_an_ordinary_end_the_carrier_says_nothing_and_late_text_is_the_leads(placed: Placed) -> None:
    stream = open_stream(placed, 0)
    leave(placed, closing=False)
    Call.objects.get_queryset().filter(id=placed.call_id).update(transcript_state="on")
    assert say(stream, "callee", 30_400, 31_000, "Bye.") is not None


def test_our_own_engine_neither_shows_nor_keeps_it(placed: Placed, settings: Any) -> None:
    leave(placed)
    events = heard_by_pages(placed, lambda: run(lambda: hear_a_sentence(placed, settings)))
    assert [each["type"] for each in events if each["type"].startswith("segment.")] == []
    assert written(placed) == []


@pytest.fixture
def twilio(make_account: Callable[..., Membership], settings: Settings) -> Transcriptionist:
    """Of a call whose lead leaves as soon as the notice is heard."""
    settings.TRANSCRIPTION_ENGINE = "twilio"
    member = make_account()
    give_credit(member, 1_000_000)
    placed = place(member, began_s_ago=5)
    _, twilio = answered(placed)
    joined(placed)
    leave(placed)
    Callback.objects.get_queryset().filter(kind__in=("played", "after")).update(received_at=twilio.began_at)
    return twilio


def test_nor_does_twilios(twilio: Transcriptionist) -> None:
    partial = twilio.content(2, 3.0, "outbound", "Your credits", final=False)
    assert heard_by_pages(twilio.placed, lambda: post(twilio.path, partial)) == []
    twilio.says(3, 9.0, "outbound", CREDITS_END_LINE)
    twilio.says(4, 10.0, "inbound", "Hello?")
    assert written(twilio.placed) == [("agent", "Hello?")]


@pytest.mark.parametrize("track, missed", [("outbound", []), ("inbound", [(2_400, 3_000)])])
def test_nor_does_twilios_leave_a_gap_where_the_calls_end_cuts_it_off(
    twilio: Transcriptionist, track: str, missed: list[tuple[int, int]]
) -> None:
    """As it does where the rep's sentence is cut off."""
    twilio.tells("started", 1, 0.1)
    twilio.says(2, 3.0, track, "Your credits", final=False)
    twilio.tells("stopped", 3, 3.0)
    ended_at = twilio.began_at + timedelta(seconds=3.2)
    calls = Call.objects.get_queryset().filter(id=twilio.placed.call_id)
    calls.update(status="completed", ended_at=ended_at)
    assert analysis.analyse(call_id=twilio.placed.row.id, now=ended_at + timedelta(seconds=1)) is not bool(missed)
    analysis.analyse(call_id=twilio.placed.row.id, now=ended_at + timedelta(seconds=21))
    assert gaps(twilio.placed) == missed
