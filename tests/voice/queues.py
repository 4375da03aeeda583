"""What the tests of the queue, of outcomes and of a lead's history share."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from uuid_utils.compat import uuid7

from identity.auth import Actor
from identity.models import Membership
from tests.voice.carrier import Placed, post, sid
from voice import operations, queue, queue_queries, submission
from voice.models import Call, Lead
from voice.queue_schemas import QueueIn, QueueOut, SkipIn

ZONE = "America/New_York"


def _a_working_day() -> datetime:
    """Soon, at 15:00 UTC: a calling hour in New York and none in Tokyo. The carrier's clock is believed that far."""
    soon = datetime.now(UTC).replace(hour=15, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return soon + timedelta(days=soon.weekday() == 6)


NOW = _a_working_day()


def actor(member: Membership) -> Actor:
    return Actor(user_id=member.user_id, workspace_id=member.workspace_id, role=member.role)  # type: ignore[arg-type]


def leads(member: Membership, *names: str, **fields: Any) -> list[Lead]:
    """In this order, as one import adds them. Their numbers are their own."""
    return [
        Lead.objects.create(
            workspace_id=member.workspace_id,
            first_name=name,
            phone_e164=f"+1212555{Lead.objects.get_queryset().count() + 100:04d}",
            country="US",
            time_zone=fields.get("time_zone", ZONE),
            created_at=NOW - timedelta(days=1),
            **{key: value for key, value in fields.items() if key != "time_zone"},
        )
        for name in names
    ]


def start(member: Membership, *, now: datetime = NOW, **wanted: Any) -> QueueOut:
    session = queue.start(actor=actor(member), wanted=QueueIn(**wanted), now=now)
    return queue_queries.queue_out(session, now=now)


def skip(member: Membership, shown: QueueOut, *, now: datetime = NOW) -> QueueOut:
    assert shown.lead is not None
    skipped = SkipIn(lead_id=shown.lead.id, reason="not_now")
    return queue_queries.queue_out(queue.skip(actor=actor(member), skipped=skipped, now=now), now=now)


def take_next(member: Membership, *, now: datetime = NOW) -> QueueOut:
    return queue_queries.queue_out(queue.take_next(actor=actor(member), now=now), now=now)


def state(member: Membership, *, now: datetime = NOW) -> QueueOut | None:
    return queue_queries.state_of(actor=actor(member), now=now).queue


def name_of(shown: QueueOut | None) -> str | None:
    """Of the lead that is reserved."""
    return shown.lead.first_name if shown and shown.lead else None


def call(member: Membership, lead: Lead, *, now: datetime = NOW) -> Placed:
    """A call that was dialled; the rep's phone rings."""
    placed = operations.start_call(actor=actor(member), lead_id=lead.id, idempotency_key=str(uuid7()), now=now)
    carried = Placed(str(placed.id), sid(), sid(), now)
    submission.adopt(call_id=placed.id, sid=carried.agent_sid, now=now)
    return carried


def ends(placed: Placed, status: str, *, at_s: float = 5) -> Call:
    """The rep answered, and the lead's leg ended so."""
    post(*placed.agent("in-progress", at_s=0, sequence=1))
    if status == "completed":
        post(*placed.callee("in-progress", at_s=at_s, sequence=1))
    post(*placed.callee(status, at_s=at_s + 60, sequence=2, CallDuration="60"))
    return placed.row


def tally(shown: QueueOut) -> Mapping[str, int]:
    """Why leads are passed over, without what is none."""
    return {reason: count for reason, count in shown.passed_over.model_dump().items() if count}
