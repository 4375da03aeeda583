"""Buying and taking back: what a transaction may become, and the events that tell of it."""

from typing import Any

from sandbox import clock, ids
from sandbox.clock import Clock
from sandbox.paddle.bodies import Catalog, adjustment_body, transaction_body
from sandbox.paddle.notifications import Notifications
from sandbox.records import Adjustment, Transaction
from sandbox.store import Store

INVOICE_AFTER_S = 0.4
ADJUSTMENT_ACTIONS = ("refund", "chargeback", "chargeback_warning", "chargeback_reverse")


class SaleInvalid(ValueError):
    """The sale cannot do what was asked. code: Paddle's name for the mistake."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Sales:
    """All transactions of the sandbox's seller."""

    def __init__(
        self, *, store: Store, prices: Catalog, notifications: Notifications, pace: Clock, checkout_url: str
    ) -> None:
        self.prices = prices
        self._store = store
        self._notifications = notifications
        self._pace = pace
        self._checkout_url = checkout_url

    def open(
        self,
        items: list[tuple[str, int]],
        *,
        origin: Any,
        custom_data: Any = None,
        customer_id: str | None = None,
        subscription_id: str | None = None,
    ) -> Transaction:
        """A draft to be paid.

        :raises SaleInvalid: for no item, an unknown price, a bad quantity, or prices in two currencies.
        """
        if not items:
            raise SaleInvalid("bad_request", "A transaction needs at least one item.")
        for price_id, quantity in items:
            if price_id not in self.prices:
                raise SaleInvalid("transaction_price_not_found", f"No price {price_id}.")
            if not 1 <= quantity <= 100:
                raise SaleInvalid("transaction_item_quantity_out_of_range", "The quantity must be between 1 and 100.")
        currencies = {self.prices[price_id].currency for price_id, _ in items}
        if len(currencies) > 1:
            raise SaleInvalid("transaction_currency_code_invalid", "All items must have one currency.")
        if custom_data is not None and not isinstance(custom_data, dict):
            raise SaleInvalid("bad_request", "custom_data must be an object.")
        moment = clock.now()
        transaction = Transaction(
            id=ids.paddle_id("txn"),
            status="draft",
            items=items,
            currency=currencies.pop(),
            custom_data=custom_data,
            origin=origin,
            created_at=moment,
            updated_at=moment,
            customer_id=customer_id,
            subscription_id=subscription_id,
        )
        transaction.checkout_url = f"{self._checkout_url}?_ptxn={transaction.id}"
        self._store.transactions[transaction.id] = transaction
        self._tell("transaction.created", transaction)
        return transaction

    def find(self, transaction_id: str) -> Transaction:
        """:raises SaleInvalid: entity_not_found."""
        transaction = self._store.transactions.get(transaction_id)
        if transaction is None:
            raise SaleInvalid("entity_not_found", f"Entity {transaction_id} not found")
        return transaction

    def total_minor(self, transaction: Transaction) -> int:
        return sum(self.prices[price_id].amount_minor * quantity for price_id, quantity in transaction.items)

    def pay(self, transaction: Transaction, *, cardholder_name: str, last4: str) -> bool:
        """Take the payment; False when it was taken before. `complete` follows."""
        if transaction.status in ("paid", "completed"):
            return False
        moment = clock.now()
        transaction.customer_id = transaction.customer_id or ids.paddle_id("ctm")
        transaction.address_id = ids.paddle_id("add")
        transaction.payment = {
            "payment_attempt_id": ids.sid("")[:8] + "-0000-4000-8000-" + ids.sid("")[:12],
            "payment_method_id": ids.paddle_id("paymtd"),
            "stored_payment_method_id": ids.sid("")[:8] + "-0000-4000-8000-" + ids.sid("")[:12],
            "amount": str(self.total_minor(transaction)),
            "status": "captured",
            "error_code": None,
            "method_details": {
                "type": "card",
                "card": {
                    "type": "visa",
                    "last4": last4,
                    "expiry_month": 8,
                    "expiry_year": 2031,
                    "cardholder_name": cardholder_name,
                },
                "underlying_details": None,
                "south_korea_local_card": None,
                "paypal": None,
            },
            "created_at": clock.iso_micros(moment),
            "captured_at": clock.iso_micros(moment),
        }
        transaction.status = "paid"
        transaction.billed_at = transaction.updated_at = moment
        self._tell("transaction.paid", transaction)
        return True

    def void(self, transaction: Transaction) -> None:
        """The payment was refused, and nobody will be reminded of it."""
        transaction.status = "canceled"
        transaction.updated_at = clock.now()
        self._tell("transaction.payment_failed", transaction)
        self._tell("transaction.canceled", transaction)

    async def complete(self, transaction: Transaction) -> None:
        """Paddle completes a paid transaction a moment later, once it has an invoice."""
        if transaction.status != "paid":
            return
        await self._pace.wait(INVOICE_AFTER_S)
        transaction.status = "completed"
        transaction.invoice_number = f"100-{10_000 + len(self._store.transactions)}"
        transaction.updated_at = clock.now()
        self._tell("transaction.completed", transaction)

    async def complete_what_was_paid(self) -> None:
        """What an earlier process took money for and could not finish."""
        for transaction in list(self._store.transactions.values()):
            await self.complete(transaction)

    def adjust(
        self,
        transaction: Transaction,
        action: str,
        reason: str,
        *,
        status: str = "approved",
        amount_minor: int | None = None,
    ) -> Adjustment:
        """Refund or charge back the whole of it, or a part.

        :raises SaleInvalid: for an action that does not exist, a transaction that was not completed, or more than was paid.
        """
        if action not in ADJUSTMENT_ACTIONS:
            raise SaleInvalid("bad_request", f"action must be one of {', '.join(ADJUSTMENT_ACTIONS)}.")
        if transaction.status != "completed":
            raise SaleInvalid("adjustment_transaction_invalid_status_for_credit", "The transaction is not completed.")
        if amount_minor is not None and not 1 <= amount_minor <= self.total_minor(transaction):
            raise SaleInvalid("adjustment_amount_invalid", "The amount must be between 1 and what was paid.")
        moment = clock.now()
        adjustment = Adjustment(
            ids.paddle_id("adj"),
            action,
            transaction.id,
            reason,
            status,
            created_at=moment,
            updated_at=moment,
            amount_minor=amount_minor,
        )
        self._store.adjustments[adjustment.id] = adjustment
        self._notifications.send("adjustment.created", self.adjustment_body(adjustment))
        return adjustment

    def decide(self, adjustment: Adjustment, status: str) -> None:
        """A refund that was pending_approval is approved or rejected."""
        adjustment.status = status
        adjustment.updated_at = clock.now()
        self._notifications.send("adjustment.updated", self.adjustment_body(adjustment))

    def body(self, transaction: Transaction) -> dict[str, Any]:
        return transaction_body(transaction, self.prices)

    def adjustment_body(self, adjustment: Adjustment) -> dict[str, Any]:
        return adjustment_body(adjustment, self._store.transactions[adjustment.transaction_id], self.prices)

    def _tell(self, event_type: str, transaction: Transaction) -> None:
        self._notifications.send(event_type, self.body(transaction))
