"""What the sandbox remembers: plain records that can be listed, shown and written to the state file."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

CallStatus = Literal[
    "queued", "initiated", "ringing", "in-progress", "completed", "busy", "failed", "no-answer", "canceled"
]
Direction = Literal["outbound-api", "outbound-dial", "inbound"]
AccountStatus = Literal["active", "suspended", "closed"]
AccountType = Literal["Full", "Trial"]
CallerIdState = Literal["owned", "owned-without-voice", "verified", "unknown"]
VoiceMethod = Literal["POST", "GET"]
StatusUrl = Literal["set", "none"]
CodeLength = Literal["6", "4", "10"]
TERMINAL: frozenset[str] = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})


@dataclass(frozen=True, slots=True)
class Account:
    """The account as the carrier's console shows it. caller_id: what the number that calls is to it. voice_method: how its TwiML
    application asks what to do; status_url, status_method: whether and how it tells of a call's end. code_length: digits of its Verify
    services' passcodes, as they say."""

    status: AccountStatus = "active"
    type: AccountType = "Full"
    caller_id: CallerIdState = "owned"
    voice_method: VoiceMethod = "POST"
    status_url: StatusUrl = "set"
    status_method: VoiceMethod = "POST"
    code_length: CodeLength = "6"


@dataclass(slots=True)
class CallbackTarget:
    """Where one call's progress is posted to."""

    url: str = ""
    method: str = "POST"
    events: tuple[str, ...] = ("completed",)


@dataclass(slots=True)
class CallRecord:
    """One leg. Durations follow from answered_at and ended_at. heard: what a machine's voice said to it, in order.
    time_limit_s: from the answer."""

    sid: str
    account_sid: str
    to: str
    from_: str
    direction: Direction
    created_at: datetime
    updated_at: datetime
    parent_sid: str | None = None
    status: CallStatus = "queued"
    started_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    bridged_at: datetime | None = None
    answered_by: str | None = None
    price: str | None = None
    callbacks: CallbackTarget = field(default_factory=CallbackTarget)
    callbacks_sent: int = 0
    note: str = ""
    heard: list[str] = field(default_factory=list)
    time_limit_s: float = 14_400.0

    @property
    def is_over(self) -> bool:
        return self.status in TERMINAL

    @property
    def duration_s(self) -> int:
        """Whole seconds from answer to end; 0 for a call that was not answered."""
        if self.answered_at is None or self.ended_at is None:
            return 0
        return max(0, round((self.ended_at - self.answered_at).total_seconds()))


@dataclass(slots=True)
class StreamRecord:
    sid: str
    account_sid: str
    call_sid: str
    name: str
    url: str
    updated_at: datetime
    status: Literal["in-progress", "stopped"] = "in-progress"
    error: str = ""
    frames_sent: int = 0


@dataclass(slots=True)
class TranscriptionRecord:
    """callbacks_sent: also the SequenceId of the newest."""

    sid: str
    account_sid: str
    call_sid: str
    name: str
    updated_at: datetime
    status: Literal["in-progress", "stopped"] = "in-progress"
    error: str = ""
    callbacks_sent: int = 0


@dataclass(slots=True)
class Message:
    """A text message on a phone. code: what Verify sent, in clear, so that a person or a test can type it."""

    to: str
    text: str
    sent_at: datetime
    code: str = ""


@dataclass(slots=True)
class Mail:
    id: int
    to: list[str]
    from_: str
    subject: str
    text: str
    html: str
    links: list[str]
    received_at: datetime


@dataclass(slots=True)
class Verification:
    """Verify's record of one number; code and sid live until approval, expiry, cancellation or exhaustion."""

    sid: str
    account_sid: str
    service_sid: str
    to: str
    channel: str
    code: str
    created_at: datetime
    updated_at: datetime
    status: str = "pending"
    checks: int = 0
    attempts: list[dict[str, str]] = field(default_factory=list)
    # The status that it comes to at the next check, whatever code is typed.
    told: str = ""


@dataclass(slots=True)
class Customer:
    """A Paddle customer. email: "" of one who typed none."""

    id: str
    email: str
    created_at: datetime
    updated_at: datetime
    status: Literal["active", "archived"] = "active"


@dataclass(slots=True)
class Transaction:
    """A Paddle transaction. items: (price_id, quantity)."""

    id: str
    status: Literal["draft", "ready", "paid", "completed", "canceled", "past_due"]
    items: list[tuple[str, int]]
    currency: str
    custom_data: dict[str, Any] | None
    origin: Literal["api", "web", "subscription_charge"]
    created_at: datetime
    updated_at: datetime
    customer_id: str | None = None
    address_id: str | None = None
    checkout_url: str | None = None
    billed_at: datetime | None = None
    payment: dict[str, Any] | None = None
    invoice_number: str | None = None
    subscription_id: str | None = None


@dataclass(slots=True)
class Subscription:
    """A Paddle subscription of one price. card_number: the test card that it charges; declines: whether that is refused."""

    id: str
    status: Literal["active", "past_due", "paused", "canceled"]
    price_id: str
    currency: str
    customer_id: str
    address_id: str
    custom_data: dict[str, Any] | None
    transaction_id: str
    created_at: datetime
    updated_at: datetime
    card_number: str
    declines: bool = False
    canceled_at: datetime | None = None


@dataclass(slots=True)
class Adjustment:
    """A refund or chargeback. amount_minor: of the transaction's money; null for the whole of it."""

    id: str
    action: str
    transaction_id: str
    reason: str
    status: str
    created_at: datetime
    updated_at: datetime
    amount_minor: int | None = None


@dataclass(slots=True)
class SocialPerson:
    """Somebody with an account at Google or Facebook. id: the subject that the provider calls the person by.

    email: "" for none. What the provider says wrongly: email_verified, extra_fields, wrong_state (of the browser's way back),
    answer (of who it is; see sandbox/social/people.py).
    """

    id: str
    provider: str
    first_name: str
    last_name: str
    email: str
    email_verified: bool = True
    extra_fields: int = 0
    wrong_state: bool = False
    answer: str = ""


@dataclass(slots=True)
class Delivery:
    """One attempt to post a webhook. outcome: HTTP status, or a word for what happened instead."""

    service: str
    event: str
    subject: str
    url: str
    outcome: str
    attempt: int
    at: datetime


@dataclass(slots=True)
class Alert:
    """What Twilio's debugger would show, with its error code; or a note of ours with code 0."""

    code: int
    message: str
    subject: str
    at: datetime


@dataclass(slots=True)
class Defect:
    """A breach of a contract: by the caller (request, undeclared field) or by the sandbox itself (response)."""

    kind: Literal["request", "undeclared_field", "response", "internal"]
    where: str
    reasons: list[str]
    at: datetime
