"""A carrier that names wrong calls, answers in no language, or refuses what it has done: one call at most, and no hold is lost.

Planted bugs that this catches: a talk that ends because the carrier once said that it knew none of its legs; one that goes on at the
carrier after it was held for ended, which nobody ends; a leg of another call that is taken for this one's (neither can be ended any more), a leg that the
carrier does not know and that takes the others of its call with it, a look-up that finds the leg of the call before, an answer
that cannot be read and stops all look-ups of the round, a second `POST Calls` after a refusal that came too late.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings as account
from pytest_django.live_server_helper import LiveServer

from identity.models import Membership
from tests.ledger.books import amounts, broken
from tests.sandbox_fixture import Sandbox
from tests.voice.carrier import actor_of, give_credit
from tests.voice.test_callbacks import rebuilt_otherwise
from tests.voice.test_dialling import CREDIT, place
from tests.voice.test_outage import TALKS, dialled, fresh, until
from voice import operations, orphans, reconcile, submission, twilio
from voice.guard_models import OrphanCall
from voice.models import Call, DialIntent
from voice.state import LEG_TERMINAL

pytestmark = pytest.mark.django_db(transaction=True)
MakeAccount = Callable[..., Membership]
# A rep whose phone rings until somebody answers it.
RINGS_ON = "+12025550187"
NOBODYS, ANOTHERS, NONE = 0, 1, 2
NO_JSON, LIST, OTHER_OBJECT = 0, 1, 2


@pytest.fixture
def member(make_account: MakeAccount) -> Membership:
    return make_account()


def dial_of(call: Call) -> str:
    return DialIntent.objects.get_queryset().get(call_id=call.id).state


def placed_at(sandbox: Sandbox, member: Membership) -> list[str]:
    """The SIDs of all calls to the rep's phone that the carrier has taken."""
    return [record["sid"] for record in sandbox.ask("GET", "/calls", to=member.user.mobile_e164)]


def statuses(call: Call) -> dict[str, str]:
    return dict(call.legs.values_list("sid", "status"))


@pytest.mark.parametrize("named", [ANOTHERS, NONE])
def test_a_call_that_is_told_as_another_one_is_looked_for_and_found(
    member: Membership, make_account: MakeAccount, sandbox: Sandbox, named: int
) -> None:
    other = make_account(email="eve@example.com", mobile="+12025550199")
    before, mine, now = place(other), place(member), datetime.now(UTC)
    submission.dial(call_id=before.id, now=now)
    sandbox.fail("twilio.rest", "wrong_sid", value=named, method="POST")
    submission.dial(call_id=mine.id, now=now)
    assert (dial_of(mine), statuses(mine)) == ("submission_unknown", {})
    submission.resolve_unknown(now=now + timedelta(seconds=6))
    assert (dial_of(mine), list(statuses(mine))) == ("submitted", placed_at(sandbox, member))
    assert list(statuses(before)) == placed_at(sandbox, other)
    assert rebuilt_otherwise() == []


def test_a_call_of_the_same_second_that_is_known_is_not_found_in_the_place_of_one_that_was_not_placed(
    member: Membership, sandbox: Sandbox
) -> None:
    """The rep ended the one before, and pressed Call again at once; the carrier tells whole seconds."""
    first, now = place(member), datetime.now(UTC)
    submission.dial(call_id=first.id, now=now)
    submission.give_up(call_id=first.id, status="cancelled", reason="cancelled_by_rep", now=now)
    second = place(member)
    sandbox.fail("twilio.rest", "drop")
    submission.dial(call_id=second.id, now=now)
    submission.resolve_unknown(now=now + timedelta(seconds=60))
    assert (fresh(second).end_reason, statuses(second)) == ("carrier_unreachable", {})
    assert amounts(member.workspace_id) == (2 * CREDIT, 0, 0)


