"""The edge to Paddle's subscriptions: charging a saved payment method, finding what was charged, forgetting the method."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import requests
from paddle_billing.Entities.Subscriptions import SubscriptionEffectiveFrom, SubscriptionOnPaymentFailure
from paddle_billing.Exceptions.ApiError import ApiError
from paddle_billing.Resources.Shared.Operations import Pager
from paddle_billing.Resources.Shared.Operations.List.OrderBy import OrderBy
from paddle_billing.Resources.Subscriptions.Operations import CancelSubscription, CreateOneTimeCharge
from paddle_billing.Resources.Subscriptions.Operations.Charge import SubscriptionChargeItem
from paddle_billing.Resources.Transactions.Operations import ListTransactions
from paddle_billing.Resources.Transactions.Operations.List.Origin import Origin
from urllib3.exceptions import NewConnectionError

from ledger.paddle import PaddleUnavailable
from processors.egress import READ_TIMEOUT_MAX_S
from processors.paddle_sdk import paddle_client

# accepted: the payment was taken. declined, past_due, refused: surely nothing was charged, nor will be.
# later: surely nothing was charged, and asking again may help. unclear: it may have been charged.
ChargeAnswer = Literal["accepted", "declined", "past_due", "refused", "later", "unclear"]
FoundState = Literal["paid", "declined", "past_due", "open"]

_LOOKED_AT_MAX: Final = 30
# Paddle's names for what is wrong (developer.paddle.com, errors of subscriptions).
_DECLINED: Final = "subscription_payment_declined"
_PAST_DUE: Final = "subscription_update_when_past_due"
_LATER: Final = frozenset(
    {
        "subscription_locked_renewal",
        "subscription_locked_processing",
        "subscription_locked_pending_changes",
        "too_many_requests",
    }
)
# What is not there any more holds no payment method either.
_NOTHING_TO_CANCEL: Final = frozenset({"subscription_update_when_canceled", "entity_not_found"})
_TAKEN: Final = frozenset({"billed", "paid", "completed"})


@dataclass(frozen=True, slots=True)
class FoundCharge:
    """A one-time charge that Paddle knows of."""

    transaction_id: str
    price_ids: tuple[str, ...]
    state: FoundState
    created_at: datetime


def charge(*, subscription_id: str, price_id: str) -> ChargeAnswer:
    """Charges one pack to the saved payment method, now, and never by way of Paddle's own reminders. Asks once.

    Paddle answers after the payment was tried, which may take long, so it is waited for as long as anything ever is.
    """
    operation = CreateOneTimeCharge(
        effective_from=SubscriptionEffectiveFrom.Immediately,
        items=[SubscriptionChargeItem(price_id, 1)],
        on_payment_failure=SubscriptionOnPaymentFailure.PreventChange,
    )
    try:
        paddle_client(read_timeout_s=READ_TIMEOUT_MAX_S).subscriptions.create_one_time_charge(
            subscription_id, operation
        )
    except ApiError as error:
        return _answer_of(error)
    except requests.ConnectTimeout:
        return "later"
    except requests.ConnectionError as error:
        reason = getattr(error.args[0], "reason", None) if error.args else None
        return "later" if isinstance(reason, NewConnectionError) else "unclear"
    except (requests.RequestException, KeyError, TypeError, ValueError):
        # An answer that cannot be read is an answer all the same: something may have been charged.
        return "unclear"
    return "accepted"


def _answer_of(error: ApiError) -> ChargeAnswer:
    status = error.response.status_code if error.response is not None else 500
    if error.error_code in _LATER or status == 429:
        return "later"
    if not 400 <= status < 500:
        return "unclear"
    if error.error_code == _DECLINED:
        return "declined"
    return "past_due" if error.error_code == _PAST_DUE else "refused"


def charges(*, subscription_id: str) -> list[FoundCharge]:
    """The newest one-time charges of a subscription, newest first.

    :raises PaddleUnavailable:
    """
    operation = ListTransactions(
        pager=Pager(order_by=OrderBy.id_descending(), per_page=_LOOKED_AT_MAX),
        subscription_ids=[subscription_id],
        origins=[Origin.SubscriptionCharge],
    )
    try:
        return [_found(each) for each in paddle_client().transactions.list(operation).items]
    except (requests.RequestException, KeyError, TypeError, ValueError) as error:
        raise PaddleUnavailable(
            "The payment service does not answer as it should. Try again in a few minutes."
        ) from error


def _found(transaction: Any) -> FoundCharge:
    attempts = [attempt.status.value for attempt in transaction.payments]
    return FoundCharge(
        transaction_id=str(transaction.id),
        price_ids=tuple(str(item.price.id) for item in transaction.items for _ in range(int(item.quantity))),
        state=_state_of(transaction.status.value, attempts),
        created_at=transaction.created_at,
    )


def _state_of(status: str, attempts: list[str]) -> FoundState:
    if status in _TAKEN:
        return "paid"
    if status == "past_due":
        return "past_due"
    if status == "canceled" or (attempts and all(attempt in ("error", "canceled") for attempt in attempts)):
        return "declined"
    return "open"


def cancel(*, subscription_id: str) -> None:
    """Cancels it at once, and with it Paddle's right to charge. May be repeated: one that is canceled stays so.

    :raises PaddleUnavailable:
    """
    operation = CancelSubscription(effective_from=SubscriptionEffectiveFrom.Immediately)
    try:
        paddle_client().subscriptions.cancel(subscription_id, operation)
    except ApiError as error:
        if error.error_code not in _NOTHING_TO_CANCEL:
            raise PaddleUnavailable(
                "The payment service refused to forget the payment method. Try again in a few minutes."
            ) from error
    except requests.RequestException as error:
        raise PaddleUnavailable(
            "The payment service does not answer as it should. Try again in a few minutes."
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise PaddleUnavailable(
            "The payment service answered something else than its contract says. Try again in a few minutes."
        ) from error
