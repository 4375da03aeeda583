"""`python -m tests.browser.history WORKSPACE`: a month of purchases and answers in a running stack's books.

Nobody can wait a month for a test, and no address of the product takes a time; so the product's own operations are told
one, against the databases that the environment names.
"""

import os
import sys
from datetime import UTC, datetime, timedelta
from uuid import UUID

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from uuid_utils.compat import uuid7  # noqa: E402 - needs the settings

from ledger import operations  # noqa: E402
from ledger.models import Checkout, PaddleEvent  # noqa: E402

BOUGHT_MCREDITS = 60_000


def book(workspace_id: UUID, now: datetime) -> None:
    """Bought 40 days ago; since then a little is spent each day but on Sundays."""
    began = now - timedelta(days=40)
    transaction_id = f"txn_{uuid7().hex}"
    Checkout.objects.get_queryset().create(
        workspace_id=workspace_id,
        user_id=uuid7(),
        idempotency_key="history",
        price_id="pri_history",
        pack_name="Last month's",
        mcredits=BOUGHT_MCREDITS,
        amount_minor=600,
        currency="USD",
        transaction_id=transaction_id,
        created_at=began,
    )
    PaddleEvent.objects.create(
        event_id=f"evt_{uuid7().hex}",
        event_type="transaction.completed",
        occurred_at=began,
        received_at=began,
        transaction_id=transaction_id,
        payload={"status": "completed", "items": [{"price_id": "pri_history", "quantity": 1}], "total_minor": 600},
    )
    operations.apply_pending_paddle_events(now=began)
    for day in range(39, 0, -1):
        at = now - timedelta(days=day)
        if at.isoweekday() != 7:
            operations.debit(
                workspace_id=workspace_id,
                key=f"history-{day}",
                amount_mcredits=400 + 137 * (day % 11),
                kind="ai_query",
                reference=f"ai_query:{uuid7()}",
                now=at,
            )


if __name__ == "__main__":
    book(UUID(sys.argv[1]), datetime.now(UTC))
