"""Reads of the registers that our own people keep."""

import math
from collections import Counter
from datetime import datetime, timedelta
from typing import Final, Literal

from django.db.models import Count, F

from compliance import audit, authorities, breaches, holds, policy_queries, queries
from compliance.elements import ELEMENTS
from compliance.models import AuthorityDisclosure, Breach, HeldCopy, LegalHold
from compliance.schemas import DataClassOut
from compliance.stores import Subject
from identity.staff.actor import StaffActor
from identity.staff.people_named import names_of
from identity.staff.queries import newest_page
from identity.staff.register_schemas import (
    BlockedOut,
    BreachEntryOut,
    BreachesOut,
    BreachOut,
    HoldOut,
    HoldsOut,
    OrderOut,
    OrderPage,
    PersonDisclosuresOut,
    RecipientOut,
    RecipientsOut,
)
from processors.models import BlockedEgress, Disclosure
from processors.queries import Told, told_since

LATELY: Final = timedelta(days=30)
BLOCKED_SHOWN_MAX: Final = 20
BREACHES_SHOWN_MAX: Final = 100
ORDERS_PAGE: Final = 20
HOLDS_SHOWN_MAX: Final = 200


def recipients(*, now: datetime) -> RecipientsOut:
    lately, never = told_since((now - LATELY).date()), Told(0, None)
    blocked = BlockedEgress.objects.order_by("-at", "-id")[:BLOCKED_SHOWN_MAX]
    return RecipientsOut(
        items=[
            RecipientOut(recipient=each, times=told.times, last_on=told.last_on)
            for each in queries.processors().items
            for told in [lately.get(each.key, never)]
        ],
        told=policy_queries.told(),
        blocked=[BlockedOut.model_validate(row, from_attributes=True) for row in blocked],
    )


def told_about(*, subject: Subject, actor: StaffActor, now: datetime) -> PersonDisclosuresOut:
    """What recipients were told about a person, also what an order keeps secret from the person. That it was looked up is
    written down."""
    people = authorities.people_of(subject)
    audit.record(
        workspace_id=None,
        actor_ref=actor.ref,
        action="disclosures.searched",
        target=people[0],
        detail={},
        now=now,
    )
    return PersonDisclosuresOut(items=queries.disclosure_rows(Disclosure.objects.filter(person__in=people)))


def orders(*, actor: StaffActor, cursor: str | None) -> OrderPage:
    """Raises CursorInvalid."""
    rows, next_cursor = newest_page(AuthorityDisclosure.objects.all(), cursor, "prepared_at", ORDERS_PAGE)
    return OrderPage(items=[order_out(row, actor=actor) for row in rows], next_cursor=next_cursor)


def order_out(order: AuthorityDisclosure, *, actor: StaffActor) -> OrderOut:
    names = names_of([order.prepared_by, order.decided_by, order.released_by])
    by_me = order.prepared_by == actor.ref
    may = {
        "approve": order.state == "waiting" and not by_me,
        "release": order.state == "approved",
        "withdraw": order.state in ("waiting", "approved"),
    }
    return OrderOut.model_validate(
        {
            "reference": order.reference,
            "state": order.state,
            "order_id": order.order_id,
            "authority": order.authority,
            "legal_basis": order.legal_basis,
            "secret_until": order.secret_until,
            "kinds": [DataClassOut(key=key, title=ELEMENTS[key].title) for key in order.elements if key in ELEMENTS],
            "whose": authorities.whose(order),
            "found": queries.goes(Counter(authorities.counts_now(order))),
            "prepared_by": names[order.prepared_by],
            "by_me": by_me,
            "prepared_at": order.prepared_at,
            "decided_by": names[order.decided_by] if order.decided_by else "",
            "decided_at": order.decided_at,
            "released_by": names[order.released_by] if order.released_by else "",
            "released_at": order.released_at,
            "bundle_hash": order.bundle_hash,
            "seen": order.digest,
            "may": [step for step, allowed in may.items() if allowed],
        }
    )


def all_holds(*, actor: StaffActor, now: datetime) -> HoldsOut:
    rows = LegalHold.objects.prefetch_related("rows")
    first = rows.order_by(F("lifted_at").desc(nulls_first=True), "review_on", "id")[:HOLDS_SHOWN_MAX]
    counted = HeldCopy.objects.values("hold_id").annotate(count=Count("id")).order_by()
    sealed = {row["hold_id"]: row["count"] for row in counted}
    return HoldsOut(
        items=[hold_out(row, sealed=sealed.get(row.id, 0), actor=actor, now=now) for row in first],
    )


def hold_out(hold: LegalHold, *, sealed: int, actor: StaffActor, now: datetime) -> HoldOut:
    names = names_of([hold.placed_by, hold.approved_by, hold.lift_asked_by, hold.lifted_by])
    kinds = Counter(row.kind for row in hold.rows.all())
    goes_on = hold.lifted_at is None
    may: dict[Literal["approve", "review", "lift"], bool] = {
        "approve": goes_on and hold.approved_at is None and hold.placed_by != actor.ref,
        "review": goes_on,
        "lift": goes_on and hold.lift_asked_by != actor.ref,
    }
    return HoldOut(
        reference=hold.reference,
        basis=hold.basis,
        order_id=hold.order_id,
        reason=hold.reason,
        review_on=hold.review_on,
        review_due=goes_on and hold.review_on <= now.date(),
        ends_on=hold.ends_on,
        secret_until=hold.secret_until,
        placed_by=names[hold.placed_by],
        placed_at=hold.placed_at,
        approved_by=names[hold.approved_by] if hold.approved_by else "",
        approved_at=hold.approved_at,
        approve_until=hold.placed_at + holds.APPROVAL,
        lift_asked_by=names[hold.lift_asked_by] if hold.lift_asked_by else "",
        lifted_by=names[hold.lifted_by] if hold.lifted_by else "",
        lifted_at=hold.lifted_at,
        lift_reason=hold.lift_reason,
        accounts=kinds["account"],
        leads=kinds["lead"],
        calls=kinds["call"],
        sealed=sealed,
        may=[step for step, allowed in may.items() if allowed],
    )


def all_breaches(*, now: datetime) -> BreachesOut:
    rows = Breach.objects.prefetch_related("entries")
    newest = rows.order_by(F("closed_at").desc(nulls_first=True), "-noticed_at", "-id")[:BREACHES_SHOWN_MAX]
    return BreachesOut(items=[breach_out(row, now=now) for row in newest])


def breach_out(breach: Breach, *, now: datetime) -> BreachOut:
    entries = sorted(breach.entries.all(), key=lambda entry: (entry.at, entry.id))
    names = names_of(entry.author for entry in entries)
    due_at = breaches.due_at(breach)
    runs = breach.closed_at is None and breach.told_authority_at is None
    return BreachOut(
        reference=breach.reference,
        noticed_at=breach.noticed_at,
        due_at=due_at,
        hours_left=math.floor((due_at - now) / timedelta(hours=1)) if runs else None,
        what=breach.what,
        told_authority_at=breach.told_authority_at,
        told_people_at=breach.told_people_at,
        closed_at=breach.closed_at,
        conclusion=breach.conclusion,
        untold_reason=breach.untold_reason,
        entries=[
            BreachEntryOut(id=entry.id, at=entry.at, author=names[entry.author], text=entry.text) for entry in entries
        ],
    )
