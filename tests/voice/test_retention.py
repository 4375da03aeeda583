"""What was said is kept for its term; the call and what it cost stay."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ai.models import AiQuery, IndexedCall
from compliance import retention
from config.management.commands.clock import LANES
from identity.models import Membership
from tests.compliance.ends import end
from tests.compliance.test_erasure import NOW as PLANTED
from tests.compliance.test_erasure import plant
from tests.identity.browser import Browser
from tests.identity.conftest import SignIn
from tests.voice.carrier import give_credit, place, post
from voice import analysis, submission, transcripts
from voice.heard import Heard
from voice.models import Call, TranscriptSegment

pytestmark = pytest.mark.django_db(transaction=True)
TERM = timedelta(days=180)


@pytest.fixture
def member(make_account: Callable[..., Membership]) -> Membership:
    member = make_account()
    give_credit(member, 100_000)
    return member


@pytest.fixture
def page(member: Membership, sign_in: SignIn) -> Browser:
    return sign_in(member)


@pytest.fixture
def call(member: Membership) -> Call:
    """A call in which something was said, and understood."""
    placed = place(member, began_s_ago=70)
    for news in (placed.agent("in-progress", at_s=0, sequence=2), placed.callee("in-progress", at_s=5, sequence=2)):
        post(*news)
    Call.objects.get_queryset().update(transcript_state="on")
    said = Heard("callee", 1_000, 3_000, "That is too expensive for us, we have no budget.", 0.9, [])
    transcripts.add_segment(call_id=placed.row.id, heard=said, now=datetime.now(UTC))
    for news in (placed.callee("completed", at_s=69, sequence=3, CallDuration="64"), placed.after("completed")):
        post(*news)
    analysis.analyse(call_id=placed.row.id, now=datetime.now(UTC))
    assert IndexedCall.objects.get_queryset().exists()
    return placed.row


@pytest.mark.policy("C6.1")
def test_the_text_and_what_was_understood_go_after_the_term_and_nothing_before(call: Call, page: Browser) -> None:
    assert call.ended_at is not None
    end("transcript", now=call.ended_at + TERM - timedelta(seconds=1))
    assert TranscriptSegment.objects.get_queryset().exists()
    end("transcript", now=call.ended_at + TERM)
    assert not TranscriptSegment.objects.get_queryset().exists()
    assert not IndexedCall.objects.get_queryset().exists()
    shown = page.get(f"/api/calls/{call.id}")[1]
    assert (shown["transcript_state"], shown["charged_mcredits"]) == ("expired", call.charged_mcredits)
    assert page.get(f"/api/calls/{call.id}/segments")[1]["items"] == []
    assert page.get(f"/api/calls/{call.id}/insights")[1]["state"] == "expired"
    assert page.get(f"/api/calls/{call.id}/receipt")[0] == 200
    sequence = shown["sequence"]
    end("transcript", now=call.ended_at + TERM)
    assert page.get(f"/api/calls/{call.id}")[1]["sequence"] == sequence


def test_younger_questions_stay_though_they_name_the_lead_and_quotes_of_the_call_go(call: Call, page: Browser) -> None:
    """Planted bug that this catches: what erases a person is used for a call whose term is over."""
    name = call.lead.name
    asked = {"question": f"What is too expensive for {name}?", "lead_id": str(call.lead_id)}
    answer = page.post("/api/questions", asked, **{"Idempotency-Key": "question-one"})[1]
    assert call.ended_at is not None
    end("transcript", now=call.ended_at + TERM)
    [kept] = page.get("/api/questions")[1]["items"]
    assert (kept["id"], kept["quotes"]) == (answer["id"], [])


def test_a_call_without_any_text_stays_as_it_is(member: Membership) -> None:
    placed = place(member)
    post(*placed.agent("busy", at_s=1, sequence=2, CallDuration="0"))
    state = placed.row.transcript_state
    end("transcript", now=datetime.now(UTC) + TERM * 2)
    assert placed.row.transcript_state == state != "expired"


def test_what_was_said_in_a_call_that_was_given_up_goes_too(member: Membership) -> None:
    """Planted bug that this catches: a call that is given up is said to have no text, whatever was written down."""
    placed = place(member)
    Call.objects.get_queryset().update(transcript_state="on")
    now = datetime.now(UTC)
    transcripts.add_segment(call_id=placed.row.id, heard=Heard("agent", 0, 1_000, "Hello?", 0.9, []), now=now)
    submission.give_up(call_id=placed.row.id, status="failed", reason="carrier_unreachable", now=now)
    assert TranscriptSegment.objects.get_queryset().exists()
    end("transcript", now=now + TERM)
    assert not TranscriptSegment.objects.get_queryset().exists()


def test_late_news_bring_no_word_back(call: Call) -> None:
    assert call.ended_at is not None
    end("transcript", now=call.ended_at + TERM)
    late = Heard("agent", 4_000, 5_000, "One more thing.", 0.9, [])
    assert transcripts.add_segment(call_id=call.id, heard=late, now=datetime.now(UTC)) is None
    analysis.analyse(call_id=call.id, now=datetime.now(UTC))
    assert not IndexedCall.objects.get_queryset().exists()


def test_many_calls_go_in_as_few_statements_as_one(member: Membership) -> None:
    """Planted bug that this catches: the nightly job goes from row to row."""

    def statements(calls: int, now: datetime) -> int:
        for number in range(calls):
            plant(member, f"{now:%d}-{number}", f"+3706{now:%d}{number:05d}", lines=5)
        with CaptureQueriesContext(connection) as made:
            assert end("transcript", now=now) == calls
        return len(made)

    one = statements(1, PLANTED + TERM)
    assert statements(7, PLANTED + TERM + timedelta(days=1)) == one
    assert not TranscriptSegment.objects.get_queryset().exists()
    assert set(Call.objects.get_queryset().values_list("transcript_state", "sequence")) == {("expired", 1)}


@pytest.mark.policy("C6.1")
def test_questions_go_after_their_term(page: Browser, member: Membership) -> None:
    page.post("/api/questions", {"question": "Who objected?"}, **{"Idempotency-Key": "question-one"})
    [query] = AiQuery.objects.get_queryset()
    end("ai_query", now=query.asked_at + TERM - timedelta(seconds=1))
    assert AiQuery.objects.get_queryset().exists()
    end("ai_query", now=query.asked_at + TERM)
    assert not AiQuery.objects.get_queryset().exists()


def test_the_clock_does_it_by_itself() -> None:
    assert retention.expire in {work for rounds in LANES.values() for _, work in rounds}
