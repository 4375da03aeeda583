"""The shapes of credits, packs, checkouts and the statement, shared by REST and the socket. Amounts in milli-credits."""

from datetime import UTC, datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from ledger.money import AMOUNT_MAX_MCREDITS

EntryKind = Literal[
    "purchase",
    "hold",
    "release",
    "charge",
    "settlement",
    "ai_query",
    "refund",
    "chargeback",
    "chargeback_reverse",
]
# A time that somebody asks about. Nothing was booked before, no calendar reaches beyond every end that a browser can name, and
# PostgreSQL takes no zone that is farther than 16 hours from UTC, which ISO 8601 can write.
Moment = Annotated[
    AwareDatetime,
    Field(ge=datetime(2000, 1, 1, tzinfo=UTC), lt=datetime(2200, 1, 1, tzinfo=UTC)),
    AfterValidator(lambda at: at.astimezone(UTC)),
]
CheckoutState = Literal["open", "paid", "granted", "failed"]


class RateOut(BaseModel):
    """The price list in force. increment_s, minimum_s: seconds that a call's length is rounded up to, and at least."""

    version: int
    mcredits_per_minute: int
    increment_s: int
    minimum_s: int
    ai_query_mcredits: int
    currency_hint: str | None = Field(description="Currency of the packs; null when they differ or none is sold.")


class AlertOut(BaseModel):
    """The line under the balance. raised_at: since when it was noticed below, null while it is not."""

    threshold_mcredits: int
    raised_at: datetime | None


class AlertIn(BaseModel):
    """threshold_mcredits: null takes the line away."""

    model_config = ConfigDict(extra="forbid")

    threshold_mcredits: int | None = Field(ge=1, le=AMOUNT_MAX_MCREDITS)


class BalanceOut(BaseModel):
    """What a workspace has. debt_mcredits: credits that were spent and then taken back with their payment.

    minutes_left: whole call minutes that the available credits buy at the rate in force.
    sequence: grows with every entry of the workspace; a lower one is older news.
    """

    available_mcredits: int
    held_mcredits: int
    debt_mcredits: int
    minutes_left: int
    sequence: int
    rate: RateOut
    alert: AlertOut | None


class PackOut(BaseModel):
    """A pack on sale. amount_minor: price in the currency's minor unit, before tax."""

    model_config = ConfigDict(frozen=True)

    price_id: str = Field(min_length=1, max_length=80)
    name: str = Field(min_length=1, max_length=80)
    mcredits: int = Field(gt=0, le=1_000_000_000_000)
    amount_minor: int = Field(gt=0, le=1_000_000_000)
    currency: str = Field(pattern=r"^[A-Z]{3}$")


class CheckoutIn(BaseModel):
    """Which pack to buy."""

    model_config = ConfigDict(extra="forbid")

    price_id: str = Field(min_length=1, max_length=80)


class CheckoutOut(BaseModel):
    """What Paddle.js needs to open the checkout: its own address, the public client token and the transaction."""

    checkout_id: UUID
    transaction_id: str
    client_token: str
    paddle_js_url: str


class CheckoutStateOut(BaseModel):
    """How far a purchase is. open: not paid; paid: the payment is known; granted: the credits are there."""

    checkout_id: UUID
    state: CheckoutState
    pack_name: str
    mcredits: int
    amount_minor: int
    currency: str
    transaction_id: str
    created_at: datetime
    granted_at: datetime | None


class EntryOut(BaseModel):
    """One line of the statement.

    amount_mcredits: effect on the workspace's credit, signed; 0 for holds and releases, which only set credit aside.
    balance_after_mcredits: available + held - debt after this entry.
    reference: what caused it, such as call:<id> or Paddle's transaction id.
    """

    id: UUID
    kind: EntryKind
    amount_mcredits: int
    balance_after_mcredits: int
    reference: str
    ordinal: int
    occurred_at: datetime
    description: str


class PostingOut(BaseModel):
    """One side of an entry. account: of the chart; the workspace's own are available, held and debt."""

    account: Literal["available", "debt", "held", "paddle_clearing", "promotions", "sales"]
    side: Literal["debit", "credit"]
    amount_mcredits: int


class Step(BaseModel):
    """One step of the arithmetic. working: how it is worked out; result: what comes out, with its unit."""

    label: str
    working: str
    result: str


class Fact(BaseModel):
    """A field of a message."""

    name: str
    value: str


class Evidence(BaseModel):
    """A message from outside that an entry rests on, as far as it is kept.

    at: when it happened, by the sender's clock.
    """

    sender: Literal["twilio", "paddle"]
    says: str
    at: datetime
    received_at: datetime
    facts: list[Fact]


class Reasons(BaseModel):
    """Why an entry is what it is.

    agrees: whether the arithmetic comes to the entry's own amount; null where nothing can be worked out any more.
    """

    summary: str
    evidence: list[Evidence]
    steps: list[Step]
    agrees: bool | None

    @classmethod
    def without_arithmetic(cls, summary: str, evidence: list[Evidence] | None = None) -> Self:
        return cls(summary=summary, evidence=evidence or [], steps=[], agrees=None)
