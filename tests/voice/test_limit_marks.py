"""Whoever removes a lead, or leaves for good, does not begin anew with calling a person whom the law of their country has left alone.

Planted bugs that this catches: calls that count no more once their lead was removed, or whoever made them was erased; a refusal that
ends with its call; one workspace's calls counted for another; a count that outlives its window, or the erasure of who was called, also
in a database that was restored.
"""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from pytest_django.fixtures import Settings
from uuid_utils.compat import uuid7

from compliance import erasure, erasure_ledger, replaying, retention
from compliance.elements import ELEMENTS
from compliance.models import Request
from identity.models import Membership
from tests.compliance.test_erasure_ledger import SOON, as_in_an_old_backup, ledger
from tests.compliance.test_my_data import proved
from tests.identity.browser import Browser
from tests.identity.conftest import MakeAccount, SignIn
from tests.identity.teams import colleague, owner, page
from tests.sandbox_fixture import Sandbox
from tests.voice.carrier import Placed, give_credit, post, sid
from tests.voice.queues import actor, ends
from voice import operations, submission
from voice.calling_limits import BY_COUNTRY
from voice.models import Call, Lead, LimitMark
from voice.operations import DialRefused

__all__ = ["colleague", "ledger", "owner", "page"]

pytestmark = pytest.mark.django_db(transaction=True)
NUMBER: Final = "+33612345678"


@pytest.fixture(autouse=True)
def at_any_hour(owner: Membership, settings: Settings) -> None:
    settings.CALLING_HOURS = "shown"
    give_credit(owner, 1_000_000)


def added(page: Browser, number: str = NUMBER) -> str:
    status, lead = page.post("/api/leads", {"first_name": "Rita", "phone": number})
    assert status == 201
    return str(lead["id"])


def pressed(page: Browser, lead_id: str) -> tuple[str, str]:
    """Press Call: what comes of it, and the call where there is one."""
    _, answer = page.post("/api/calls", {"lead_id": lead_id}, **{"Idempotency-Key": str(uuid7())})
    return answer.get("code", "rings"), answer.get("id") or answer.get("call", {}).get("id", "")


def called(page: Browser, lead_id: str, times: int = 1, said: str | None = None) -> None:
    """So many whole calls that nobody answered; said: what the rep notes of each."""
    for _ in range(times):
        came, call_id = pressed(page, lead_id)
        assert came == "rings"
        placed = Placed(call_id, sid(), sid(), datetime.now(UTC))
        submission.adopt(call_id=placed.row.id, sid=placed.agent_sid, now=datetime.now(UTC))
        ends(placed, "no-answer")
        post(*placed.agent("completed", at_s=70, sequence=3, CallDuration="70"))
        assert placed.row.end_reason == "lead_no_answer"
        if said:
            assert page.patch(f"/api/calls/{call_id}", {"disposition": said})[0] == 200


def removed(page: Browser, lead_id: str) -> None:
    assert page.delete(f"/api/leads/{lead_id}") == (204, None)
    assert not Lead.objects.get_queryset().filter(id=lead_id).exists()


def may_be_called_on(member: Membership, lead_id: str, *, days: int) -> str:
    """What a press of Call at noon of the person's day, so many days from today, comes to; no call is left of it."""
    there = datetime.now(ZoneInfo("Europe/Paris"))
    now = datetime.combine(there.date() + timedelta(days=days), time(12), there.tzinfo)
    lead = Lead.objects.get_queryset().get(id=lead_id)
    try:
        call = operations.start_call(actor=actor(member), lead_id=lead.id, idempotency_key=str(uuid7()), now=now)
    except DialRefused as refused:
        return refused.code
    Call.objects.get_queryset().filter(id=call.id).delete()
    return "rings"


def erased(page: Browser, path: str, confirm: str) -> None:
    assert page.post(path, {"confirm": confirm, "when": "now"})[0] == 202
    request = Request.objects.get(kind="erasure")
    erasure.run_erasure(request_id=request.id, now=datetime.now(UTC) + timedelta(hours=6), rewrite=None)
    request.refresh_from_db()
    assert request.state == "rewriting"


def test_a_lead_that_is_removed_and_added_again_is_called_no_more_often(
    page: Browser, owner: Membership, make_account: MakeAccount, sign_in: SignIn
) -> None:
    lead_id = added(page)
    called(page, lead_id, times=2)
    removed(page, lead_id)
    lead_id = added(page)
    # What is left of two calls and the two that there are.
    called(page, lead_id, times=2)
    assert pressed(page, lead_id)[0] == "called_often_enough"
    removed(page, lead_id)
    lead_id = added(page)
    assert pressed(page, lead_id)[0] == "called_often_enough"
    assert NUMBER[1:] not in str(LimitMark.objects.get_queryset().values())
    assert may_be_called_on(owner, lead_id, days=29) == "called_often_enough"
    assert may_be_called_on(owner, lead_id, days=30) == "rings"
    assert may_be_called_on(owner, added(page, "+33612345679"), days=0) == "rings"
    other = make_account(email="other@sellers.example", mobile="+12025550183", workspace_name="Others")
    give_credit(other, 100_000)
    stranger = sign_in(other, "198.51.100.8")
    strangers = added(stranger)
    # Once without the rows of each workspace guarded by the database.
    assert may_be_called_on(other, strangers, days=0) == pressed(stranger, strangers)[0] == "rings"


