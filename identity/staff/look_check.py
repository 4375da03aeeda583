"""Whether each look into a workspace still says what the record of acts binds it to: who, where, and for what reason.

The record holds a hash of the reason and no words of it. A reason may only be empty once an erasure has taken it out, which is an act
of its own; a look itself goes at the end of its term and not before.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from compliance.elements import ELEMENTS
from compliance.models import AuditEvent
from identity.staff.actor import staff_ref
from identity.staff.models import Look

_BATCH: Final = 500
# A look that has just come to its term may be gone, or not yet.
_LATE: Final = timedelta(days=1)

Fault = Literal["gone", "exchanged", "emptied"]
SAID: Final[dict[Fault, str]] = {
    "gone": "the look that it tells of is not there",
    "exchanged": "the look that it tells of says another reason, person or workspace than when it began",
    "emptied": "the look that it tells of has lost its reason or whom it concerned, and no erasure took them out",
}


@dataclass(frozen=True, slots=True)
class Wrong:
    """The record that tells of the look."""

    sequence: int
    fault: Fault


def bound(look: Look) -> str:
    """What binds a reason to its look without saying it: SHA-256 in hex."""
    return hashlib.sha256(f"{look.id}:{look.reason}".encode()).hexdigest()


def first_wrong(*, now: datetime) -> Wrong | None:
    """Reads all looks within their term, in order, in flat memory."""
    since = now - timedelta(days=ELEMENTS["staff_look"].retention_days or 0) + _LATE
    began = AuditEvent.objects.filter(action="look.began", at__gt=since).order_by("sequence")
    last = 0
    while events := list(began.filter(sequence__gt=last)[:_BATCH]):
        if wrong := next(_wrong(events), None):
            return wrong
        last = events[-1].sequence
    return None


def _wrong(events: Sequence[AuditEvent]) -> Iterator[Wrong]:
    targets = [event.target for event in events]
    held = {str(look.id): look for look in Look.objects.get_queryset().filter(id__in=targets)}
    unlinked = AuditEvent.objects.filter(action="look.unlinked", target__in=targets).values_list("target", flat=True)
    taken_out = set(unlinked)
    for event in events:
        look = held.get(event.target)
        if look is None:
            yield Wrong(event.sequence, "gone")
        elif (look.workspace_id, staff_ref(look.member_id)) != (event.workspace_id, event.actor_ref):
            yield Wrong(event.sequence, "exchanged")
        elif look.user_id is None or not look.reason:
            if event.target not in taken_out:
                yield Wrong(event.sequence, "emptied")
        elif bound(look) != event.detail["reason_hash"]:
            yield Wrong(event.sequence, "exchanged")
