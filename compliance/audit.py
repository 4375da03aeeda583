"""The record of acts that must be accounted for: append only, each link hashed over the one before."""

import hashlib
import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Literal
from uuid import UUID

from django.db import transaction

from compliance.models import AuditEvent, AuditHead

logger = logging.getLogger(__name__)

Plain = str | int | bool | None
# What people did in a workspace; its owner and managers read it with the names.
WorkspaceAction = Literal[
    "call.ended_by_manager",
    "call.rep_shut_out",
    "call.watch_began",
    "call.watch_ended",
    "dialling.resumed",
    "key.made",
    "key.revoked",
    "lead.removed",
    "look.began",
    "look.ended",
    "look.opened",
    "paddle_event.dismissed",
    "paddle_event.granted",
    "refusal.dismissed",
    "refusal.restored",
    "statement.exported",
    "team.bounded",
    "team.capped",
    "team.handed_over",
    "team.invitation_taken_back",
    "team.invited",
    "team.joined",
    "team.left",
    "team.removed",
    "team.renamed",
    "team.role_changed",
    "top_up.agreed",
    "top_up.changed",
    "top_up.stopped",
    "transcript.corrected",
    "transcript.correction_undone",
    "transcript.refused",
    "webhook.changed",
    "webhook.made",
    "webhook.removed",
    "webhook.secret_changed",
]
# What concerns one person and no workspace.
PersonalAction = Literal[
    "account.blocked",
    "account.unblocked",
    "breach.closed",
    "breach.noted",
    "breach.recorded",
    "breach.told",
    "case.closed",
    "case.joined",
    "case.noted",
    "case.opened",
    "case.paused",
    "case.proof_mailed",
    "case.proved",
    "case.read",
    "case.replied",
    "case.resumed",
    "case.sorted",
    "case.taken",
    "cases.listed",
    "copy.fetched",
    "copy.mailed",
    "correction.done",
    "correction.made",
    "email.change_asked",
    "email.changed",
    "email.taken_back",
    "email.verified",
    "deletion.approved",
    "deletion.prepared",
    "deletion.withdrawn",
    "disclosure.approved",
    "disclosure.prepared",
    "disclosure.released",
    "disclosure.withdrawn",
    "disclosures.searched",
    "erasure.cancelled",
    "erasure.done",
    "erasure.grace_waived",
    "erasure.requested",
    "erasures.replayed",
    "hold.approved",
    "hold.lift_asked",
    "hold.lifted",
    "hold.opened",
    "hold.placed",
    "hold.reviewed",
    "look.unlinked",
    "mobile.changed",
    "name.changed",
    "nominee.approved",
    "nominee.copied",
    "nominee.declined",
    "nominee.named",
    "nominee.prepared",
    "nominee.taken_back",
    "nominee.withdrawn",
    "number.calls_allowed",
    "number.code_guessed",
    "number.links_guessed",
    "privacy.exported",
    "privacy.read",
    "restriction.began",
    "restriction.lifted",
    "review.followed_up",
    "review.noted",
    "texts.allowed",
    "texts.stopped",
]
# What was done with the accounts of our own people.
StaffAction = Literal["staff.added", "staff.disabled", "staff.enrolled", "staff.reset"]
Action = WorkspaceAction | PersonalAction | StaffAction


def record(
    *,
    workspace_id: UUID | None,
    actor_ref: str,
    action: Action,
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
        event.hash = hash_of(event)
        event.save(force_insert=True)
        head.sequence, head.hash = event.sequence, event.hash
        head.save(update_fields=["sequence", "hash"])
        # The log is sent elsewhere, so that a link which is cut off right after is missed there.
        transaction.on_commit(partial(_tell, event))
    return event


def _tell(event: AuditEvent) -> None:
    logger.info("audit head", extra={"sequence": event.sequence, "hash": event.hash})


def hash_of(event: AuditEvent) -> str:
    """What `event.hash` has to be: SHA-256 in hex over the hash before it and everything that the link says."""
    return _digest([*_said(event), str(event.id)])


def holds(event: AuditEvent) -> bool:
    """Whether the link says what it was hashed over."""
    # A link of before hashes bound the row's id says its other columns alone; a later one never fits that form.
    return event.hash == hash_of(event) or event.hash == _digest(_said(event))


def _said(event: AuditEvent) -> list[object]:
    return [
        event.previous_hash,
        event.sequence,
        event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        str(event.workspace_id) if event.workspace_id else None,
        event.actor_ref,
        event.action,
        event.target,
        event.detail,
    ]


def _digest(content: list[object]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
