"""Shapes of the registers that our own people keep: recipients, orders of authorities, breaches."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from compliance.one_line import ONE_LINE, Pasted
from compliance.policy_schemas import PolicyToldOut
from compliance.reviews import FOLLOW_UPS_MAX, ReviewKind
from compliance.schemas import DataClassOut, DisclosureOut, GoesOut, ProcessorOut
from identity.schemas import Closed


class RecipientOut(BaseModel):
    """A recipient of the closed list, with how often it was told something in the last 30 days; null where that was about fewer than
    five people."""

    recipient: ProcessorOut
    times: int | None
    last_on: date | None


class BlockedOut(BaseModel):
    """Something that was kept from leaving. processor: its key, "" for a host that nobody listed. field: its name, never its
    value."""

    id: UUID
    at: datetime
    processor: str
    host: str
    reason: str
    field: str


class RecipientsOut(BaseModel):
    """blocked: the newest first, at most 20. told: of the versions of the policy that name recipients, whom they bind."""

    items: list[RecipientOut]
    told: list[PolicyToldOut]
    blocked: list[BlockedOut]


class WhoseIn(Closed):
    """whose: the whole e-mail of an account, or a number with its country code."""

    whose: Annotated[Pasted, Field(min_length=3, max_length=254)]


class PersonDisclosuresOut(BaseModel):
    """What recipients were told about a person, secret orders included; the newest first, at most 500."""

    items: list[DisclosureOut]


class OrderOut(BaseModel):
    """What an authority demands by an order. whose: e-mail or number of the person, "" once it is over. kinds: all that it covers.
    found: how much of them is held; once it is over, was held when it was prepared.

    seen: what an approval has to name. by_me: so somebody else approves it. may: what the asker may do next.
    """

    reference: str
    state: Literal["waiting", "approved", "released", "withdrawn"]
    order_id: str
    authority: str
    legal_basis: str
    secret_until: date | None
    whose: str
    kinds: list[DataClassOut]
    found: list[GoesOut]
    prepared_by: str
    by_me: bool
    prepared_at: datetime
    decided_by: str
    decided_at: datetime | None
    released_by: str
    released_at: datetime | None
    bundle_hash: str
    seen: str
    may: list[Literal["approve", "release", "withdraw"]]


class OrderPage(BaseModel):
    """The newest first."""

    items: list[OrderOut]
    next_cursor: str | None


class OrderIn(WhoseIn):
    """order_id: the authority's own. secret_until: the last day on which the order forbids telling the person.

    elements: the kinds of data that the order covers, by key.
    """

    order_id: Annotated[str, Field(min_length=2, max_length=120, pattern=ONE_LINE)]
    authority: Annotated[str, Field(min_length=2, max_length=200, pattern=ONE_LINE)]
    legal_basis: Annotated[str, Field(min_length=2, max_length=200, pattern=ONE_LINE)]
    secret_until: date | None = None
    elements: Annotated[list[Annotated[str, Field(max_length=32)]], Field(min_length=1, max_length=100)]


class HoldOut(BaseModel):
    """What an order or the law demands to be kept. rows: how many accounts, leads and calls it names; sealed: how many of what it
    covers was erased meanwhile, of which a copy is kept.

    review_due: nobody has looked in time whether it is still needed. approved_by: "" until somebody else has; without that it
    ends on approve_until. lift_asked_by: who wants it lifted, for another to do. lifted_by: "" while it is in force. may: what the
    asker may do next.
    """

    reference: str
    basis: str
    order_id: str
    reason: str
    review_on: date
    review_due: bool
    ends_on: date
    secret_until: date | None
    placed_by: str
    placed_at: datetime
    approved_by: str
    approved_at: datetime | None
    approve_until: datetime
    lift_asked_by: str
    lifted_by: str
    lifted_at: datetime | None
    lift_reason: str
    accounts: int
    leads: int
    calls: int
    sealed: int
    may: list[Literal["approve", "review", "lift"]]


class HoldsOut(BaseModel):
    """Those in force first, the next review first; at most 200."""

    items: list[HoldOut]


class HoldIn(Closed):
    """which: the whole e-mail of an account; a number, for all leads that have it; or the id of a lead or a call.

    basis: the law or order on which it rests. order_id: the authority's own, "" where it is no order. review_on: when somebody looks
    whether it is still needed. ends_on: its last day. secret_until: the last day on which the ground forbids telling the person.
    """

    what: Literal["account", "number", "lead", "call"]
    which: Annotated[Pasted, Field(min_length=3, max_length=254)]
    basis: Annotated[str, Field(min_length=2, max_length=200, pattern=ONE_LINE)]
    order_id: Annotated[str, Field(max_length=120, pattern=ONE_LINE)] = ""
    reason: Annotated[str, Field(min_length=3, max_length=4_000)]
    review_on: date
    ends_on: date
    secret_until: date | None = None


class ReviewIn(Closed):
    review_on: date


class FollowUpOut(BaseModel):
    """Something that a review found and that is to be done. done_by: "" while it is open."""

    id: UUID
    what: str
    done_at: datetime | None
    done_by: str
    how: str


class ReviewOut(BaseModel):
    id: UUID
    reviewed_at: datetime
    reviewed_by: str
    findings: str
    follow_ups: list[FollowUpOut]


class ReviewKindOut(BaseModel):
    """A kind of review. what: is looked at. due_on: the last day for the next one. days_left: below zero when that is past. open: how
    many follow-ups of any review are. reviews: the newest first, at most 10, and those with something open."""

    kind: ReviewKind
    title: str
    what: str
    every_days: int
    due_on: date
    days_left: int
    open: int
    reviews: list[ReviewOut]


class BackupsOut(BaseModel):
    """What lay in the folders of backups when they were looked at last. over: files that are older than kept_days, which people are
    told; unread: folders that could not be read. oldest_at: null where there was no file."""

    looked_at: datetime
    files: int
    over: int
    unread: int
    oldest_at: datetime | None
    kept_days: int


class ReviewsOut(BaseModel):
    """The one that is due first comes first. backups: null where nobody has looked at them."""

    items: list[ReviewKindOut]
    backups: BackupsOut | None


class SecurityReviewIn(Closed):
    """findings: also that nothing was found. follow_ups: what is to be done. Both name nobody."""

    kind: ReviewKind
    findings: Annotated[str, Field(min_length=3, max_length=4_000)]
    follow_ups: Annotated[
        list[Annotated[str, Field(min_length=3, max_length=300, pattern=ONE_LINE)]], Field(max_length=FOLLOW_UPS_MAX)
    ] = []


class HowIn(Closed):
    how: Annotated[str, Field(min_length=3, max_length=1_000)]


class BreachEntryOut(BaseModel):
    id: UUID
    at: datetime
    author: str
    text: str


class BreachOut(BaseModel):
    """due_at: until when the authority has to be told. hours_left: below zero when that is past; null when it was told, or the
    breach is closed. untold_reason: why it had not to be told, of one that is closed without that."""

    reference: str
    noticed_at: datetime
    due_at: datetime
    hours_left: int | None
    what: str
    told_authority_at: datetime | None
    told_people_at: datetime | None
    closed_at: datetime | None
    conclusion: str
    untold_reason: str
    entries: list[BreachEntryOut]


class BreachesOut(BaseModel):
    """Those that are open first, the newest of each first; at most 100."""

    items: list[BreachOut]


class BreachIn(Closed):
    """what: names nobody. noticed_at: when the 72 hours began."""

    what: Annotated[str, Field(min_length=3, max_length=4_000)]
    noticed_at: AwareDatetime


class ToldIn(Closed):
    whom: Literal["authority", "people"]
    how: Annotated[str, Field(min_length=3, max_length=4_000)]


class ConclusionIn(Closed):
    """untold_reason: why the authority need not be told, where it was not."""

    conclusion: Annotated[str, Field(min_length=3, max_length=4_000)]
    untold_reason: Annotated[str, Field(max_length=4_000)] = ""
