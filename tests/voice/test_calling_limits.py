"""Nobody is called more often than the law of their country lets one caller try, nor soon after they said no.

Planted bugs that this catches: a fifth call within thirty days, calls that rang nobody counted, one rep's calls counted alone, a
refusal that is forgotten when another call follows, and one country's law for all.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from uuid_utils.compat import uuid7

from identity.models import Membership
from ledger.models import RateCard
from tests.identity.teams import colleague, mails, owner, page
from tests.voice.carrier import actor_of, give_credit
from tests.voice.queues import leads
from voice import operations
from voice.models import Call, DialIntent, Lead
from voice.operations import DialRefused

__all__ = ["colleague", "mails", "owner", "page"]

pytestmark = pytest.mark.django_db
# A Wednesday, in an hour of France.
NOW = datetime(2026, 3, 4, 11, 0, tzinfo=ZoneInfo("Europe/Paris")).astimezone(UTC)


@pytest.fixture
def lead(owner: Membership) -> Lead:
    give_credit(owner, 50_000)
    (lead,) = leads(owner, "Ada", time_zone="Europe/Paris")
    Lead.objects.filter(id=lead.id).update(country="FR")
    return lead


def called(lead: Lead, member: Membership, days_ago: int, **fields: Any) -> None:
    """A call of so many days before, later in the day than now."""
    at = NOW - timedelta(days=days_ago) + timedelta(hours=5)
    defaults: dict[str, Any] = {"status": "no_answer", "end_reason": "lead_no_answer", "ended_at": at}
    Call.objects.get_queryset().create(
        workspace_id=lead.workspace_id,
        lead=lead,
        user_id=member.user_id,
        idempotency_key=str(uuid7()),
        rate_card_id=RateCard.objects.get(version=1).id,
        created_at=at,
        max_duration_s=600,
        **defaults | fields,
    )


def pressed(lead: Lead, member: Membership, now: datetime = NOW) -> str:
    """What comes of a press of Call: the reason why not, with the day from which it may be, or the call's status."""
    try:
        call = operations.start_call(actor=actor_of(member), lead_id=lead.id, idempotency_key=str(uuid7()), now=now)
    except DialRefused as refused:
        assert not DialIntent.objects.get_queryset().exists()
        return f"{refused.code} {refused.message.rpartition(' from ')[2]}"
    return call.status


def test_whom_a_team_called_four_times_in_thirty_days_is_left_alone_until_the_first_is_out_of_them(
    lead: Lead, owner: Membership, colleague: Callable[[str], Membership]
) -> None:
    called(lead, owner, 29)
    called(lead, colleague("rep"), 20)
    called(lead, owner, 10)
    # Neither a call that rang the rep alone nor one of before counts.
    called(lead, owner, 9, end_reason="rep_no_answer")
    called(lead, owner, 30)
    assert pressed(lead, owner, NOW - timedelta(days=1)).startswith("called_often_enough")
    called(lead, owner, 1, status="cancelled", end_reason="cancelled_by_rep")
    assert pressed(lead, owner) == "called_often_enough Thursday 5 March."
    assert pressed(lead, owner, NOW + timedelta(days=1)) == "intended"


def test_three_calls_leave_room_for_one_more(lead: Lead, owner: Membership) -> None:
    for days_ago in (3, 2, 1):
        called(lead, owner, days_ago)
    assert pressed(lead, owner) == "intended"


def test_who_said_no_rests_for_sixty_whole_days_whatever_was_called_since(lead: Lead, owner: Membership) -> None:
    called(lead, owner, 60, status="completed", end_reason="hung_up", disposition="not_interested")
    called(lead, owner, 40)
    assert pressed(lead, owner) == "refused_lately Thursday 5 March."
    assert pressed(lead, owner, NOW + timedelta(days=1)) == "intended"


def test_elsewhere_no_law_counts_calls(lead: Lead, owner: Membership) -> None:
    Lead.objects.filter(id=lead.id).update(country="BE", time_zone="Europe/Brussels")
    for days_ago in range(1, 7):
        called(lead, owner, days_ago, disposition="not_interested")
    assert pressed(lead, owner) == "intended"
