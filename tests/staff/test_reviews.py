"""Reviews of security: a closed list, each due again after its interval, told to the operator once when it is overdue.

Planted bugs that these catch: an alert every round, a review that leaves the next day as it was, and something to be done that is
over without anybody saying how.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from compliance import reviews
from compliance.models import AuditEvent, FollowUp, ReviewAlert, SecurityReview
from tests.compliance.ends import end
from tests.identity.browser import code_of
from tests.sandbox_fixture import Sandbox
from tests.staff.ours import Desk, at_desk

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC)
OPERATOR = "operator@klosesales.example"


def listed(desk: Desk) -> dict[str, Any]:
    return {each["kind"]: each for each in desk.get("/api/staff/reviews")[1]["items"]}


def noted(desk: Desk, **changes: object) -> tuple[int, Any]:
    body = {"kind": "access", "findings": "One account too many.", "follow_ups": ["Disable it."], **changes}
    return desk.post("/api/staff/reviews", body)


@pytest.mark.policy("C9.1-4")
def test_every_kind_is_listed_and_due_before_anybody_has_done_one() -> None:
    items = at_desk("admin", "Ada").get("/api/staff/reviews")[1]["items"]
    assert {each["kind"] for each in items} == set(reviews.KINDS)
    assert all(0 <= each["days_left"] <= 30 and each["reviews"] == [] for each in items)
    assert all(each["what"] and 0 < each["every_days"] <= 365 for each in items)


@pytest.mark.policy("C9.1-4")
def test_a_review_says_what_was_found_and_when_the_next_one_is_due() -> None:
    ada, nora = at_desk("admin", "Ada"), at_desk(address="198.51.100.91")
    assert nora.get("/api/staff/reviews")[0] == 403
    assert noted(nora)[0] == 403
    assert noted(ada, kind="parking")[0] == 422
    assert noted(ada, findings="   ")[0] == 422
    assert noted(ada, follow_ups=["x" * 301])[0] == 422
    status, _ = noted(ada, findings="Card 4111 1111 1111 1111 lay about.")
    assert status == 201
    access = listed(ada)["access"]
    assert (access["days_left"], access["open"]) == (reviews.KINDS["access"].every_days, 1)
    assert access["reviews"][0]["reviewed_by"] == "Ada"
    assert access["reviews"][0]["findings"] == "Card [card number removed] lay about."
    # What is due first comes first.
    days = [each["days_left"] for each in ada.get("/api/staff/reviews")[1]["items"]]
    assert days == sorted(days)
    assert AuditEvent.objects.get(action="review.noted").detail == {"kind": "access", "follow_ups": 1}


@pytest.mark.policy("C9.1-4")
def test_what_was_found_is_open_until_somebody_says_how_it_was_done() -> None:
    ada, pia = at_desk("admin", "Ada"), at_desk("privacy_officer", "Pia", "198.51.100.91")
    noted(ada, follow_ups=["Disable it.", "Ask who else."])
    first, second = listed(ada)["access"]["reviews"][0]["follow_ups"]
    path = f"/api/staff/reviews/follow-ups/{first['id']}"
    assert pia.post(path, {"how": "  "})[0] == 422
    status, answer = pia.post(path, {"how": "Disabled."})
    assert status == 200
    access = next(each for each in answer["items"] if each["kind"] == "access")
    assert access["open"] == 1
    done = next(each for each in access["reviews"][0]["follow_ups"] if each["id"] == first["id"])
    assert (done["done_by"], done["how"]) == ("Pia", "Disabled.")
    assert code_of(ada.post(path, {"how": "I did it."})[1]) == "follow_up_done"
    with pytest.raises(IntegrityError, match="follow_up_done_says_how"), transaction.atomic():
        FollowUp.objects.filter(id=second["id"]).update(done_at=NOW)
    # One with something open is shown however old it is.
    for _ in range(11):
        noted(ada, follow_ups=[])
    assert second["id"] in str(listed(ada)["access"]["reviews"])
    assert len(listed(ada)["access"]["reviews"]) == 11


@pytest.mark.policy("C9.1-4")
def test_the_operator_is_told_once_of_each_that_is_overdue(sandbox: Sandbox, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.OPERATOR_EMAIL = OPERATOR
    ada = at_desk("admin", "Ada")
    for kind in reviews.KINDS:
        noted(ada, kind=kind)
    interval = timedelta(days=reviews.KINDS["backups"].every_days)
    SecurityReview.objects.exclude(kind="backups").update(due_on=(NOW + timedelta(days=900)).date())
    on_the_day = NOW + interval
    assert reviews.raise_review_alerts(now=on_the_day) == 0
    late = on_the_day + timedelta(days=1)
    assert [reviews.raise_review_alerts(now=late) for _ in range(2)] == [1, 0]
    assert [reviews.send_review_alerts(now=late) for _ in range(2)] == [1, 0]
    [mail] = sandbox.ask("GET", "/mails", to=OPERATOR)
    assert mail["subject"] == "Review is overdue: Backups can be restored" and "/staff/reviews" in mail["text"]
    # Another is told of when the next day is past.
    reviews.note(kind="backups", findings="It works.", follow_ups=[], by="operator", now=late)
    assert reviews.raise_review_alerts(now=late + interval) == 0
    assert reviews.raise_review_alerts(now=late + interval + timedelta(days=1)) == 1


@pytest.mark.policy("C9.1-4")
def test_what_nobody_has_ever_reviewed_is_overdue_after_a_month() -> None:
    at_desk("admin", "Ada")
    assert reviews.raise_review_alerts(now=NOW + timedelta(days=29)) == 0
    assert reviews.raise_review_alerts(now=NOW + timedelta(days=32)) == len(reviews.KINDS)


@pytest.mark.policy("C9.1-4")
def test_reviews_end_after_their_term_but_for_those_with_something_to_do() -> None:
    ada = at_desk("admin", "Ada")
    noted(ada, follow_ups=[])
    noted(ada)
    ReviewAlert.objects.create(kind="access", due_on=NOW.date(), next_at=NOW)
    assert end("review", now=NOW + timedelta(days=1_828)) == 2
    assert [each.follow_ups.count() for each in SecurityReview.objects.all()] == [1]
