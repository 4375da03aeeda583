"""Everything that writes money. Each operation is one transaction, takes `now`, and publishes after commit."""

from ledger.operations.book import InsufficientCredit, Overtaken
from ledger.operations.charging import CHARGES_AT_ONCE_MAX, Charge, ChargeResult, capture_due
from ledger.operations.checkouts import (
    CheckoutBusy,
    CheckoutsTooMany,
    IdempotencyKeyReused,
    PackUnknown,
    start_checkout,
)
from ledger.operations.debits import Debit, DebitKind, debit, open_workspace
from ledger.operations.holds import (
    HoldClosed,
    HoldUnknown,
    ReferenceTaken,
    Settlement,
    extend_hold,
    place_hold,
    release_expired_holds,
    release_hold,
    renew_holds,
    settle,
)
from ledger.operations.paddle_events import apply_pending_paddle_events, receive_webhook
from ledger.operations.together import LedgerBusy

__all__ = [
    "CHARGES_AT_ONCE_MAX",
    "Charge",
    "ChargeResult",
    "CheckoutBusy",
    "CheckoutsTooMany",
    "Debit",
    "DebitKind",
    "HoldClosed",
    "HoldUnknown",
    "IdempotencyKeyReused",
    "InsufficientCredit",
    "LedgerBusy",
    "Overtaken",
    "PackUnknown",
    "ReferenceTaken",
    "Settlement",
    "apply_pending_paddle_events",
    "capture_due",
    "debit",
    "extend_hold",
    "open_workspace",
    "place_hold",
    "receive_webhook",
    "release_expired_holds",
    "release_hold",
    "renew_holds",
    "settle",
    "start_checkout",
]
