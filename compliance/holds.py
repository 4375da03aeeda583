"""Legal holds, per row: what an order or the law demands is sealed when it is erased or its term is over.

It goes everywhere as all else does; a copy that nothing in the application reads is kept for each hold that covers them, and
goes when the hold is lifted. A hold is in force from when it is placed, so that nothing is lost; another person approves it within
APPROVAL, or it ends. Where copies are sealed, a lift destroys what nothing brings back, so it takes two people too.
"""

import logging
import secrets
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, ClassVar, Final, cast
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from compliance import audit, sealing, tasks
from compliance.audit import PersonalAction
from compliance.authorities import ENDPOINT, RECIPIENT, OrderUnknown
from compliance.cases import reason_given
from compliance.models import AuthorityDisclosure, HeldCopy, HeldRow, LegalHold
from compliance.redaction import redact_cards
from compliance.sealing import Row
from compliance.second_person import NothingPrepared, SamePerson
from processors import disclosures
from processors.disclosures import About
from processors.errors import DomainError
from processors.mail import AT_ONCE_MAX
from processors.operator_mails import Written, send_alerts
from processors.pseudonyms import pseudonym

logger = logging.getLogger(__name__)

APPROVAL: Final = timedelta(days=7)
# How long before that the operator is told: with the hold goes what was sealed under it.
_WARNING: Final = timedelta(days=3)
_SUBJECT: Final = "Hold {reference}: its review is due"
_TEXT: Final = (
    "The review of hold {reference} was due on {review_on}. While it is in force, what it covers is kept.\n\n"
    "Look whether it is still needed, then set the next review or lift it: {url}/staff/holds\n"
)
_UNAPPROVED_SUBJECT: Final = "Hold {reference}: nobody else has approved it"
_UNAPPROVED_TEXT: Final = (
    "Hold {reference} needs the approval of another person than who placed it. Without that it ends within three days, and what was"
    " sealed under it goes.\n\nApprove or lift it: {url}/staff/holds\n"
)


class HoldUnknown(DomainError):
    """No hold has this reference. Check it."""

    code: ClassVar[str] = "hold_not_found"


class HoldLifted(DomainError):
    """The hold is over; nothing about it changes any more."""

    code: ClassVar[str] = "hold_lifted"


class NothingToHold(DomainError):
    """There is no such account, lead or call."""

    code: ClassVar[str] = "nothing_to_hold"


class ReviewPast(DomainError):
    """The review or the end lies in the past, or the review behind the end."""

    code: ClassVar[str] = "review_past"


def place(
    *,
    rows: Sequence[Row],
    basis: str,
    order_id: str,
    reason: str,
    review_on: date,
    ends_on: date,
    secret_until: date | None,
    by: str,
    now: datetime,
) -> LegalHold:
    """In force at once; who approves it has APPROVAL for that. Raises NothingToHold, ReviewPast, ReasonMissing."""
    if not rows:
        raise NothingToHold("There is no such account, lead or call, so there is nothing to hold.")
    _refuse_past(review_on, ends_on, now)
    with transaction.atomic():
        hold = LegalHold.objects.create(
            reference=f"LH-{secrets.token_hex(4).upper()}",
            basis=redact_cards(reason_given(basis)),
            order_id=redact_cards(order_id.strip()),
            reason=redact_cards(reason_given(reason)),
            review_on=review_on,
            ends_on=ends_on,
            secret_until=secret_until,
            placed_by=by,
            placed_at=now,
            next_at=now,
        )
        HeldRow.objects.bulk_create([HeldRow(hold=hold, kind=kind, row_id=row_id) for kind, row_id in set(rows)])
        _audit(hold, "hold.placed", by, now, rows=len(set(rows)))
    return hold


def approve(*, reference: str, by: str, now: datetime) -> LegalHold:
    """Raises HoldUnknown, HoldLifted, NothingPrepared, SamePerson."""
    with transaction.atomic():
        hold = _in_force(reference, now)
        if hold.approved_at is not None:
            raise NothingPrepared("It is approved already. Reload the page.")
        if hold.placed_by == by:
            raise SamePerson("You have placed it. Ask somebody else of us to approve it.")
        hold.approved_by, hold.approved_at = by, now
        hold.told_at, hold.attempts, hold.next_at = None, 0, now
        hold.save(update_fields=["approved_by", "approved_at", "told_at", "attempts", "next_at"])
        _audit(hold, "hold.approved", by, now)
    return hold


