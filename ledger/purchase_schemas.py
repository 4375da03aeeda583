"""The wire shapes of purchases and of the balance over time. Amounts in milli-credits."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from ledger.schemas import CheckoutState

ChangeKind = Literal["refund", "chargeback", "chargeback_reverse"]


class PurchaseChange(BaseModel):
    """What a refund, a chargeback or its reversal did; signed changes of what is available and of the debt."""

    entry_id: UUID
    kind: ChangeKind
    at: datetime
    available_mcredits: int
    debt_mcredits: int


class PurchaseOut(BaseModel):
    """A purchase that was paid or failed.

    mcredits: granted, or of the pack while nothing is granted. amount_minor: before tax; paid_minor: with tax, null until
    it is known. by: who bought it, null when that is not known any more. held: a person has to look at its payment before
    anything is granted. automatic: charged by automatic top-up, to which that person agreed. There is an invoice once granted_at is set.
    """

    checkout_id: UUID
    state: CheckoutState
    pack_name: str
    mcredits: int
    amount_minor: int
    paid_minor: int | None
    currency: str
    transaction_id: str
    by: str | None
    held: bool
    automatic: bool
    created_at: datetime
    granted_at: datetime | None
    taken_back_mcredits: int
    changes: list[PurchaseChange]


class PurchasePage(BaseModel):
    """Newest first. next_cursor: give it back to continue; null at the end."""

    items: list[PurchaseOut]
    next_cursor: str | None


class InvoiceOut(BaseModel):
    """url: a PDF at the seller, good for an hour."""

    url: str


class BurnDay(BaseModel):
    """One day of the reader's. balance_mcredits: available + held - debt at its end.

    spent_mcredits: calls and answers, less what settlements gave back; bought_mcredits: purchases, less what refunds and
    chargebacks took.
    """

    day: date
    balance_mcredits: int
    spent_mcredits: int
    bought_mcredits: int


class BurnDownOut(BaseModel):
    """The balance at the end of each day, oldest first; the last day is today, so far.

    spent_a_day_mcredits: mean since the first entry, over at most these days. days_left: what the balance lasts at that
    pace; null while nothing is spent.
    """

    days: list[BurnDay]
    spent_a_day_mcredits: int
    days_left: int | None
