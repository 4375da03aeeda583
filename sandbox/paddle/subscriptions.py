"""Subscriptions: begun by a checkout with a recurring price, charged once at a time, canceled."""

from collections.abc import Mapping
from typing import Any, Final

from sandbox import clock, ids
from sandbox.paddle.bodies import subscription_body
from sandbox.paddle.notifications import Notifications
from sandbox.paddle.sales import SaleInvalid, Sales
from sandbox.records import Subscription, Transaction
from sandbox.store import Store

# Paddle's test card that is accepted at first and declined from then on.
DECLINED_LATER: Final = "4000002760003184"


class Subscriptions:
    """All subscriptions of the sandbox's seller."""

    def __init__(self, *, sales: Sales, store: Store, notifications: Notifications) -> None:
        self._sales = sales
        self._store = store
        self._notifications = notifications

    def begin(self, transaction: Transaction, *, card_number: str) -> None:
        """What a paid checkout with a recurring price begins; one without begins nothing."""
        recurring = [price_id for price_id, _ in transaction.items if self._sales.prices[price_id].billing_interval]
        if not recurring or transaction.subscription_id is not None:
            return
        moment = clock.now()
        assert transaction.customer_id is not None and transaction.address_id is not None
        subscription = Subscription(
            id=ids.paddle_id("sub"),
            status="active",
            price_id=recurring[0],
            currency=transaction.currency,
            customer_id=transaction.customer_id,
            address_id=transaction.address_id,
            custom_data=transaction.custom_data,
            transaction_id=transaction.id,
            created_at=moment,
            updated_at=moment,
            card_number=card_number,
            declines=card_number == DECLINED_LATER,
        )
        self._store.subscriptions[subscription.id] = subscription
        transaction.subscription_id = subscription.id
        self._notifications.send("subscription.created", self.body(subscription) | {"transaction_id": transaction.id})
        self._tell("subscription.activated", subscription)

    def find(self, subscription_id: str) -> Subscription:
        """:raises SaleInvalid: entity_not_found."""
        subscription = self._store.subscriptions.get(subscription_id)
        if subscription is None:
            raise SaleInvalid("entity_not_found", f"Entity {subscription_id} not found")
        return subscription

    def charge(self, subscription: Subscription, body: Any) -> Transaction:
        """A one-time charge, at once; the caller completes the transaction. One that is declined leaves a canceled one.

        :raises SaleInvalid: by Paddle's names.
        """
        items = _charge_items(body)
        if body.get("effective_from") != "immediately":
            raise SaleInvalid("bad_request", "The sandbox charges only what is effective_from immediately.")
        if body.get("on_payment_failure", "prevent_change") != "prevent_change":
            raise SaleInvalid("bad_request", "The sandbox knows on_payment_failure prevent_change only.")
        if subscription.status != "active":
            code = f"subscription_update_when_{subscription.status}"
            raise SaleInvalid(
                code, f"cannot update subscription, as the subscription status is '{subscription.status}'"
            )
        for price_id, _ in items:
            if price_id in self._sales.prices and self._sales.prices[price_id].billing_interval:
                raise SaleInvalid("subscription_one_off_charge_is_recurring", "A one-time charge cannot recur.")
        transaction = self._sales.open(
            items,
            origin="subscription_charge",
            custom_data=subscription.custom_data,
            customer_id=subscription.customer_id,
            subscription_id=subscription.id,
        )
        if subscription.declines:
            self._sales.void(transaction)
            raise SaleInvalid("subscription_payment_declined", "payment declined")
        self._sales.pay(transaction, cardholder_name="Jordan Sample", last4=subscription.card_number[-4:])
        return transaction

    def cancel(self, subscription: Subscription) -> None:
        """:raises SaleInvalid: it is canceled already."""
        if subscription.status == "canceled":
            raise SaleInvalid("subscription_update_when_canceled", "cannot update subscription, as it is canceled")
        subscription.canceled_at = clock.now()
        self._turn(subscription, "canceled")
        self._tell("subscription.canceled", subscription)

    def fall_behind(self, subscription: Subscription) -> None:
        """A renewal that could not be collected."""
        self._turn(subscription, "past_due")
        self._tell("subscription.past_due", subscription)

    def change_card(self, subscription: Subscription, *, declines: bool) -> None:
        subscription.declines = declines
        self._turn(subscription, "active")

    def body(self, subscription: Subscription) -> dict[str, Any]:
        return subscription_body(subscription, self._sales.prices)

    def _turn(self, subscription: Subscription, status: Any) -> None:
        subscription.status = status
        subscription.updated_at = clock.now()
        self._tell("subscription.updated", subscription)

    def _tell(self, event_type: str, subscription: Subscription) -> None:
        self._notifications.send(event_type, self.body(subscription))


def _charge_items(body: Any) -> list[tuple[str, int]]:
    """:raises SaleInvalid: for a body that Paddle would not take, an unknown field included."""
    unknown = set(body) - {"effective_from", "items", "on_payment_failure"} if isinstance(body, Mapping) else {"body"}
    entries = body.get("items") if isinstance(body, Mapping) else None
    if unknown or not isinstance(entries, list) or not entries:
        raise SaleInvalid("bad_request", "A charge has effective_from, on_payment_failure and items.")
    found = []
    for entry in entries:
        price_id, quantity = (
            (entry.get("price_id"), entry.get("quantity")) if isinstance(entry, Mapping) else (None, None)
        )
        if not isinstance(price_id, str) or not isinstance(quantity, int):
            raise SaleInvalid("bad_request", "Each item needs price_id and a whole quantity.")
        found.append((price_id, quantity))
    return found