def review(*, reference: str, review_on: date, by: str, now: datetime) -> LegalHold:
    """Says that it is still needed, and when somebody looks again; a lift that waits for another person is off.

    Raises HoldUnknown, HoldLifted, ReviewPast.
    """
    with transaction.atomic():
        hold = _in_force(reference, now)
        _refuse_past(review_on, hold.ends_on, now)
        hold.review_on, hold.told_at, hold.attempts, hold.next_at = review_on, None, 0, now
        hold.lift_asked_by = hold.lift_reason = ""
        hold.save(update_fields=["review_on", "told_at", "attempts", "next_at", "lift_asked_by", "lift_reason"])
        _audit(hold, "hold.reviewed", by, now, until=review_on.isoformat())
    return hold


def lift(*, reference: str, reason: str, by: str, now: datetime) -> LegalHold:
    """Ends it: what it covers ends with its term again, and what was erased meanwhile goes for good, its bytes too.

    Where something is sealed, the first person only asks for it, and another does it.
    Raises HoldUnknown, HoldLifted, ReasonMissing, SamePerson.
    """
    with transaction.atomic():
        hold = _in_force(reference, now)
        text = reason_given(reason)
        if not hold.copies.exists():
            _lift(hold, text, by, now)
        elif not hold.lift_asked_by:
            hold.lift_asked_by, hold.lift_reason = by, redact_cards(text)
            hold.save(update_fields=["lift_asked_by", "lift_reason"])
            _audit(hold, "hold.lift_asked", by, now)
        elif hold.lift_asked_by == by:
            raise SamePerson("You have asked for it. Ask somebody else of us to lift it.")
        else:
            _lift(hold, text, by, now)
    return hold


def lift_ended(*, now: datetime) -> int:
    """Lifts those whose last day is over and those that nobody else approved in time; returns how many. Copies of lifted holds go,
    should there be any."""
    over = Q(ends_on__lt=now.date()) | Q(approved_at__isnull=True, placed_at__lte=now - APPROVAL)
    ended = LegalHold.objects.filter(over, lifted_at__isnull=True)
    lifted = 0
    for hold_id in list(ended.values_list("id", flat=True)[:AT_ONCE_MAX]):
        with transaction.atomic():
            # It may have been approved or lifted meanwhile.
            hold = ended.select_for_update().filter(id=hold_id).first()
            if hold is not None:
                is_over = hold.ends_on < now.date()
                reason = "Its last day is over." if is_over else "Nobody else approved it in time."
                _lift(hold, reason, "system", now)
                lifted += 1
    with transaction.atomic():
        left, _ = HeldCopy.objects.filter(hold__lifted_at__isnull=False).delete()
        if left:
            tasks.rewrite_soon()
    return lifted


def opened(*, reference: str, order_id: str, by: str, now: datetime) -> list[dict[str, Any]]:
    """What was sealed under a hold that another person has approved, for the order that demands it: all of it for the hold's own; for
    another to which two people have agreed, what that names about its person. It is counted as disclosed to authorities before that, and
    stands in the audit log.

    Outside of a transaction: what is counted stays counted. Raises HoldUnknown, HoldLifted, NothingPrepared, OrderUnknown.
    """
    with transaction.atomic():
        hold = _in_force(reference, now)
        if hold.approved_at is None:
            raise NothingPrepared("Nobody else has approved this hold. Ask somebody else than who placed it.")
        whom, copies = _demanded(hold, redact_cards(order_id.strip()))
    is_secret = hold.secret_until is not None and hold.secret_until >= now.date()
    for about, kinds in whom.items():
        # Where nothing may be told, it counts as about nobody: who is listed reads of it.
        counted = About() if is_secret else about
        disclosures.record(processor=RECIPIENT, endpoint=ENDPOINT, data_classes=kinds, whom=counted, now=now)
    with transaction.atomic():
        hold = _in_force(reference, now)
        _audit(hold, "hold.opened", by, now, people=len(whom))
        # Not what was sealed since: nothing has counted it.
        return sealing.unsealed(hold, copies)