def test_while_two_talk_a_leg_that_the_carrier_does_not_know_ends_alone(
    member: Membership, sandbox: Sandbox, live_server: LiveServer, settings: Any
) -> None:
    """The true leg tells of itself, at the call's own address."""
    settings.PUBLIC_URL = live_server.url
    give_credit(member, CREDIT)
    sandbox.fail("twilio.rest", "wrong_sid", value=NOBODYS, method="POST")
    call = dialled(member, TALKS)
    until(lambda: fresh(call).status == "in_progress")
    (true_sid,) = placed_at(sandbox, member)
    (wrong_sid,) = set(call.legs.filter(role="agent").values_list("sid", flat=True)) - {true_sid}

    later = datetime.now(UTC) + timedelta(seconds=61)
    reconcile.reconcile_calls(now=later)
    assert fresh(call).status == "in_progress"
    assert {sid for sid, status in statuses(call).items() if status in LEG_TERMINAL} == {wrong_sid}

    operations.request_hangup(actor=actor_of(member), call_id=call.id, now=later)
    reconcile.sweep_hangups(now=later + timedelta(seconds=4))
    until(lambda: fresh(call).settled_at is not None)
    until(lambda: {leg["status"] for leg in sandbox.ask("GET", "/calls")} <= LEG_TERMINAL)
    assert (fresh(call).status, placed_at(sandbox, member)) == ("completed", [true_sid])
    assert amounts(member.workspace_id) == (CREDIT - fresh(call).charged_mcredits, 0, 0)
    assert (broken(), rebuilt_otherwise()) == ([], [])


def path_of(leg: str) -> str:
    return f"/2010-04-01/Accounts/{account.TWILIO_ACCOUNT_SID}/Calls/{leg}.json"


def unknown_once(sandbox: Sandbox, call: Call) -> None:
    """The carrier says of each leg of it, the next time that it is asked, that it knows no such call."""
    for leg in statuses(call):
        sandbox.fail("twilio.rest", "error", 404, path=path_of(leg), method="GET")


def test_two_who_talk_are_parted_by_no_carrier_that_says_once_that_it_does_not_know_them(
    member: Membership, sandbox: Sandbox, live_server: LiveServer, settings: Any
) -> None:
    settings.PUBLIC_URL, settings.ORPHAN_CALLS, settings.OPERATOR_EMAIL = (
        live_server.url,
        "tell",
        "operator@example.com",
    )
    give_credit(member, CREDIT)
    call = dialled(member, TALKS)
    until(lambda: fresh(call).status == "in_progress")
    now = datetime.now(UTC)

    def asked_after(seconds: int, *, unknown: bool) -> set[str]:
        """What the product then holds of the call and its legs."""
        if unknown:
            unknown_once(sandbox, call)
        reconcile.reconcile_calls(now=now + timedelta(seconds=seconds))
        return {fresh(call).status, *statuses(call).values()}

    talks = {"in_progress", "in-progress"}
    # Each other time is no twice in a row.
    assert [asked_after(61 * number, unknown=number % 2 == 1) for number in range(1, 6)] == [talks] * 5
    assert asked_after(61 * 6, unknown=True) == {"completed"}
    assert fresh(call).duration_s in range(61 * 5, 61 * 6), "until it was unknown for the first time"
    assert {leg["status"] for leg in sandbox.ask("GET", "/calls")} == {"in-progress"}

    ended_at = now + timedelta(seconds=61 * 6)
    orphans.sweep_orphans(now=ended_at)
    assert not OrphanCall.objects.exists(), "the carrier's list may lag behind a call that has just ended"
    orphans.sweep_orphans(now=ended_at + timedelta(minutes=2))
    assert set(OrphanCall.objects.values_list("sid", flat=True)) == statuses(call).keys()
    assert {leg["status"] for leg in sandbox.ask("GET", "/calls")} <= LEG_TERMINAL
    # Its news tell how long it was.
    until(lambda: fresh(call).duration_s < 60)
    assert amounts(member.workspace_id) == (CREDIT - fresh(call).charged_mcredits, 0, 0)
    assert (broken(), rebuilt_otherwise()) == ([], [])


