"""What others do between two steps of a request: a call that is erased, and a lead that somebody else is at."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction

from compliance.models import LegalHold
from identity.models import Membership
from tests.identity.conftest import MakeAccount, SignIn
from tests.staff.ours import waits_for_a_lock
from tests.voice.carrier import give_credit, place, post
from voice import holding
from voice.models import Call, Lead

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def member(make_account: MakeAccount) -> Membership:
    member = make_account()
    give_credit(member, 1_000_000)
    return member


def erased_before(sql_part: str, call_id: str) -> Callable[..., object]:
    """Erases the call right before the first statement with this in it, as an erasure that commits then does."""
    done: list[str] = []

    def erase(execute: Callable[..., object], sql: str, params: object, many: bool, context: object) -> object:
        if sql_part in sql and '"voice_call"' in sql and not done:
            done.append(sql)
            Call.objects.get_queryset().filter(id=call_id).delete()
        return execute(sql, params, many, context)

    return erase


@pytest.mark.parametrize("kind", ["after", "agent", "notice/played", "machine"])
def test_of_a_call_that_is_erased_while_its_callback_is_taken_the_carrier_hears_that_there_is_none(
    member: Membership, kind: str
) -> None:
    """Red when only a call that is missing from the beginning is told of: the rest was an error of ours, and told again."""
    placed = place(member)
    forms = {
        "after": placed.after("completed")[1],
        "notice/played": {"CallSid": placed.callee_sid, "ParentCallSid": placed.agent_sid},
        "machine": {"CallSid": placed.callee_sid, "AnsweredBy": "human"},
    }
    params = forms.get(kind, {"CallSid": placed.agent_sid, "CallStatus": "in-progress"})
    with connection.execute_wrapper(erased_before("FOR NO KEY UPDATE", placed.call_id)):
        answer = post(placed.path(kind), params)
    assert (answer.status, answer.code) == (404, "call_unknown")


def test_a_rep_who_says_what_came_of_a_held_call_and_one_who_changes_its_lead_do_not_wait_for_each_other(
    member: Membership, sign_in: SignIn
) -> None:
    """Red when the call's hold is taken before its lead, which whoever changes the lead takes the other way round."""
    placed, page, now = place(member), sign_in(member), datetime.now(UTC)
    day = (now + timedelta(days=90)).date()
    lead_id: UUID = placed.row.lead_id
    hold = holding.place(
        what="lead",
        which=str(lead_id),
        basis="Court order",
        order_id="2 Js 417/26",
        reason="A claim about what was said.",
        review_on=day,
        ends_on=day,
        secret_until=None,
        by="tests",
        now=now,
    )
    said: list[Any] = []

    def disposes() -> None:
        try:
            said.append(page.patch(f"/api/calls/{placed.call_id}", {"disposition": "interested"}))
        finally:
            connection.close()

    with transaction.atomic():
        Lead.objects.select_for_update(no_key=True).get(id=lead_id)
        other = threading.Thread(target=disposes)
        other.start()
        waits_for_a_lock()
        assert LegalHold.objects.select_for_update(nowait=True).get(id=hold.id)
    other.join(30)
    assert said[0][0] == 200 and said[0][1]["disposition"] == "interested"