def _demanded(hold: LegalHold, order_id: str) -> tuple[dict[About, set[str]], list[UUID]]:
    """Whom the sealed copies that an order covers concern, with the kinds of data, and which they are. Raises OrderUnknown."""
    is_own = order_id != "" and order_id == hold.order_id
    agreed = AuthorityDisclosure.objects.filter(state__in=("approved", "released"), order_id=order_id)
    named = {(each.person, element) for each in agreed for element in each.elements}
    # All that a hold on an account covers concerns whose account it is.
    accounts = hold.rows.filter(kind="account").values_list("row_id", flat=True)
    holders = [pseudonym("user", user_id) for user_id in accounts]
    whom: dict[About, set[str]] = defaultdict(set)
    copies = []
    for copy in hold.copies.iterator():
        is_account = copy.kind in ("account", "user_was")
        about = About(user_id=copy.row_id) if is_account else About(phone_e164=copy.content.get("phone"))
        element = sealing.ELEMENT_OF[cast(sealing.CopyKind, copy.kind)]
        if is_own or any((person, element) in named for person in (about.person, *holders)):
            whom[about].add(element)
            copies.append(copy.id)
    if not (is_own or copies):
        raise OrderUnknown("Neither this hold nor an order about what is sealed under it bears this number. Check it.")
    return dict(whom), copies


def of_reference(reference: str) -> LegalHold:
    """Raises HoldUnknown."""
    hold = LegalHold.objects.filter(reference=reference.strip().upper()).first()
    if hold is None:
        raise HoldUnknown("No hold has this reference. Check it.")
    return hold


def send_review_alerts(*, now: datetime) -> int:
    """Tells the operator, by mail and in the log, of each hold whose review is due, once a review, and of each that soon ends because
    nobody else has approved it. Returns how many were sent."""
    unapproved = Q(approved_at__isnull=True, placed_at__lte=now - APPROVAL + _WARNING)
    due = LegalHold.objects.filter(
        Q(review_on__lte=now.date()) | unapproved,
        lifted_at__isnull=True,
    )

    def write(hold: LegalHold) -> Written:
        is_due = hold.review_on <= now.date()
        subject, text = (_SUBJECT, _TEXT) if is_due else (_UNAPPROVED_SUBJECT, _UNAPPROVED_TEXT)
        if is_due:
            logger.warning("hold has to be reviewed", extra={"reference": hold.reference})
        else:
            logger.warning("hold has to be approved", extra={"reference": hold.reference})
        places = {"reference": hold.reference, "review_on": hold.review_on.isoformat(), "url": settings.PUBLIC_URL}
        return Written(subject.format(**places), text.format(**places))

    return send_alerts(due.order_by("review_on", "id"), kind="hold_review", write=write, now=now, sent="told_at")


def _refuse_past(review_on: date, ends_on: date, now: datetime) -> None:
    if review_on <= now.date() or ends_on < review_on:
        raise ReviewPast("The review has to lie ahead, and not behind the last day. Choose another day.")


def _in_force(reference: str, now: datetime) -> LegalHold:
    hold = LegalHold.objects.select_for_update().get(id=of_reference(reference).id)
    if hold.lifted_at is not None or hold.ends_on < now.date():
        raise HoldLifted("This hold is over. Place another for what is new.")
    return hold


def _lift(hold: LegalHold, reason: str, by: str, now: datetime) -> None:
    hold.lifted_by, hold.lifted_at, hold.lift_reason = by, now, redact_cards(reason)
    hold.save(update_fields=["lifted_by", "lifted_at", "lift_reason"])
    gone, _ = hold.copies.all().delete()
    if gone:
        tasks.rewrite_soon()
    _audit(hold, "hold.lifted", by, now, copies=gone)


def _audit(hold: LegalHold, action: PersonalAction, by: str, now: datetime, **detail: str | int) -> None:
    audit.record(workspace_id=None, actor_ref=by, action=action, target=hold.reference, detail=detail, now=now)