def test_the_true_leg_behind_one_that_the_carrier_does_not_know_is_looked_for(
    member: Membership, sandbox: Sandbox
) -> None:
    """Nothing that the carrier tells of it reaches us, so the phone rings and we know of another leg only."""
    call, now = place(member), datetime.now(UTC)
    sandbox.fail("twilio.rest", "wrong_sid", value=NOBODYS, method="POST")
    submission.dial(call_id=call.id, now=now)
    (wrong_sid,) = statuses(call)
    (true_sid,) = placed_at(sandbox, member)
    reconcile.reconcile_calls(now=now + timedelta(seconds=61))
    assert statuses(call) == {wrong_sid: "failed", true_sid: "queued"}
    assert fresh(call).is_live

    until(lambda: {leg["status"] for leg in sandbox.ask("GET", "/calls")} <= LEG_TERMINAL)
    for after_s in (122, 128):
        # A list that shows no leg of the lead may lag behind, so it is believed the second time.
        assert fresh(call).is_live
        reconcile.reconcile_calls(now=now + timedelta(seconds=after_s))
    assert not fresh(call).is_live
    assert (amounts(member.workspace_id), rebuilt_otherwise()) == ((CREDIT, 0, 0), [])


def test_a_call_that_the_carrier_does_not_know_at_all_is_over(member: Membership, sandbox: Sandbox) -> None:
    call, now = place(member), datetime.now(UTC)
    submission.adopt(call_id=call.id, sid="CA" + "0" * 32, now=now)
    reconcile.reconcile_calls(now=now + timedelta(seconds=61))
    assert (fresh(call).status, fresh(call).end_reason) == ("failed", "rep_unreachable")
    assert amounts(member.workspace_id) == (CREDIT, 0, 0)


def test_a_call_that_counts_as_placed_and_has_no_leg_stays_so_for_no_longer_than_a_minute(
    member: Membership, sandbox: Sandbox
) -> None:
    call, now = place(member), datetime.now(UTC)
    DialIntent.objects.get_queryset().update(state="submitted", claimed_at=now, submitted_at=now)
    submission.resolve_unknown(now=now + timedelta(seconds=6))
    assert dial_of(call) == "submission_unknown"
    submission.resolve_unknown(now=now + timedelta(seconds=60))
    assert (fresh(call).status, fresh(call).end_reason) == ("failed", "carrier_unreachable")
    assert amounts(member.workspace_id) == (CREDIT, 0, 0)


ASKED: dict[str, Callable[[str], object]] = {
    "to place a call": lambda sid: twilio.place_call(
        to_e164="+12025550101", answer_url="http://localhost/a", status_url="http://localhost/s", time_limit_s=60
    ),
    "for its calls": lambda sid: twilio.calls_to(to_e164="+12025550101", since=datetime.now(UTC)),
    "about a call": twilio.look_up,
    "for the legs of one": twilio.children_of,
    "to end one": twilio.end_call,
    "to limit one": lambda sid: twilio.limit_call(sid, time_limit_s=60),
}


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_an_answer_that_cannot_be_read_is_none(
    make_account: MakeAccount, sandbox: Sandbox, asked: Callable[[str], object]
) -> None:
    member = make_account(mobile=RINGS_ON)
    call = place(member)
    submission.dial(call_id=call.id, now=datetime.now(UTC))
    (sid,) = placed_at(sandbox, member)
    # What was done has been done, so a leg is ended once only.
    for answered in (OTHER_OBJECT,) if asked is twilio.end_call else (NO_JSON, LIST, OTHER_OBJECT):
        sandbox.fail("twilio.rest", "garbage", value=answered)
        with pytest.raises(twilio.CarrierSilent):
            asked(sid)


@pytest.mark.parametrize("asked", [twilio.look_up, twilio.end_call], ids=["about it", "to end it"])
def test_an_answer_about_another_call_is_none(
    make_account: MakeAccount, sandbox: Sandbox, asked: Callable[[str], object]
) -> None:
    member = make_account(mobile=RINGS_ON)
    call = place(member)
    submission.dial(call_id=call.id, now=datetime.now(UTC))
    sandbox.fail("twilio.rest", "wrong_sid", value=NOBODYS)
    with pytest.raises(twilio.CarrierSilent):
        asked(placed_at(sandbox, member)[0])


