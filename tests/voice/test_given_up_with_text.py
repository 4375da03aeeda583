"""Calls of a former version that were given up after their notice: the update says of them again what a replay finds.

Planted bugs that this catches: a key in the notice taken for none; calls without a notice taken for heard ones.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module

import pytest
from django.db import connection

from identity.models import Membership
from tests.voice.carrier import Placed, give_credit, place, post
from voice import submission
from voice.models import Call

pytestmark = pytest.mark.django_db(transaction=True)
AS_REPLAYED = import_module("voice.migrations.0032_given_up_with_text").AS_REPLAYED


@pytest.mark.parametrize(
    ("pressed", "becomes"), [(None, "off"), ("", "on"), ("5", "refused")], ids=["no notice", "heard", "refused"]
)
def test_a_call_says_what_its_notice_came_to(
    make_account: Callable[..., Membership], pressed: str | None, becomes: str
) -> None:
    member = make_account()
    give_credit(member, 100_000)
    placed = place(member, began_s_ago=20)
    post(*placed.agent("in-progress", at_s=1, sequence=2))
    if pressed is not None:
        hear_notice(placed, pressed)
    submission.give_up(call_id=placed.row.id, status="cancelled", reason="rep_may_not_call", now=datetime.now(UTC))
    found = placed.row.transcript_state
    Call.objects.get_queryset().update(transcript_state="off")
    with connection.cursor() as cursor:
        cursor.execute(AS_REPLAYED)
    assert placed.row.transcript_state == becomes == found


def hear_notice(placed: Placed, pressed: str) -> None:
    digits = {"Digits": pressed} if pressed else {}
    assert post(placed.path("notice/played"), {"CallSid": placed.callee_sid, **digits}).status == 200