@pytest.mark.policy("C6.1")
def test_so_is_who_said_no_until_the_sixty_days_are_over_and_then_nothing_is_left_of_it(
    page: Browser, owner: Membership
) -> None:
    lead_id = added(page)
    called(page, lead_id, said="not_interested")
    removed(page, lead_id)
    lead_id = added(page)
    assert pressed(page, lead_id)[0] == "refused_lately"
    assert may_be_called_on(owner, lead_id, days=60) == "refused_lately"
    retention.expire(now=datetime.now(UTC) + timedelta(days=61))
    assert LimitMark.objects.get_queryset().count() == 2
    assert may_be_called_on(owner, lead_id, days=61) == "rings"
    # The carrier's word of the end is of a minute from now.
    retention.expire(now=datetime.now(UTC) + timedelta(days=62, hours=1))
    assert not LimitMark.objects.get_queryset().exists()
    term = ELEMENTS["call_limit"].retention_days or 0
    assert all(max(each.within_days, each.rest_days + 1) < term for each in BY_COUNTRY.values())


def test_elsewhere_and_of_what_counts_no_more_nothing_is_kept(page: Browser) -> None:
    for number, days_ago in (("+32470123456", 0), (NUMBER, 62)):
        lead_id = added(page, number)
        called(page, lead_id, said="not_interested")
        before = datetime.now(UTC) - timedelta(days=days_ago)
        Call.objects.get_queryset().filter(lead_id=lead_id).update(created_at=before, ended_at=before)
        removed(page, lead_id)
    assert not LimitMark.objects.get_queryset().exists()


@pytest.mark.policy("C6.2")
def test_the_calls_of_a_member_who_was_erased_go_on_counting(
    page: Browser, owner: Membership, colleague: Callable[[str], Membership], sign_in: SignIn
) -> None:
    rep = colleague("rep")
    reps, lead_id, refuser_id = sign_in(rep, "198.51.100.8"), added(page), added(page, "+33612345679")
    called(reps, lead_id, times=3)
    called(page, lead_id)
    called(reps, refuser_id, said="not_interested")
    erased(reps, "/api/privacy/erasure", rep.user.email)
    assert Call.objects.get_queryset().count() == 1
    assert pressed(page, lead_id)[0] == "called_often_enough"
    assert pressed(page, refuser_id)[0] == "refused_lately"
    assert may_be_called_on(owner, lead_id, days=30) == "rings"
    assert str(rep.user_id) not in str(LimitMark.objects.get_queryset().values())


@pytest.mark.policy("C6.2", "C7.1")
def test_who_was_called_reads_of_it_and_has_it_erased_for_good(
    page: Browser, owner: Membership, sandbox: Sandbox, settings: Settings, ledger: str
) -> None:
    settings.OTP_COUNTRIES = settings.OTP_COUNTRIES | {"FR"}
    for number in (NUMBER, "+33612345679"):
        lead_id = added(page, number)
        called(page, lead_id, said="not_interested" if number == NUMBER else None)
        removed(page, lead_id)
    before = list(LimitMark.objects.get_queryset())
    person = proved(sandbox, NUMBER)
    copy: Any = person.get(person.post("/api/my-data/links")[1]["path"])[1]["data"]["call_limit"]["items"]
    assert [(each["what"], each["workspace_id"]) for each in copy] == [
        ("called", str(owner.workspace_id)),
        ("refused", str(owner.workspace_id)),
    ]
    erased(person, "/api/my-data/erasure", NUMBER)
    [others] = LimitMark.objects.get_queryset().values_list("id", flat=True)
    # A backup has them, and no lead that leads to the number.
    LimitMark.objects.bulk_create(before, ignore_conflicts=True)
    erasure_ledger.write_out(now=datetime.now(UTC))
    as_in_an_old_backup()
    replaying.replay(now=SOON)
    assert [each.id for each in LimitMark.objects.get_queryset()] == [others]


@pytest.mark.policy("C6.2")
def test_a_callees_erasure_leaves_none_of_the_calls_that_it_takes(
    page: Browser, sandbox: Sandbox, settings: Settings
) -> None:
    settings.OTP_COUNTRIES = settings.OTP_COUNTRIES | {"FR"}
    called(page, added(page), times=4)
    erased(proved(sandbox, NUMBER), "/api/my-data/erasure", NUMBER)
    assert not Call.objects.get_queryset().exists()
    assert not LimitMark.objects.get_queryset().exists()
