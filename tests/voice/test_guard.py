"""What keeps the number that all call from in good repute: calling pauses by itself, and nobody dials without end.

Planted bugs that this catches: a pause that is looked for among all calls ever (one that was resumed comes back at once), reps
who give up counted as failures, a cap over the whole team instead of each member.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from compliance.models import AuditEvent
from identity.models import Membership
from identity.personal_data import subject_of
from tests.identity.browser import Browser
from tests.identity.conftest import SignIn
from tests.identity.teams import colleague, owner, page
from tests.voice.carrier import Answer, Placed, give_credit, new_lead, post
from tests.voice.queues import actor, call, ends
from voice import guard, operations, personal_data
from voice.models import Call, DialPause, Lead
from voice.schemas import CallChange

__all__ = ["colleague", "owner", "page"]

pytestmark = pytest.mark.django_db


@pytest.fixture
def rep(owner: Membership, colleague: Callable[[str], Membership]) -> Membership:
    give_credit(owner, 100_000_000)
    return colleague("rep")


@pytest.fixture
def rep_page(rep: Membership, sign_in: SignIn) -> Browser:
    return sign_in(rep)


def calls(member: Membership, *ended: str) -> list[Placed]:
    """One after another, now; each answered by the rep, and ended so at the lead's end."""
    placed = []
    for status in ended:
        placed.append(call(member, new_lead(member), now=datetime.now(UTC)))
        ends(placed[-1], status)
    return placed


def refused(page: Browser, lead: Lead) -> list[str]:
    return [refusal["code"] for refusal in page.get(f"/api/leads/{lead.id}/dial-check")[1]["refusals"]]


def pause_of(page: Browser) -> Any:
    return page.get("/api/dial-pause")[1]["pause"]


def test_too_many_failed_calls_pause_the_team_and_show_which(page: Browser, rep: Membership, rep_page: Browser) -> None:
    failed = calls(rep, *["failed"] * 7)
    assert pause_of(page) is None
    failed += calls(rep, "completed", "failed")
    lead = new_lead(rep)
    assert refused(page, lead) == refused(rep_page, lead) == ["dialling_paused"]
    pressed = rep_page.post("/api/calls", {"lead_id": str(lead.id)}, **{"Idempotency-Key": "click-number-one"})
    assert (pressed[0], pressed[1]["code"]) == (409, "dialling_paused")
    shown = pause_of(page)
    assert (shown["cause"], shown["may_resume"]) == ("failures", True)
    assert [each["id"] for each in shown["calls"]] == [
        each.call_id for each in reversed(failed) if each.row.status == "failed"
    ]
    assert {each["end_reason"] for each in shown["calls"]} == {"lead_unreachable"}
    assert pause_of(rep_page)["may_resume"] is False


def test_busy_lines_and_reps_who_give_up_are_no_failures(page: Browser, rep: Membership) -> None:
    calls(rep, *["busy", "no-answer", "canceled"] * 4)
    for _ in range(9):
        placed = call(rep, new_lead(rep), now=datetime.now(UTC))
        post(*placed.agent("no-answer", at_s=30, sequence=1))
    calls(rep, *["failed"] * 8)
    # Of those that were decided at the lead's end, sixteen, half failed.
    assert pause_of(page) is None


def test_only_who_runs_the_team_goes_on_and_what_was_before_does_not_count_again(
    page: Browser, rep: Membership, rep_page: Browser
) -> None:
    calls(rep, *["failed"] * 8)
    status, answer = rep_page.delete("/api/dial-pause")
    assert (status, answer["code"]) == (403, "not_permitted")
    assert page.delete("/api/dial-pause")[0] == 204
    status, answer = page.delete("/api/dial-pause")
    assert (status, answer["code"]) == (409, "not_paused")
    calls(rep, *["failed"] * 7)
    assert pause_of(page) is None
    calls(rep, "failed")
    assert pause_of(page) is not None
    assert AuditEvent.objects.filter(workspace_id=rep.workspace_id, action="dialling.resumed").count() == 1
    words = page.get("/api/team/activity")[1]["items"][0]
    assert words["action"] == "dialling.resumed"


def test_many_who_ask_not_to_be_called_pause_the_team(page: Browser, rep: Membership) -> None:
    spoken = calls(rep, *["completed"] * 6)
    for placed in spoken[:4]:
        said(rep, placed, "do_not_call")
    said(rep, spoken[4], "not_interested")
    assert pause_of(page) is None
    said(rep, spoken[4], "do_not_call")
    shown = pause_of(page)
    assert shown["cause"] == "complaints"
    assert {each["id"] for each in shown["calls"]} == {each.call_id for each in spoken[:5]}


