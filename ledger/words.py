"""Amounts and entries in words, for statements, receipts and explanations. Pure."""

from typing import Final

from ledger.schemas import EntryKind

DESCRIPTIONS: Final[dict[EntryKind, str]] = {
    "purchase": "Credits bought",
    "hold": "Set aside",
    "release": "Set aside no longer",
    "charge": "Call time, part {part}",
    "settlement": "Call settled to its total",
    "ai_query": "Question answered",
    "refund": "Purchase refunded",
    "chargeback": "Payment charged back",
    "chargeback_reverse": "Chargeback reversed",
}
# Currencies without a minor unit (ISO 4217).
_WHOLE_CURRENCIES: Final = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"}
)


def number(mcredits: int) -> str:
    """12500 -> "12.5"."""
    return f"{mcredits / 1000:,.3f}".rstrip("0").rstrip(".")


def credits_said(mcredits: int) -> str:
    """12500 -> "12.5 credits", 1000 -> "1 credit"."""
    return f"{number(mcredits)} {'credit' if abs(mcredits) == 1000 else 'credits'}"


def money_said(amount_minor: int, currency: str) -> str:
    """1000, "USD" -> "USD 10.00". amount_minor: in the currency's minor unit."""
    if currency in _WHOLE_CURRENCIES:
        return f"{currency} {amount_minor:,}"
    return f"{currency} {amount_minor / 100:,.2f}"


def seconds_said(seconds: int) -> str:
    return f"{seconds:,} {'second' if seconds == 1 else 'seconds'}"
