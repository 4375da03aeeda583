"""Everything that writes money. Each operation is one transaction, takes `now`, and publishes after commit."""

from ledger.operations.alert_mails import send_alert_mails
from ledger.operations.alerts import raise_alerts, set_alert
from ledger.operations.book import CapReached, InsufficientCredit, Overtaken, WorkspaceCapReached
from ledger.operations.charging import (
    CHARGED,
    CHARGES_AT_ONCE_MAX,
    Charge,
    ChargeResult,
    capture_due,
    charging,
    tell_of_charges,
)
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
    settle_together,
)
from ledger.operations.member_spending import MonthlyBounds, count_spending, counted_spending
from ledger.operations.paddle_events import apply_pending_paddle_events, receive_webhook
from ledger.operations.paddle_look import look_for_missed_events
from ledger.operations.paddle_resolution import (
    CannotGrant,
    NothingToResolve,
    dismiss_event,
    grant_event,
    retry_event,
)
from ledger.operations.rate_cards import RateCardInvalid, add_rate_card
from ledger.operations.spending import Balances
from ledger.operations.together import LedgerBusy
from ledger.operations.top_up_charging import cancel_subscriptions, settle_top_ups
from ledger.operations.top_up_mails import send_top_up_mails
from ledger.operations.top_ups import (
    TopUpExists,
    TopUpLineTooHigh,
    TopUpNotOffered,
    TopUpWordsChanged,
    intend_top_ups,
    start_top_up,
    stop_top_up,
)

__all__ = [
    "CHARGED",
    "CHARGES_AT_ONCE_MAX",
    "Balances",
    "CannotGrant",
    "CapReached",
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
    "MonthlyBounds",
    "NothingToResolve",
    "Overtaken",
    "PackUnknown",
    "RateCardInvalid",
    "ReferenceTaken",
    "Settlement",
    "TopUpExists",
    "TopUpLineTooHigh",
    "TopUpNotOffered",
    "TopUpWordsChanged",
    "WorkspaceCapReached",
    "add_rate_card",
    "apply_pending_paddle_events",
    "cancel_subscriptions",
    "capture_due",
    "charging",
    "count_spending",
    "counted_spending",
    "debit",
    "dismiss_event",
    "extend_hold",
    "grant_event",
    "intend_top_ups",
    "look_for_missed_events",
    "open_workspace",
    "place_hold",
    "raise_alerts",
    "receive_webhook",
    "release_expired_holds",
    "release_hold",
    "renew_holds",
    "retry_event",
    "send_alert_mails",
    "send_top_up_mails",
    "set_alert",
    "settle",
    "settle_together",
    "settle_top_ups",
    "start_checkout",
    "start_top_up",
    "stop_top_up",
    "tell_of_charges",
]