def test_an_answer_that_cannot_be_read_about_one_call_holds_up_no_other(
    member: Membership, make_account: MakeAccount, sandbox: Sandbox
) -> None:
    other = make_account(email="eve@example.com", mobile="+12025550199")
    calls, now = [place(member), place(other)], datetime.now(UTC)
    for seconds, call in enumerate(calls):
        sandbox.fail("twilio.rest", "drop")
        submission.dial(call_id=call.id, now=now + timedelta(seconds=seconds))
    wanted = {"target": "twilio.rest", "kind": "garbage", "match": {"?To": member.user.mobile_e164}}
    sandbox.ask("POST", "/faults", wanted)
    submission.resolve_unknown(now=now + timedelta(seconds=60))
    assert [dial_of(call) for call in calls] == ["submission_unknown", "refused"]
    submission.resolve_unknown(now=now + timedelta(seconds=65))
    assert dial_of(calls[0]) == "refused"
    assert [amounts(each.workspace_id) for each in (member, other)] == [(CREDIT, 0, 0)] * 2


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (429, "carrier_at_limit"),
        (20429, "carrier_at_limit"),
        (500, "carrier_unreachable"),
        (503, "carrier_unreachable"),
    ],
)
def test_a_carrier_that_is_too_busy_to_take_a_call_is_asked_and_never_told_again(
    member: Membership, sandbox: Sandbox, error: int, reason: str
) -> None:
    call, now = place(member), datetime.now(UTC)
    sandbox.fail("twilio.rest", "error", value=error)
    submission.dial(call_id=call.id, now=now)
    assert dial_of(call) == "submission_unknown"
    submission.resolve_unknown(now=now + timedelta(seconds=60))
    assert (fresh(call).status, fresh(call).end_reason) == ("failed", reason)
    assert placed_at(sandbox, member) == []
    assert amounts(member.workspace_id) == (CREDIT, 0, 0)


@pytest.mark.parametrize("error", [429, 500, 503])
def test_a_carrier_that_takes_a_call_and_says_that_it_could_not_has_one(
    member: Membership, sandbox: Sandbox, error: int
) -> None:
    call, now = place(member), datetime.now(UTC)
    sandbox.fail("twilio.rest", "error_after_accept", value=error)
    submission.dial(call_id=call.id, now=now)
    assert dial_of(call) == "submission_unknown"
    submission.resolve_unknown(now=now + timedelta(seconds=6))
    assert (dial_of(call), list(statuses(call))) == ("submitted", placed_at(sandbox, member))


def test_a_leg_that_is_open_although_its_call_has_ended_is_ended_at_the_carrier(
    make_account: MakeAccount, sandbox: Sandbox
) -> None:
    rings_on = make_account(mobile="+12025550187")
    call, now = place(rings_on), datetime.now(UTC)
    submission.dial(call_id=call.id, now=now)
    until(lambda: sandbox.ask("GET", "/calls")[0]["status"] == "ringing")
    submission.give_up(call_id=call.id, status="cancelled", reason="lead_suppressed", now=now)
    reconcile.sweep_hangups(now=now + timedelta(seconds=4))
    assert sandbox.ask("GET", "/calls")[0]["status"] == "ringing"
    reconcile.sweep_hangups(now=now + timedelta(seconds=6))
    assert sandbox.ask("GET", "/calls")[0]["status"] == "canceled"
    assert (list(statuses(call).values()), fresh(call).hangup_confirmed_at is not None) == (["canceled"], True)


def test_a_leg_that_the_carrier_will_not_end_keeps_no_other_one_open(
    member: Membership, sandbox: Sandbox, live_server: LiveServer, settings: Any
) -> None:
    settings.PUBLIC_URL = live_server.url
    give_credit(member, CREDIT)
    call = dialled(member, TALKS)
    until(lambda: fresh(call).status == "in_progress")
    sandbox.fail("twilio.rest", "error", value=21220)
    operations.request_hangup(actor=actor_of(member), call_id=call.id, now=datetime.now(UTC))
    reconcile.hang_up(call_id=call.id, now=datetime.now(UTC))
    until(lambda: {leg["status"] for leg in sandbox.ask("GET", "/calls")} <= LEG_TERMINAL)
    until(lambda: fresh(call).settled_at is not None)
