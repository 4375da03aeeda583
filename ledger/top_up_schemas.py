"""The wire shapes of automatic top-up. Amounts of credits in milli-credits, of money in minor units of the currency."""

from datetime import date, datetime
from typing import Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from ledger.money import AMOUNT_MAX_MCREDITS

MONTHLY_TOP_UPS_MAX: Final = 30

TopUpState = Literal["pending", "active", "ended"]
EndReason = Literal[
    "stopped", "replaced", "declined", "past_due", "method_removed", "pack_changed", "refused", "unanswered",
    "charged_back", "erased", "owner_left",
]  # fmt: skip
ChargeState = Literal["intended", "charged", "granted", "failed"]


class TopUpTerms(BaseModel):
    """What is to be charged, and when. monthly_max: top-ups in a calendar month, which begins at midnight UTC."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    price_id: str = Field(min_length=1, max_length=80)
    threshold_mcredits: int = Field(ge=1, le=AMOUNT_MAX_MCREDITS)
    monthly_max: int = Field(ge=1, le=MONTHLY_TOP_UPS_MAX)


class TopUpIn(TopUpTerms):
    """words_hash: of the words that the page showed, as GET /credits/top-up/words gave it."""

    words_hash: str = Field(pattern=r"^[0-9a-f]{64}$")


class TopUpWords(BaseModel):
    """What a person agrees to, sentence by sentence. words_hash: SHA-256 in hex of the sentences, one a line."""

    sentences: list[str]
    words_hash: str


class TopUpPlanOut(BaseModel):
    """What was agreed and what became of it.

    state: pending (no payment method is saved yet), active, ended. end_reason: null until then. cancelling: Paddle has not
    confirmed yet that it forgot the payment method. used: top-ups of this month, those in flight included. capped: the
    balance is below the line and the month's top-ups are used up. by: who agreed, null when that is not known any more.
    """

    plan_id: UUID
    state: TopUpState
    end_reason: EndReason | None
    cancelling: bool
    price_id: str
    pack_name: str
    mcredits: int
    amount_minor: int
    currency: str
    threshold_mcredits: int
    monthly_max: int
    used: int
    month: date
    capped: bool
    charging: bool
    by: str | None
    agreed_at: datetime
    ended_at: datetime | None


class TopUpOut(BaseModel):
    """offered: whether the operator sells it. plan: the newest; null when there never was one."""

    offered: bool
    plan: TopUpPlanOut | None


class TopUpSetupOut(BaseModel):
    """What Paddle.js needs to save a payment method: its own address, the public client token and the transaction."""

    plan_id: UUID
    transaction_id: str
    client_token: str
    paddle_js_url: str
