"""Paddle's entities as its API and its notifications write them."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sandbox import clock
from sandbox.records import Adjustment, Subscription, Transaction
from sandbox.settings import CatalogPrice

PRODUCT_ID = "pro_01klosesales00000000credit"
CATALOG_SINCE = "2026-01-05T09:00:00.000000Z"
# Paddle's share of a sale: 5 per cent and 50 cents.
FEE_PER_CENT, FEE_MINOR = 5, 50
_CYCLES = {"month": timedelta(days=30), "year": timedelta(days=365)}

Catalog = dict[str, CatalogPrice]


def catalog(prices: Iterable[CatalogPrice]) -> Catalog:
    return {price.price_id: price for price in prices}


def product_body() -> dict[str, Any]:
    return {
        "id": PRODUCT_ID,
        "name": "Call credits",
        "description": "Prepaid credits for calls",
        "type": "standard",
        "tax_category": "standard",
        "image_url": None,
        "custom_data": None,
        "status": "active",
        "import_meta": None,
        "created_at": CATALOG_SINCE,
        "updated_at": CATALOG_SINCE,
    }


def price_body(price: CatalogPrice) -> dict[str, Any]:
    return {
        "id": price.price_id,
        "product_id": PRODUCT_ID,
        "name": price.name,
        "description": price.name,
        "type": "standard",
        "billing_cycle": {"interval": price.billing_interval, "frequency": 1} if price.billing_interval else None,
        "trial_period": None,
        "tax_mode": "account_setting",
        "unit_price": {"amount": str(price.amount_minor), "currency_code": price.currency},
        "unit_price_overrides": [],
        "quantity": {"minimum": 1, "maximum": 100},
        "custom_data": None,
        "status": "active",
        "import_meta": None,
        "created_at": CATALOG_SINCE,
        "updated_at": CATALOG_SINCE,
    }


def transaction_body(transaction: Transaction, prices: Catalog) -> dict[str, Any]:
    bought = [(prices[price_id], quantity) for price_id, quantity in transaction.items]
    total = sum(price.amount_minor * quantity for price, quantity in bought)
    paid = transaction.payment is not None
    return {
        "id": transaction.id,
        "status": transaction.status,
        "customer_id": transaction.customer_id,
        "address_id": transaction.address_id,
        "business_id": None,
        "custom_data": transaction.custom_data,
        "currency_code": transaction.currency,
        "origin": transaction.origin,
        "subscription_id": transaction.subscription_id,
        "invoice_id": None,
        "invoice_number": transaction.invoice_number,
        "collection_mode": "automatic",
        "discount_id": None,
        "billing_details": None,
        "billing_period": None,
        "items": [{"price": price_body(price), "quantity": quantity, "proration": None} for price, quantity in bought],
        "details": {
            "tax_rates_used": [{"tax_rate": "0", "totals": _tax_totals(total)}],
            "totals": _totals(total, transaction.currency, paid=paid),
            "adjusted_totals": None,
            "payout_totals": _payout_totals(total, transaction.currency) if paid else None,
            "adjusted_payout_totals": None,
            "line_items": [_line_item(transaction.id, n, *item) for n, item in enumerate(bought)],
        },
        "payments": [transaction.payment] if transaction.payment else [],
        "checkout": {"url": transaction.checkout_url},
        "created_at": clock.iso_micros(transaction.created_at),
        "updated_at": clock.iso_micros(transaction.updated_at),
        "billed_at": clock.iso_micros(transaction.billed_at) if transaction.billed_at else None,
        "revised_at": None,
    }


def subscription_body(subscription: Subscription, prices: Catalog) -> dict[str, Any]:
    price = prices[subscription.price_id]
    begun, updated = clock.iso_micros(subscription.created_at), clock.iso_micros(subscription.updated_at)
    ends = clock.iso_micros(subscription.created_at + _CYCLES[price.billing_interval])
    over = subscription.status == "canceled"
    return {
        "id": subscription.id,
        "status": subscription.status,
        "customer_id": subscription.customer_id,
        "address_id": subscription.address_id,
        "business_id": None,
        "currency_code": subscription.currency,
        "created_at": begun,
        "updated_at": updated,
        "started_at": begun,
        "first_billed_at": begun,
        "next_billed_at": None if over else ends,
        "paused_at": None,
        "canceled_at": clock.iso_micros(subscription.canceled_at) if subscription.canceled_at else None,
        "discount": None,
        "collection_mode": "automatic",
        "billing_details": None,
        "current_billing_period": None if over else {"starts_at": begun, "ends_at": ends},
        "billing_cycle": {"interval": price.billing_interval, "frequency": 1},
        "scheduled_change": None,
        "management_urls": None,
        "items": [
            {
                "status": "inactive" if over else "active",
                "quantity": 1,
                "recurring": True,
                "created_at": begun,
                "updated_at": updated,
                "previously_billed_at": begun,
                "next_billed_at": None if over else ends,
                "trial_dates": None,
                "price": price_body(price),
                "product": product_body(),
            }
        ],
        "custom_data": subscription.custom_data,
        "import_meta": None,
        "consent_requirements": [],
    }


def _tax_totals(total: int) -> dict[str, str]:
    return {"subtotal": str(total), "discount": "0", "tax": "0", "total": str(total)}


def _fee(total: int) -> int:
    return min(total, total * FEE_PER_CENT // 100 + FEE_MINOR)


def _totals(total: int, currency: str, *, paid: bool) -> dict[str, Any]:
    return {
        **_tax_totals(total),
        "credit": "0",
        "credit_to_balance": "0",
        "balance": "0" if paid else str(total),
        "grand_total": str(total),
        "grand_total_tax": "0",
        "fee": str(_fee(total)) if paid else None,
        "earnings": str(total - _fee(total)) if paid else None,
        "currency_code": currency,
    }


def _payout_totals(total: int, currency: str) -> dict[str, Any]:
    return _totals(total, currency, paid=True) | {"exchange_rate": "1", "fee_rate": f"0.0{FEE_PER_CENT}"}


def _line_item(transaction_id: str, number: int, price: CatalogPrice, quantity: int) -> dict[str, Any]:
    unit, total = price.amount_minor, price.amount_minor * quantity
    return {
        "id": line_item_id(transaction_id, number),
        "price_id": price.price_id,
        "quantity": quantity,
        "proration": None,
        "tax_rate": "0",
        "unit_totals": _tax_totals(unit),
        "totals": _tax_totals(total),
        "product": product_body(),
    }


def line_item_id(transaction_id: str, number: int) -> str:
    """Always the same for the same line, as an adjustment refers to it."""
    return f"txnitm_{transaction_id.removeprefix('txn_')[:-1]}{number}"


def adjustment_body(adjustment: Adjustment, transaction: Transaction, prices: Catalog) -> dict[str, Any]:
    """An adjustment of a part takes it from the items in their order, as far as each goes."""
    worths = [prices[price_id].amount_minor * quantity for price_id, quantity in transaction.items]
    total = left = sum(worths) if adjustment.amount_minor is None else adjustment.amount_minor
    items = []
    for number, worth in enumerate(worths):
        taken = min(left, worth)
        left -= taken
        if taken:
            items.append(_adjusted_item(adjustment, transaction, number, taken, whole=taken == worth))
    amounts = _item_amounts(total)
    fee = 0 if adjustment.action == "refund" else 1_500
    return {
        "id": adjustment.id,
        "action": adjustment.action,
        "type": "full" if total == sum(worths) else "partial",
        "transaction_id": transaction.id,
        "subscription_id": transaction.subscription_id,
        "customer_id": transaction.customer_id,
        "reason": adjustment.reason,
        "credit_applied_to_balance": None,
        "currency_code": transaction.currency,
        "status": adjustment.status,
        "items": items,
        "totals": {**amounts, "fee": str(fee), "earnings": str(-total), "currency_code": transaction.currency},
        "payout_totals": None,
        "tax_rates_used": [{"tax_rate": "0", "totals": amounts}],
        "created_at": clock.iso_micros(adjustment.created_at),
        "updated_at": clock.iso_micros(adjustment.updated_at),
    }


def _adjusted_item(
    adjustment: Adjustment, transaction: Transaction, number: int, taken: int, *, whole: bool
) -> dict[str, Any]:
    return {
        "id": f"adjitm_{adjustment.id.removeprefix('adj_')[:-1]}{number}",
        "item_id": line_item_id(transaction.id, number),
        "type": "full" if whole else "partial",
        "amount": None if whole else str(taken),
        "proration": None,
        "totals": _item_amounts(taken),
    }


def _item_amounts(total: int) -> dict[str, str]:
    return {"subtotal": str(total), "tax": "0", "total": str(total)}
