"""New versions of the prices. Versions are added and never edited."""

from datetime import datetime
from typing import ClassVar

from django.db import transaction

from ledger.models import RateCard
from processors.errors import DomainError

_PRICE_MAX_MCREDITS = 1_000_000_000
_SECONDS_MAX = 3_600


class RateCardInvalid(DomainError):
    """A price or a time is out of range; nothing was added. Permanent."""

    code: ClassVar[str] = "rate_card_invalid"


@transaction.atomic
def add_rate_card(
    *,
    mcredits_per_minute: int | None = None,
    increment_s: int | None = None,
    minimum_s: int | None = None,
    ai_query_mcredits: int | None = None,
    valid_from: datetime,
    now: datetime,
) -> RateCard:
    """The next version. None: as in the newest. Calls that have begun keep theirs.

    mcredits_per_minute, ai_query_mcredits: 1..1,000,000,000. increment_s: 1..3,600. minimum_s: 0..3,600.
    valid_from: not in the past, and not before a version that was added earlier.

    :raises RateCardInvalid:
    """
    newest = RateCard.objects.select_for_update().order_by("-version")[0]
    card = RateCard(
        version=newest.version + 1,
        mcredits_per_minute=_or(mcredits_per_minute, newest.mcredits_per_minute),
        increment_s=_or(increment_s, newest.increment_s),
        minimum_s=_or(minimum_s, newest.minimum_s),
        ai_query_mcredits=_or(ai_query_mcredits, newest.ai_query_mcredits),
        valid_from=valid_from,
    )
    for name, value, least, most in (
        ("The price of a minute", card.mcredits_per_minute, 1, _PRICE_MAX_MCREDITS),
        ("The increment", card.increment_s, 1, _SECONDS_MAX),
        ("The minimum", card.minimum_s, 0, _SECONDS_MAX),
        ("The price of a question", card.ai_query_mcredits, 1, _PRICE_MAX_MCREDITS),
    ):
        if not least <= value <= most:
            raise RateCardInvalid(f"{name} is {value}; give {least} to {most}.")
    if valid_from < max(now, newest.valid_from):
        raise RateCardInvalid("Prices change now or later, and not before those of the newest version.")
    card.save(force_insert=True)
    return card


def _or(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value