def test_the_key_that_refuses_calls_ends_this_one_and_forbids_the_next(
    page: Browser, rep: Membership, rep_page: Browser
) -> None:
    for key, ending in (("1", False), ("9", True), ("9", True)):
        placed = call(rep, new_lead(rep), now=datetime.now(UTC))
        post(placed.path("agent"), {"CallSid": placed.agent_sid, "CallStatus": "in-progress"})
        answer = pressed(placed, key)
        lead = placed.row.lead
        assert ("<Hangup" in answer.body, placed.row.hangup_requested_at is not None) == (ending, ending)
        assert placed.row.transcript_state == "refused"
        assert ("lead_suppressed" in refused(rep_page, lead)) is ending
        # The same news again changes nothing.
        assert pressed(placed, key).status == 200
        ends(placed, "completed")


def test_whoever_refused_the_transcript_need_not_refuse_it_again(page: Browser, rep: Membership) -> None:
    lead, other = new_lead(rep), new_lead(rep)
    for whom, key, state in ((lead, "1", "refused"), (lead, "", "refused"), (other, "", "on")):
        placed = call(rep, whom, now=datetime.now(UTC))
        post(placed.path("agent"), {"CallSid": placed.agent_sid, "CallStatus": "in-progress"})
        assert pressed(placed, key).status == 200
        assert placed.row.transcript_state == state
        ends(placed, "completed")


def test_those_who_press_the_key_count_as_people_who_ask_not_to_be_called(page: Browser, rep: Membership) -> None:
    spoken = calls(rep, *["completed"] * 6)
    for placed in spoken[:4]:
        pressed(placed, "9")
    pressed(spoken[5], "1")
    assert pause_of(page) is None
    pressed(spoken[4], "9")
    shown = pause_of(page)
    assert shown["cause"] == "complaints"
    assert {each["id"] for each in shown["calls"]} == {each.call_id for each in spoken[:5]}


def test_a_few_among_very_many_answers_are_no_reason_to_pause(page: Browser, rep: Membership) -> None:
    spoken = calls(rep, *["completed"] * 5)
    answered = spoken[0].row
    others = [
        Call(
            workspace_id=rep.workspace_id,
            lead_id=answered.lead_id,
            user_id=rep.user_id,
            idempotency_key=f"earlier-{number}",
            status="completed",
            rate_card_id=answered.rate_card_id,
            max_duration_s=60,
            created_at=datetime.now(UTC) - timedelta(days=1),
            answered_at=datetime.now(UTC),
            ended_at=datetime.now(UTC),
        )
        for number in range(96)
    ]
    Call.objects.bulk_create(others)
    for placed in spoken:
        said(rep, placed, "do_not_call")
    assert pause_of(page) is None


def test_nobody_dials_more_often_than_is_good_for_the_number(
    page: Browser, owner: Membership, rep: Membership, rep_page: Browser, settings: Any
) -> None:
    settings.MEMBER_DIALS_PER_HOUR_MAX, settings.MEMBER_DIALS_PER_DAY_MAX = 3, 5
    calls(rep, *["busy"] * 3)
    lead = new_lead(rep)
    [refusal] = rep_page.get(f"/api/leads/{lead.id}/dial-check")[1]["refusals"]
    assert refusal["code"] == "dials_reached"
    assert "3 times in the last hour" in refusal["message"]
    assert "Go on in 60 minutes." in refusal["message"]
    # Each has their own number of dials.
    assert refused(page, lead) == []
    later = datetime.now(UTC) + timedelta(minutes=61)
    assert guard.refusals(actor=actor(rep), now=later) == []
    Call.objects.get_queryset().update(created_at=datetime.now(UTC) - timedelta(hours=2))
    calls(rep, *["busy"] * 2)
    [refusal] = rep_page.get(f"/api/leads/{lead.id}/dial-check")[1]["refusals"]
    assert "5 times in the last 24 hours" in refusal["message"]
    assert "Go on in 22 hours." in refusal["message"]


def test_a_pause_goes_with_its_workspace_and_its_calls_with_theirs(owner: Membership, rep: Membership) -> None:
    failed = calls(rep, *["failed"] * 8)
    Call.objects.get_queryset().get(id=failed[0].call_id).delete()
    pause = DialPause.objects.get_queryset().get()
    assert pause.calls.count() == 7
    everything = replace(subject_of(owner.user_id), workspace_ids_to_erase=(owner.workspace_id,))
    personal_data.STORE.erase(everything, now=datetime.now(UTC))
    assert not DialPause.objects.get_queryset().exists()


def pressed(placed: Placed, key: str) -> Answer:
    form = {"CallSid": placed.callee_sid, "ParentCallSid": placed.agent_sid, "Digits": key}
    return post(placed.path("notice/played"), form)


def said(member: Membership, placed: Placed, disposition: Any) -> None:
    operations.annotate_call(
        actor=actor(member),
        call_id=placed.row.id,
        change=CallChange(disposition=disposition),
        now=datetime.now(UTC),
    )
