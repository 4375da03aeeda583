"""What the ledger's tests share: workspaces with credit, and Paddle's signed notifications."""

import hashlib
import hmac
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from uuid_utils.compat import uuid7

from identity.models import Workspace
from ledger import operations, queries
from ledger.models import Checkout
from ledger.reconcile import violations
from ledger.schemas import BalanceOut

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=10)
CARD = {
    "type": "visa",
    "last4": "4242",
    "cardholder_name": "Ada Planted Okafor",
    "expiry_month": 1,
    "expiry_year": 2031,
}


def new_workspace(*, mcredits: int = 0) -> UUID:
    """A workspace that bought this many milli-credits, if any."""
    workspace = Workspace.objects.create(name="Kettle & Sons", created_at=NOW)
    if mcredits:
        checkout = began(workspace.id, mcredits=mcredits)
        notify(completed(checkout))
    return workspace.id


def began(workspace_id: UUID, *, mcredits: int = 100_000, price_id: str = "pri_tests") -> Checkout:
    """A checkout as it is right after the click on a pack that costs 10.00."""
    return Checkout.objects.get_queryset().create(
        workspace_id=workspace_id,
        user_id=uuid7(),
        idempotency_key=str(uuid7()),
        price_id=price_id,
        pack_name="Tests",
        mcredits=mcredits,
        amount_minor=1_000,
        currency="USD",
        transaction_id=f"txn_{uuid7().hex}",
        created_at=NOW,
    )


def completed(checkout: Checkout, *, price_id: str | None = None, quantity: int = 1) -> dict[str, Any]:
    """The transaction.completed of a checkout, with everything personal that Paddle puts into it."""
    return event(
        "transaction.completed",
        {
            "id": checkout.transaction_id,
            "status": "completed",
            "customer_id": "ctm_planted",
            "custom_data": {"workspace_id": str(uuid7())},
            "items": [{"price": {"id": price_id or checkout.price_id}, "quantity": quantity}],
            "details": {"totals": {"total": "1000"}},
            "payments": [{"amount": "1000", "method_details": {"type": "card", "card": CARD}}],
        },
    )


def adjusted(
    checkout: Checkout, action: str, *, status: str = "approved", total: int = 1_000, adjustment_id: str = ""
) -> dict[str, Any]:
    return event(
        "adjustment.updated",
        {
            "id": adjustment_id or f"adj_{uuid7().hex}",
            "action": action,
            "type": "full" if total == 1_000 else "partial",
            "transaction_id": checkout.transaction_id,
            "customer_id": "ctm_planted",
            "status": status,
            "totals": {"total": str(total)},
        },
    )


def event(event_type: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "event_id": f"evt_{uuid7().hex}",
        "event_type": event_type,
        "occurred_at": NOW.isoformat(),
        "notification_id": f"ntf_{uuid7().hex}",
        "data": data,
    }


def signature(body: bytes, *, at: float, secret: str | None = None) -> str:
    key = (secret or settings.PADDLE_WEBHOOK_SECRET).encode()
    digest = hmac.new(key, f"{int(at)}:".encode() + body, hashlib.sha256).hexdigest()
    return f"ts={int(at)};h1={digest}"


def notify(notification: dict[str, Any]) -> None:
    """Delivers a notification to the operation behind the webhook, signed in this moment."""
    body = json.dumps(notification).encode()
    now = time.time()
    operations.receive_webhook(body=body, signature=signature(body, at=now), now=datetime.fromtimestamp(now, UTC))


def hold(workspace_id: UUID, reference: str, mcredits: int) -> None:
    operations.place_hold(
        workspace_id=workspace_id, amount_mcredits=mcredits, reference=reference, expires_at=LATER, now=NOW
    )


def charge(workspace_id: UUID, reference: str, *ordinals: int, mcredits: int = 1_000) -> list[str]:
    """The outcomes of charging these minutes together."""
    charges = [operations.Charge(workspace_id, reference, ordinal, mcredits) for ordinal in ordinals]
    return [result.outcome for result in operations.capture_due(charges=charges, now=NOW)]


def balance(workspace_id: UUID) -> BalanceOut:
    return queries.balance(workspace_id, now=NOW)


def amounts(workspace_id: UUID) -> tuple[int, int, int]:
    """available, held, debt."""
    found = balance(workspace_id)
    return found.available_mcredits, found.held_mcredits, found.debt_mcredits


def broken() -> list[str]:
    """The invariants that do not hold."""
    return [violation.invariant for violation in violations(now=NOW)]
