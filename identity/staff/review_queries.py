"""Reads of the reviews of security."""

from datetime import date, datetime
from typing import Final

from django.db.models import Exists, OuterRef, Q

from compliance import backups, reviews
from compliance.models import FollowUp, SecurityReview
from compliance.reviews import ReviewKind
from identity.staff.people_named import names_of
from identity.staff.register_schemas import BackupsOut, FollowUpOut, ReviewKindOut, ReviewOut, ReviewsOut

SHOWN_MAX: Final = 10


def all_reviews(*, now: datetime) -> ReviewsOut:
    due = sorted(reviews.due_days(now=now).items(), key=lambda each: each[1])
    return ReviewsOut(items=[_kind(kind, due_on, now) for kind, due_on in due], backups=_backups())


def _backups() -> BackupsOut | None:
    look = backups.newest()
    if look is None:
        return None
    return BackupsOut(
        looked_at=look.looked_at,
        files=look.files,
        over=look.over,
        unread=look.unread,
        oldest_at=look.oldest_at,
        kept_days=backups.KEPT_FOR.days,
    )


def _kind(kind: ReviewKind, due_on: date, now: datetime) -> ReviewKindOut:
    of_kind = SecurityReview.objects.filter(kind=kind)
    newest = of_kind.order_by("-reviewed_at", "-id").values_list("id", flat=True)[:SHOWN_MAX]
    is_open = Exists(FollowUp.objects.filter(review=OuterRef("id"), done_at__isnull=True))
    shown = list(of_kind.filter(Q(id__in=list(newest)) | is_open).prefetch_related("follow_ups"))
    names = names_of(
        [
            *(each.reviewed_by for each in shown),
            *(one.done_by for each in shown for one in each.follow_ups.all() if one.done_by),
        ]
    )
    review = reviews.KINDS[kind]
    return ReviewKindOut(
        kind=kind,
        title=review.title,
        what=review.what,
        every_days=review.every_days,
        due_on=due_on,
        days_left=(due_on - now.date()).days,
        open=FollowUp.objects.filter(review__kind=kind, done_at__isnull=True).count(),
        reviews=[
            _review(each, names) for each in sorted(shown, key=lambda each: (each.reviewed_at, each.id), reverse=True)
        ],
    )


def _review(review: SecurityReview, names: dict[str, str]) -> ReviewOut:
    return ReviewOut(
        id=review.id,
        reviewed_at=review.reviewed_at,
        reviewed_by=names[review.reviewed_by],
        findings=review.findings,
        follow_ups=[
            FollowUpOut(
                id=one.id,
                what=one.what,
                done_at=one.done_at,
                done_by=names[one.done_by] if one.done_by else "",
                how=one.how,
            )
            for one in sorted(review.follow_ups.all(), key=lambda one: one.id)
        ],
    )
