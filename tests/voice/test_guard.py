"""What keeps the number that all call from in good repute: calling pauses by itself, and nobody dials without end.

Planted bugs that this catches: a pause that is looked for among all calls ever (one that was resumed comes back at once), reps
who give up counted as failures, a cap over the whole team instead of each member, or of one workspace's calls alone (a function that
counts without freeing itself of the request's workspace); a way to ask not to be called that nobody looks at.
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
from tests.identity.conftest import MakeAccount, SignIn
from tests.identity.teams import colleague, owner, page
from tests.voice.carrier import Answer, Placed, give_credit, new_lead, post
from tests.voice.queues import actor, call, ends
from voice import callee, guard, operations, personal_data
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


WAYS: dict[str, Callable[[Membership, Browser, Placed], object]] = {
    "said so, as the rep notes": lambda rep, page, placed: said(rep, placed, "do_not_call"),
    "said so, the rep's button": lambda rep, page, placed: page.post(
        f"/api/leads/{placed.row.lead_id}/suppression", {}
    ),
    "pressed the key": lambda rep, page, placed: pressed(placed, "9"),
    "stops this team's calls": lambda rep, page, placed: stops(placed, str(rep.workspace_id)),
    "stops all calls": lambda rep, page, placed: stops(placed, None),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_in_whichever_way_people_ask_not_to_be_called_it_counts(
    page: Browser, rep: Membership, rep_page: Browser, way: Callable[[Membership, Browser, Placed], object]
) -> None:
    spoken = calls(rep, *["completed"] * 6)
    for placed in spoken[:4]:
        way(rep, rep_page, placed)
        # Once for each person, however often they say so.
        way(rep, rep_page, placed)
    assert pause_of(page) is None
    way(rep, rep_page, spoken[4])
    shown = pause_of(page)
    assert shown["cause"] == "complaints"
    assert [each["id"] for each in shown["calls"]] == [each.call_id for each in reversed(spoken[:5])]
    assert page.delete("/api/dial-pause")[0] == 204
    way(rep, rep_page, spoken[5])
    assert pause_of(page) is None


def test_all_ways_together_count_as_one_and_who_was_not_called_is_no_complaint(
    page: Browser, rep: Membership, rep_page: Browser
) -> None:
    for _ in range(5):
        rep_page.post(f"/api/leads/{new_lead(rep).id}/suppression", {})
    spoken = calls(rep, *["completed"] * 5)
    for placed, way in zip(spoken, WAYS.values(), strict=True):
        assert pause_of(page) is None
        way(rep, rep_page, placed)
    assert pause_of(page)["cause"] == "complaints"


def test_who_stops_all_calls_counts_where_they_were_called_and_nowhere_else(
    page: Browser, rep: Membership, make_account: MakeAccount, sign_in: SignIn
) -> None:
    others = [
        make_account(email=f"{name}@example.com", mobile=f"+1 202 555 018{at}")
        for at, name in enumerate(("eve", "max"))
    ]
    for other in others:
        give_credit(other, 1_000_000)
    spoken = calls(rep, *["completed"] * 5)
    for placed in spoken:
        same = Lead.objects.create(
            workspace_id=others[0].workspace_id, phone_e164=placed.row.lead.phone_e164, created_at=datetime.now(UTC)
        )
        ends(call(others[0], same, now=datetime.now(UTC)), "completed")
    calls(others[1], *["completed"] * 5)
    for placed in spoken:
        stops(placed, None)
    assert pause_of(page)["cause"] == "complaints"
    assert [pause_of(sign_in(other)) is not None for other in others] == [True, False]


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


def test_whoever_is_in_several_teams_has_one_number_of_dials(
    owner: Membership, rep: Membership, rep_page: Browser, make_account: MakeAccount, settings: Any
) -> None:
    settings.MEMBER_DIALS_PER_HOUR_MAX = 3
    elsewhere = make_account(email="eve@example.com", mobile="+1 202 555 0180")
    give_credit(elsewhere, 1_000_000)
    there = Membership.objects.create(
        workspace_id=elsewhere.workspace_id, user=rep.user, role="rep", created_at=datetime.now(UTC)
    )
    calls(rep, "busy")
    lead = new_lead(rep)
    assert refused(rep_page, lead) == []
    calls(there, "busy", "busy")
    assert refused(rep_page, lead) == ["dials_reached"]
    # The page goes on seeing its own workspace alone, and the others of both may dial.
    assert [each["lead"]["id"] for each in rep_page.get("/api/calls")[1]["items"]] == [
        str(each.lead_id) for each in Call.objects.for_workspace(rep.workspace_id)
    ]
    assert guard.refusals(actor=actor(elsewhere), now=datetime.now(UTC)) == []
    assert [each.code for each in guard.refusals(actor=actor(there), now=datetime.now(UTC))] == ["dials_reached"]


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


def stops(placed: Placed, workspace: str | None) -> None:
    """As the person on their own page."""
    phone = placed.row.lead.phone_e164
    assert phone
    callee.wish_about_calls(phone_e164=phone, workspace=workspace, allowed=False, now=datetime.now(UTC))


def said(member: Membership, placed: Placed, disposition: Any) -> None:
    operations.annotate_call(
        actor=actor(member),
        call_id=placed.row.id,
        change=CallChange(disposition=disposition),
        now=datetime.now(UTC),
    )
