"""A lead asks for no more calls: the line is marked as soon as it is settled, whoever wrote it down, and a person may find otherwise.

Planted bugs that this catches: the rep's own promise never to call marked as well, a dismissal that a turn heard again as a whole
forgets, a dismissal that keeps the line's old number (a browser that missed the event would never learn of it).
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from pytest_django.fixtures import Settings

from compliance.models import AuditEvent
from identity.models import Membership
from tests.identity.browser import Browser
from tests.voice.carrier import Placed, give_credit, place, post
from tests.voice.test_corrections import correct, say
from tests.voice.transcriptionist import answered, joined
from voice import whole_turns
from voice.heard import Heard
from voice.models import Call, TranscriptSegment
from voice.schemas import Speaker

pytestmark = pytest.mark.django_db
WISH = "No, thank you. Please don\u2019t call me again."


@pytest.fixture
def twilio_writes(settings: Settings) -> None:
    """From the first account on, so that everybody has agreed to it."""
    settings.TRANSCRIPTION_ENGINE = "twilio"


@pytest.fixture
def member(make_account: Callable[..., Membership]) -> Membership:
    member = make_account()
    give_credit(member, 100_000)
    return member


@pytest.fixture
def placed(member: Membership) -> Placed:
    placed = place(member, began_s_ago=60)
    post(*placed.agent("in-progress", at_s=0, sequence=2))
    post(*placed.callee("in-progress", at_s=1, sequence=2))
    Call.objects.get_queryset().filter(id=placed.call_id).update(transcript_state="on")
    return placed


@pytest.fixture
def rep(member: Membership, sign_in: Callable[..., Browser]) -> Browser:
    return sign_in(member)


def shown(rep: Browser, placed: Placed, after: int = 0) -> list[Any]:
    items = rep.get(f"/api/calls/{placed.call_id}/segments?after_sequence={after}")[1]["items"]
    return [each["refusal"] for each in items]


def dismiss(rep: Browser, segment: TranscriptSegment, dismissed: bool = True) -> tuple[int, Any]:
    return rep.put(f"/api/segments/{segment.id}/refusal", {"dismissed": dismissed})


@pytest.mark.parametrize(
    ("speaker", "text", "refusal"),
    [
        ("callee", WISH, "said"),
        ("callee", "It costs too much. Take my number off your list.", "said"),
        ("agent", "We will never call you again.", None),
        ("callee", "Do not call me before ten.", None),
        ("callee", "Please don't hesitate to call.", None),
    ],
)
def test_a_line_of_the_lead_that_asks_for_no_more_calls_is_marked(
    rep: Browser, placed: Placed, speaker: Speaker, text: str, refusal: str | None
) -> None:
    say(placed, 0, text, speaker)
    assert shown(rep, placed) == [refusal]


def test_so_is_one_that_twilio_wrote_down(twilio_writes: None, member: Membership, rep: Browser) -> None:
    placed = place(member, began_s_ago=0)
    _, twilio = answered(placed)
    joined(placed)
    twilio.says(2, 10.0, "outbound", WISH)
    twilio.says(3, 11.0, "inbound", "Of course. Nobody will call you again.")
    assert shown(rep, placed) == ["said", None]


def test_a_wish_that_was_none_is_dismissed_and_that_is_taken_back(rep: Browser, placed: Placed) -> None:
    segment = say(placed, 0, WISH)
    later = say(placed, 3_000, "Who is this?")
    for dismissed, noted in ((True, "dismissed"), (True, "dismissed"), (False, "said")):
        status, answer = dismiss(rep, segment, dismissed)
        assert (status, answer["refusal"], answer["text"]) == (200, noted, WISH)
        # Whoever missed the event learns of it by its number.
        assert shown(rep, placed, after=later.sequence) == [noted]
    acts = AuditEvent.objects.filter(target=str(segment.id)).order_by("sequence")
    assert [act.action for act in acts] == ["refusal.dismissed", "refusal.restored"]


def test_what_asks_for_nothing_or_is_nowhere_cannot_be_dismissed(rep: Browser, placed: Placed) -> None:
    status, problem = dismiss(rep, say(placed, 0, "Who is this?"))
    assert (status, problem["code"]) == (409, "no_refusal")
    status, problem = rep.put(f"/api/segments/{uuid4()}/refusal", {"dismissed": True})
    assert (status, problem["code"]) == (404, "not_found")
    assert rep.put(f"/api/segments/{uuid4()}/refusal", {"dismissed": "perhaps", "why": "x"})[0] == 422


def test_a_turn_that_is_heard_again_as_a_whole_keeps_what_a_person_found(rep: Browser, placed: Placed) -> None:
    for start_ms, dismissed in ((0, True), (20_000, False)):
        first = say(placed, start_ms, "Please do not call me")
        say(placed, start_ms + 2_000, "again, thank you.")
        if dismissed:
            assert dismiss(rep, first)[0] == 200
        turn = Heard("callee", start_ms, start_ms + 4_000, "Please do not call me again, thank you.", 0.9)
        pieces_ms, now = [start_ms, start_ms + 2_000], datetime.now(UTC)
        assert whole_turns.replace_segments(call_id=placed.row.id, heard=turn, pieces_ms=pieces_ms, now=now) is not None
    whole = TranscriptSegment.objects.get_queryset().filter(call_id=placed.call_id).order_by("start_ms")
    assert [(row.text == turn.text, row.refusal) for row in whole] == [(True, "dismissed"), (True, "said")]


def test_a_corrected_line_says_what_it_says_now(rep: Browser, placed: Placed) -> None:
    segment = say(placed, 0, "Please do call me again.")
    corrected = correct(rep, segment, "Please do not call me again.")[1]
    assert corrected["refusal"] == "said"
    assert correct(rep, corrected, None)[1]["refusal"] is None
