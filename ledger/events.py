"""What the ledger tells browsers."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from ledger.schemas import CheckoutState
from ledger.top_up_schemas import TopUpState


class BalanceChanged(BaseModel):
    """The workspace's credits after an entry. sequence: as in BalanceOut; an event with a lower one is older news."""

    type: Literal["balance.changed"] = "balance.changed"
    available_mcredits: int
    held_mcredits: int
    debt_mcredits: int
    sequence: int


class CheckoutChanged(BaseModel):
    """A purchase got further, or some of it was taken back or restored."""

    type: Literal["checkout.changed"] = "checkout.changed"
    checkout_id: UUID
    state: CheckoutState


class BalanceLow(BaseModel):
    """The workspace's balance, available + held - debt, fell below its alert's line."""

    type: Literal["balance.low"] = "balance.low"
    threshold_mcredits: int
    balance_mcredits: int
    at: datetime


class TopUpChanged(BaseModel):
    """Something about the workspace's automatic top-up changed; what, the page asks for."""

    type: Literal["top_up.changed"] = "top_up.changed"
    state: TopUpState
