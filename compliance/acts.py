"""What the record of acts holds of a person, as the copy of their data has it: what they did, and what was done with what is theirs.

Nobody else is named. That one of us searched for what was told of a person is left out: an order of an authority may forbid to tell why.
"""

from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

from django.db.models import Q, QuerySet

from compliance.models import AuditEvent
from compliance.stores import Subject, pages
from processors.pseudonyms import pseudonym

AT_ONCE: Final = 500
_NOT_TOLD: Final = ("disclosures.searched",)
# Keyed hashes of others, and digests, say nothing to anybody.
_UNREADABLE: Final = frozenset({"address", "digest", "reason_hash", "prepared_by"})


def of_person(subject: Subject) -> QuerySet[AuditEvent]:
    if subject.user_id is not None:
        mine = Q(actor_ref=str(subject.user_id)) | Q(target=str(subject.user_id))
    elif subject.phone_e164:
        mine = Q(target=pseudonym("phone", subject.phone_e164))
    else:
        return AuditEvent.objects.none()
    return AuditEvent.objects.filter(mine).exclude(action__in=_NOT_TOLD)


def exported(subject: Subject) -> Iterator[dict[str, Any]]:
    """The oldest first, some at a time, as they are read."""
    for page in pages(of_person(subject).order_by("sequence"), size=AT_ONCE):
        for event in page:
            yield {
                "at": event.at.isoformat(),
                "what": event.action,
                "by": _by(event.actor_ref, subject),
                "details": {key: value for key, value in event.detail.items() if key not in _UNREADABLE},
            }


def _by(ref: str, subject: Subject) -> str:
    if ref in (str(subject.user_id), "requester"):
        return "you"
    if ref == "anonymous":
        return "somebody unknown"
    try:
        UUID(ref)
    except ValueError:
        return "Klosesales"
    return "somebody in your workspace"
