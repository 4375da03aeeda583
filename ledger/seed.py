"""The rows that every ledger starts with. Run after every migration; what is there already stays as it is."""

from datetime import UTC, datetime
from typing import Any

from ledger.chart import HOUSE_ACCOUNT_IDS

FIRST_RATE_CARD = {
    "version": 1,
    "mcredits_per_minute": 1_000,
    "increment_s": 60,
    "minimum_s": 60,
    "ai_query_mcredits": 200,
    "valid_from": datetime(2020, 1, 1, tzinfo=UTC),
}


def seed(*, using: str = "default", **_: Any) -> None:
    """Adds the house's accounts and, if there is none at all, the first rate card."""
    from ledger.models import Account, RateCard

    Account.objects.using(using).bulk_create(
        [Account(id=account_id, kind=kind) for kind, account_id in HOUSE_ACCOUNT_IDS.items()], ignore_conflicts=True
    )
    RateCard.objects.using(using).bulk_create([RateCard(**FIRST_RATE_CARD)], ignore_conflicts=True)
