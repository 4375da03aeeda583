"""Regular reviews of security: a closed list of kinds with their intervals, what was found, and what is done about it."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import ClassVar, Final, Literal, cast
from uuid import UUID

from django.conf import settings
from django.db import transaction

from compliance import audit
from compliance.audit import PersonalAction
from compliance.cases import reason_given
from compliance.models import AuditEvent, FollowUp, ReviewAlert, SecurityReview
from compliance.redaction import redact_cards
from processors.errors import DomainError
from processors.operator_mails import Written, send_alerts

logger = logging.getLogger(__name__)

ReviewKind = Literal["access", "processors", "measures", "retention", "backups", "breach_plan"]
FOLLOW_UPS_MAX: Final = 20
# What nobody has ever reviewed is due so long after the product was set up.
FIRST_WITHIN: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Review:
    """title: of the page. what: what is looked at, and where. every_days: from one to the next, at most."""

    title: str
    what: str
    every_days: int


KINDS: Final[Mapping[ReviewKind, Review]] = {
    "access": Review(
        "Access rights of staff",
        "Everybody on the People page still works here, in the role that the work needs. Accounts of who left are disabled.",
        90,
    ),
    "processors": Review(
        "Recipients",
        "The closed list on the Recipients page, what each was told, and what was kept from leaving. Contracts are in force.",
        180,
    ),
    "measures": Review(
        "Security measures",
        "The table of docs/security.md line by line: each measure is still there, and the test that shows it passes.",
        365,
    ),
    "retention": Review(
        "What is deleted when",
        "manage.py retention --preview --days 30: nothing is kept that is over its term, and holds that keep something are still needed.",
        90,
    ),
    "backups": Review(
        "Backups can be restored",
        "A backup is restored on another machine, erasures are replayed, and somebody signs in there.",
        90,
    ),
    "breach_plan": Review(
        "What to do in a breach",
        "Who is called, who writes to the authority within 72 hours and to the people concerned. Walked through once together.",
        365,
    ),
}
_SUBJECT: Final = "Review is overdue: {title}"
_TEXT: Final = "It was due on {due_on}, and nobody has noted it.\n\n{what}\n\nNote it: {url}/staff/reviews\n"


class FollowUpUnknown(DomainError):
    """There is no such follow-up."""

    code: ClassVar[str] = "follow_up_unknown"


class FollowUpDone(DomainError):
    """It is done already; how stands there."""

    code: ClassVar[str] = "follow_up_done"


def note(*, kind: ReviewKind, findings: str, follow_ups: Sequence[str], by: str, now: datetime) -> SecurityReview:
    """Keeps that a review was done; the next one is due an interval later. Both texts name nobody.

    findings: also that nothing was found. follow_ups: what is to be done. Raises ReasonMissing.
    """
    with transaction.atomic():
        review = SecurityReview.objects.create(
            kind=kind,
            reviewed_at=now,
            reviewed_by=by,
            findings=redact_cards(reason_given(findings)),
            due_on=now.date() + timedelta(days=KINDS[kind].every_days),
        )
        FollowUp.objects.bulk_create(
            FollowUp(review=review, what=redact_cards(reason_given(what))[:300]) for what in follow_ups
        )
        _audit("review.noted", review.id, by, now, kind=kind, follow_ups=len(follow_ups))
    return review


def finish(*, follow_up_id: UUID, how: str, by: str, now: datetime) -> FollowUp:
    """Says how something that a review found was done. Raises FollowUpUnknown, FollowUpDone, ReasonMissing."""
    with transaction.atomic():
        found = FollowUp.objects.select_for_update().filter(id=follow_up_id).first()
        if found is None:
            raise FollowUpUnknown("There is no such follow-up. Reload the page.")
        if found.done_at is not None:
            raise FollowUpDone("Somebody has done it meanwhile. Reload the page to read how.")
        found.done_at, found.done_by, found.how = now, by, redact_cards(reason_given(how))[:1_000]
        found.save(update_fields=["done_at", "done_by", "how"])
        _audit("review.followed_up", found.id, by, now)
    return found


def due_days(*, now: datetime) -> dict[ReviewKind, date]:
    """The last day for the next review of each kind."""
    newest = SecurityReview.objects.order_by("kind", "-reviewed_at").distinct("kind")
    known = dict(newest.values_list("kind", "due_on"))
    first = _set_up_at(now).date() + FIRST_WITHIN
    return {kind: known.get(kind, first) for kind in KINDS}


def raise_review_alerts(*, now: datetime) -> int:
    """Has the operator told of each kind whose day is past, once for each such day; returns of how many."""
    raised = 0
    for kind, due_on in due_days(now=now).items():
        if due_on >= now.date():
            continue
        _, is_first = ReviewAlert.objects.get_or_create(kind=kind, due_on=due_on, defaults={"next_at": now})
        if is_first:
            logger.warning("review is overdue", extra={"kind": kind, "due_on": due_on.isoformat()})
            raised += 1
    return raised


def send_review_alerts(*, now: datetime) -> int:
    """Sends the mails of these alerts; returns how many."""
    return send_alerts(ReviewAlert.objects.all(), kind="review_overdue", write=_write, now=now)


def _write(alert: ReviewAlert) -> Written:
    review = KINDS[cast(ReviewKind, alert.kind)]
    places = {"title": review.title, "what": review.what, "due_on": alert.due_on, "url": settings.PUBLIC_URL}
    return Written(_SUBJECT.format(**places), _TEXT.format(**places))


def _set_up_at(now: datetime) -> datetime:
    """When the first act was written down that is still there; now where nothing was ever done."""
    first = AuditEvent.objects.order_by("sequence").first()
    return first.at if first is not None else now


def _audit(action: PersonalAction, target: UUID, by: str, now: datetime, **detail: str | int) -> None:
    audit.record(workspace_id=None, actor_ref=by, action=action, target=str(target), detail=detail, now=now)
