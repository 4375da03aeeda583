"""A call ends whose rep one of us keeps out, or the team removes: with a word to the lead, charged as long as it lasted, and told.

Written to turn red with: a call that goes on, one that is named used-up credits, one that ends without a trace, and a colleague's that
ends with it.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from compliance.models import AuditEvent
from identity.models import Membership
from tests.identity.browser import Browser
from tests.identity.conftest import SignIn
from tests.identity.teams import colleague, mails, owner, page
from tests.staff.ours import Desk, at_desk
from tests.voice.carrier import Placed, give_credit, place, post
from tests.voice.test_replay import replayed
from voice import metering, transcripts
from voice.heard import Heard
from voice.models import Call
from voice.notice import CLOSING_LINE, SHUT_OUT_LINE
from voice.shut_out import sweep_shut_out

__all__ = ["colleague", "mails", "owner", "page"]

pytestmark = pytest.mark.django_db(transaction=True)
REP = "rep@example.com"


@pytest.fixture
def rep(owner: Membership, colleague: Callable[[str], Membership]) -> Membership:
    give_credit(owner, 1_000_000)
    return colleague("rep")


@pytest.fixture
def desk() -> Desk:
    return at_desk("privacy_officer")


def talking(member: Membership) -> Placed:
    """A call that was answered a minute ago, with the notice heard and something said."""
    placed = place(member)
    post(*placed.agent("in-progress", at_s=0, sequence=2))
    post(*placed.callee("in-progress", at_s=10, sequence=2))
    post(placed.path("notice/played"), {"CallSid": placed.callee_sid, "ParentCallSid": placed.agent_sid})
    heard = Heard("callee", 0, 900, "Who is this?", 0.9)
    assert transcripts.add_segment(call_id=UUID(placed.call_id), heard=heard, now=datetime.now(UTC))
    return placed


def shut_out(way: str, desk: Desk, page: Browser, rep: Membership) -> None:
    if way == "blocked":
        assert desk.post("/api/staff/accounts/block", {"email": REP, "reason": "abuse"})[0] == 204
    else:
        assert page.delete(f"/api/team/members/{rep.user_id}")[0] == 204


def seen(page: Browser, placed: Placed) -> Any:
    return page.get(f"/api/calls/{placed.call_id}")[1]


@pytest.mark.parametrize("way", ["blocked", "removed"])
def test_a_conversation_ends_with_a_word_to_the_lead_and_is_charged_as_long_as_it_lasted(
    rep: Membership, owner: Membership, desk: Desk, page: Browser, way: str
) -> None:
    placed, others = talking(rep), talking(owner)
    now = datetime.now(UTC)
    sweep_shut_out(now=now)
    assert not Call.objects.get_queryset().filter(hangup_requested_at__isnull=False).exists()
    shut_out(way, desk, page, rep)
    for _ in range(2):
        sweep_shut_out(now=now)
    ends_at = placed.row.hangup_requested_at
    assert ends_at is not None and now < ends_at <= now + timedelta(seconds=10)
    # The lead is taken out of the conversation, and the rep's line is not kept open.
    assert (
        CLOSING_LINE in post(placed.path("closing"), {"CallSid": placed.callee_sid, "CallStatus": "in-progress"}).body
    )
    assert SHUT_OUT_LINE in post(*placed.after("answered", DialCallDuration="60")).body
    assert placed.row.status == "in_progress"
    post(*placed.callee("completed", at_s=76, sequence=3, CallDuration="66"))
    post(*placed.agent("completed", at_s=77, sequence=3, CallDuration="77"))
    metering.charge_due_minutes(now=now)

    over = seen(page, placed)
    assert (over["status"], over["end_reason"], over["duration_s"]) == ("completed", "rep_shut_out", 66)
    assert over["charged_mcredits"] == 2_000
    assert [each["text"] for each in page.get(f"/api/calls/{placed.call_id}/segments")[1]["items"]] == ["Who is this?"]
    rows = page.get(f"/api/calls/{placed.call_id}/receipt")[1]["rows"]
    assert "Who called was kept out of the account, or had left the team" in [row["label"] for row in rows]
    assert (seen(page, others)["status"], others.row.hangup_requested_at) == ("in_progress", None)
    [told] = [act for act in page.get("/api/team/activity")[1]["items"] if act["action"] == "call.rep_shut_out"]
    assert (told["call_id"], told["by"], told["by_us"]) == (placed.call_id, None, True)
    assert AuditEvent.objects.filter(action="call.rep_shut_out").count() == 1
    assert replayed()[0]["differences"] == 0


def test_a_phone_that_rings_is_let_go_and_nobody_is_charged(
    rep: Membership, desk: Desk, page: Browser, owner: Membership
) -> None:
    placed = place(rep)
    post(*placed.agent("in-progress", at_s=0, sequence=1))
    post(*placed.callee("ringing", at_s=5, sequence=1))
    shut_out("blocked", desk, page, rep)
    now = datetime.now(UTC)
    sweep_shut_out(now=now)
    assert placed.row.hangup_requested_at == now
    post(*placed.callee("canceled", at_s=12, sequence=2))
    post(*placed.agent("completed", at_s=13, sequence=2, CallDuration="13"))
    over = seen(page, placed)
    assert (over["status"], over["end_reason"], over["charged_mcredits"]) == ("cancelled", "rep_shut_out", 0)
    assert replayed()[0]["differences"] == 0


def test_who_signs_out_everywhere_or_stops_our_texts_talks_on(rep: Membership, page: Browser, sign_in: SignIn) -> None:
    placed, mine = talking(rep), sign_in(rep)
    assert mine.delete("/api/sessions?this_too=true")[0] == 204
    sweep_shut_out(now=datetime.now(UTC))
    assert placed.row.hangup_requested_at is None
