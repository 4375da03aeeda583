"""Reviews of security by our own people, and what is done about what they found."""

from typing import Final
from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Status

from api.auth import StaffMayAuth, staff_of
from compliance import reviews
from identity.staff import review_queries
from identity.staff.register_schemas import HowIn, ReviewsOut, SecurityReviewIn
from processors.errors import DomainError

# What may be refused besides is declared by the desk, whose tag this shares.
router = Router(tags=["desk"], auth=StaffMayAuth("decide"))
PROBLEMS: Final[dict[type[DomainError], int]] = {reviews.FollowUpDone: 409, reviews.FollowUpUnknown: 404}


@router.get("/staff/reviews", response=ReviewsOut, operation_id="list_reviews")
def list_reviews(request: HttpRequest) -> ReviewsOut:
    """What is to be looked over regularly, by when, and what was found."""
    return review_queries.all_reviews(now=timezone.now())


@router.post("/staff/reviews", response={201: ReviewsOut}, operation_id="note_review")
def note_review(request: HttpRequest, form: SecurityReviewIn) -> Status[ReviewsOut]:
    """Keeps that a review was done, with what was found and what is to be done about it."""
    now = timezone.now()
    reviews.note(kind=form.kind, findings=form.findings, follow_ups=form.follow_ups, by=staff_of(request).ref, now=now)
    return Status(201, review_queries.all_reviews(now=now))


@router.post("/staff/reviews/follow-ups/{follow_up_id}", response=ReviewsOut, operation_id="finish_follow_up")
def finish_follow_up(request: HttpRequest, follow_up_id: UUID, form: HowIn) -> ReviewsOut:
    """Says how something that a review found was done."""
    now = timezone.now()
    reviews.finish(follow_up_id=follow_up_id, how=form.how, by=staff_of(request).ref, now=now)
    return review_queries.all_reviews(now=now)
