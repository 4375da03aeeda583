"""The record of acts that must be accounted for: append only, each link hashed over the one before."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

from django.db import transaction

from compliance.models import AuditEvent, AuditHead

Plain = str | int | bool | None


def record(
    *,
    workspace_id: UUID | None,
    actor_ref: str,
    action: str,
    target: str,
    detail: Mapping[str, Plain],
    now: datetime,
) -> AuditEvent:
    """Appends one event, in the caller's transaction: act and record stand or fall together.

    actor_ref, target: random identifiers, never a name, address or number, because a link cannot be erased.
    """
    with transaction.atomic():
        AuditHead.objects.bulk_create([AuditHead()], ignore_conflicts=True)
        head = AuditHead.objects.select_for_update().get()
        event = AuditEvent(
            sequence=head.sequence + 1,
            at=now,
            workspace_id=workspace_id,
            actor_ref=actor_ref,
            action=action,
            target=target,
            detail=dict(detail),
            previous_hash=head.hash,
        )
        event.hash = _hash(event)
        event.save(force_insert=True)
        head.sequence, head.hash = event.sequence, event.hash
        head.save(update_fields=["sequence", "hash"])
    return event


def first_broken_link() -> int | None:
    """The sequence number at which the chain no longer holds, or None when all of it does."""
    expected, previous = 1, ""
    for event in AuditEvent.objects.order_by("sequence").iterator(chunk_size=1_000):
        if event.sequence != expected or event.previous_hash != previous or event.hash != _hash(event):
            return expected
        expected, previous = expected + 1, event.hash
    head = AuditHead.objects.first()
    ends_at = (head.sequence, head.hash) if head else (0, "")
    return None if ends_at == (expected - 1, previous) else expected


def _hash(event: AuditEvent) -> str:
    content = [
        event.previous_hash,
        event.sequence,
        event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        str(event.workspace_id) if event.workspace_id else None,
        event.actor_ref,
        event.action,
        event.target,
        event.detail,
    ]
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
