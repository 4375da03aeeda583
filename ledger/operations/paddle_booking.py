"""What Paddle's events do to a purchase: grants, refunds, chargebacks and their reversals, each once."""

from datetime import datetime
from typing import cast

from ledger import paddle
from ledger.events import CheckoutChanged
from ledger.models import Checkout, Entry, PaddleEvent
from ledger.money import AMOUNT_MAX_MCREDITS
from ledger.operations.book import Batch, Line
from ledger.operations.handled import Handled
from ledger.schemas import CheckoutState
from realtime.publish import Topic, publish_on_commit


def book(checkout: Checkout, event: PaddleEvent, now: datetime) -> Handled:
    """Books what an event of a type in HANDLED_TYPES says of a purchase."""
    batch = Batch(workspace_ids=[checkout.workspace_id], now=now)
    # Read again now that the workspace is locked.
    checkout.refresh_from_db()
    if event.event_type.startswith("adjustment."):
        return _adjust(batch, checkout, event)
    if event.event_type == "transaction.completed":
        return _grant(batch, checkout, event)
    return _follow(checkout, event)


def _follow(checkout: Checkout, event: PaddleEvent) -> Handled:
    """Notes a payment or its end on the checkout. A granted checkout stays granted, whatever comes late."""
    state: CheckoutState = "paid" if event.event_type == "transaction.paid" else "failed"
    if checkout.state not in ("open", "paid") or checkout.state == state:
        return Handled("ignored", "late")
    _move(checkout, state)
    return Handled("applied")


def _grant(batch: Batch, checkout: Checkout, event: PaddleEvent) -> Handled:
    """Credits what was bought, once per transaction."""
    if checkout.state == "granted":
        return Handled("ignored", "already_granted")
    # What the buyer was shown counts, even if the pack was changed since.
    worth = {pack.price_id: pack.mcredits for pack in paddle.packs()} | {checkout.price_id: checkout.mcredits}
    items = event.payload["items"]
    if not items or any(item["price_id"] not in worth for item in items):
        return Handled("needs_person", "unknown_price")
    bought = sum(worth[item["price_id"]] * item["quantity"] for item in items)
    if bought > AMOUNT_MAX_MCREDITS:
        return Handled("needs_person", "amount_out_of_range")
    grant_checkout(batch, checkout, mcredits=bought, paid_minor=event.payload["total_minor"])
    return Handled("applied")


def grant_checkout(batch: Batch, checkout: Checkout, *, mcredits: int, paid_minor: int | None) -> None:
    """Books a purchase that was not granted yet, first against the debt."""
    books = batch.books(checkout.workspace_id)
    to_debt = min(mcredits, books.debt)
    batch.post(
        books,
        "purchase",
        [
            Line("paddle_clearing", "debit", mcredits),
            Line("debt", "credit", to_debt),
            Line("available", "credit", mcredits - to_debt),
        ],
        reference=checkout.transaction_id,
        key=f"purchase:{checkout.transaction_id}",
    )
    batch.write()
    checkout.granted_mcredits = mcredits
    checkout.granted_at = batch.now
    checkout.paid_minor = paid_minor
    _move(checkout, "granted")


def _adjust(batch: Batch, checkout: Checkout, event: PaddleEvent) -> Handled:
    """Refunds once approved, chargebacks at once, reversals of chargebacks; each adjustment once."""
    action, status = event.payload["action"], event.payload["status"]
    if event.payload.get("tax_only"):
        # The price was paid all the same.
        return Handled("ignored", "tax_only")
    if action == "refund" and status != "approved":
        return Handled("ignored", f"refund_{status}"[:40])
    if action == "chargeback_warning" and status not in ("rejected", "reversed"):
        # The bank only asks so far; somebody may still answer it at Paddle.
        return Handled("needs_person", "chargeback_warning")
    if action not in ("refund", "chargeback", "chargeback_reverse") or status in ("rejected", "reversed"):
        # A chargeback that is reversed comes as an adjustment of its own as well; that one is applied.
        return Handled("ignored", "not_used")
    if checkout.state != "granted":
        return Handled("pending", "waits_for_purchase")
    key = f"adjustment:{event.payload['adjustment_id']}"
    if Entry.objects.for_workspace(checkout.workspace_id).filter(key=key).exists():
        return Handled("ignored", "already_applied")
    if action == "chargeback_reverse":
        return _restore(batch, checkout, event, key)
    return _take_back(batch, checkout, event, key)


def _take_back(batch: Batch, checkout: Checkout, event: PaddleEvent, key: str) -> Handled:
    """Takes credits back from what is available; what was spent already becomes the workspace's debt."""
    share = _share(checkout, event)
    if share is None:
        return Handled("needs_person", "amount_unknown")
    amount = min(share, checkout.granted_mcredits - checkout.taken_back_mcredits)
    if amount <= 0:
        return Handled("ignored", "nothing_left")
    books = batch.books(checkout.workspace_id)
    from_available = min(amount, books.available)
    chargeback = event.payload["action"] == "chargeback"
    batch.post(
        books,
        "chargeback" if chargeback else "refund",
        [
            Line("available", "debit", from_available),
            Line("debt", "debit", amount - from_available),
            Line("paddle_clearing", "credit", amount),
        ],
        reference=checkout.transaction_id,
        key=key,
    )
    batch.write()
    checkout.taken_back_mcredits += amount
    checkout.charged_back_mcredits += amount if chargeback else 0
    checkout.save(update_fields=["taken_back_mcredits", "charged_back_mcredits"])
    _tell(checkout)
    return Handled("applied")


def _restore(batch: Batch, checkout: Checkout, event: PaddleEvent, key: str) -> Handled:
    """Gives back what a chargeback took, first against the debt."""
    if checkout.charged_back_mcredits == 0:
        return Handled("pending", "waits_for_chargeback")
    share = _share(checkout, event)
    amount = checkout.charged_back_mcredits if share is None else min(share, checkout.charged_back_mcredits)
    if amount <= 0:
        return Handled("ignored", "nothing_left")
    books = batch.books(checkout.workspace_id)
    to_debt = min(amount, books.debt)
    batch.post(
        books,
        "chargeback_reverse",
        [
            Line("paddle_clearing", "debit", amount),
            Line("debt", "credit", to_debt),
            Line("available", "credit", amount - to_debt),
        ],
        reference=checkout.transaction_id,
        key=key,
    )
    batch.write()
    checkout.taken_back_mcredits -= amount
    checkout.charged_back_mcredits -= amount
    checkout.save(update_fields=["taken_back_mcredits", "charged_back_mcredits"])
    _tell(checkout)
    return Handled("applied")


def _share(checkout: Checkout, event: PaddleEvent) -> int | None:
    """The credits that stand for the adjusted money, rounded up; None when the notification does not say how much."""
    adjusted_minor: int | None = event.payload["total_minor"]
    paid_minor = checkout.paid_minor
    if adjusted_minor is not None and paid_minor:
        return -(-checkout.granted_mcredits * min(adjusted_minor, paid_minor) // paid_minor)
    return checkout.granted_mcredits if event.payload["type"] == "full" else None


def _move(checkout: Checkout, state: CheckoutState) -> None:
    checkout.state = state
    checkout.save()
    _tell(checkout)


def _tell(checkout: Checkout) -> None:
    event = CheckoutChanged(checkout_id=checkout.id, state=cast(CheckoutState, checkout.state))
    publish_on_commit(Topic.workspace(checkout.workspace_id), event)
