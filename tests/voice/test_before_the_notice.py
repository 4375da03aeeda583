"""What was said before the lead had heard the notice is not written down, whoever listens and however late its text comes.

Planted bugs that this catches: only the time of writing is looked at; the first words behind the notice are lost.
"""

from collections.abc import Callable
from datetime import timedelta

import pytest
from pytest_django.fixtures import Settings

from identity.models import Membership
from tests.voice.carrier import Placed, give_credit, place, post
from tests.voice.test_streams import at, gaps, open_stream, say
from tests.voice.test_streams import member as member
from tests.voice.test_streams import placed as placed
from tests.voice.transcriptionist import answered, heard_by_pages, joined, text_of
from voice.models import Callback

pytestmark = pytest.mark.django_db(transaction=True)


def prove(placed: Placed, seconds: float) -> None:
    """The news comes then that the lead has heard the notice."""
    joined(placed)
    Callback.objects.get_queryset().filter(call_id=placed.call_id, kind="played").update(received_at=at(seconds))


def test_what_was_said_before_the_lead_had_heard_the_notice_is_not_kept(placed: Placed) -> None:
    """Nor what was begun before; of that the page tells that it is missing. The first words behind it are there."""
    stream = open_stream(placed, 0)
    prove(placed, 3)
    assert say(stream, "agent", 1_000, 1_900, "It rings.") is None
    assert say(stream, "agent", 2_500, 4_500, "I wonder whether they pick up. Hello, this is Joe.") is None
    assert say(stream, "callee", 3_000, 3_900, "Hello?") is not None
    assert gaps(placed) == [(3_000, 4_500)]
    assert {(speaker, text) for speaker, _, _, text in text_of(placed)} == {(None, ""), ("callee", "Hello?")}


def test_what_the_rep_began_to_say_before_the_notice_had_been_heard_is_neither_shown_nor_kept(
    make_account: Callable[..., Membership], settings: Settings
) -> None:
    """However late its text comes; when it began is an estimate. The lead was joined behind the notice, so their first words count."""
    settings.TRANSCRIPTION_ENGINE = "twilio"
    member = make_account()
    give_credit(member, 1_000_000)
    placed = place(member, began_s_ago=5)
    _, twilio = answered(placed)
    joined(placed)
    Callback.objects.get_queryset().filter(kind="played").update(received_at=twilio.began_at + timedelta(seconds=10))
    long = "I wonder whether pineapple picks up at all today. Hello!"
    partial = twilio.content(2, 10.8, "inbound", long, final=False)
    assert heard_by_pages(placed, lambda: post(twilio.path, partial)) == []
    twilio.says(1, 8.0, "outbound", "The number is pineapple.")
    twilio.says(3, 11.0, "inbound", long)
    twilio.says(4, 10.9, "outbound", "Hello, who is this please?")
    twilio.says(5, 13.0, "inbound", "This is Joe.")
    assert [(speaker, start_ms, text) for speaker, start_ms, _, text in text_of(placed)] == [
        (None, 10_000, ""),
        ("callee", 10_000, "Hello, who is this please?"),
        ("agent", 12_100, "This is Joe."),
    ]
