"""What passcodes may leave in a day, by their number and by their price: whoever makes us pay for text messages is stopped here at the
latest, with numbers that were proved for it too.
"""

from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

import phonenumbers
from django.conf import settings
from django.db.models import Count, Sum

from identity.models import OtpAttempt
from identity.verify import OtpUnavailable

# new: none goes to a number that is not proved any more. all: none at all.
Ceiling = Literal["new", "all", "new_cost", "all_cost"]
ELSEWHERE: Final = "*"


class Day(NamedTuple):
    """What was asked for in 24 hours. cost_micro: in millionths of the currency that OTP_PRICES are in."""

    sends: int
    cost_micro: int


def day(*, now: datetime, besides: OtpAttempt | None = None) -> Day:
    of_day = OtpAttempt.objects.filter(purpose__in=OtpAttempt.SENDS, at__gt=now - timedelta(days=1))
    if besides is not None:
        of_day = of_day.exclude(id=besides.id)
    found = of_day.aggregate(sends=Count("id"), cost_micro=Sum("price_micro", default=0))
    return Day(**found)


def ceilings() -> dict[Ceiling, int]:
    """After how many, or how much, it ends."""
    sends: int = settings.OTP_ALL_SENDS_PER_DAY_MAX
    cost_micro: int = settings.OTP_ALL_SPEND_PER_DAY_MAX
    return {
        "new": min(settings.OTP_SENDS_PER_DAY_MAX, sends),
        "all": sends,
        "new_cost": min(settings.OTP_SPEND_PER_DAY_MAX, cost_micro),
        "all_cost": cost_micro,
    }


def reached(of_day: Day) -> list[Ceiling]:
    is_cost = {"new_cost", "all_cost"}
    return [
        kind for kind, most in ceilings().items() if (of_day.cost_micro if kind in is_cost else of_day.sends) >= most
    ]


def demand_room(*, besides: OtpAttempt, is_known: bool, now: datetime) -> None:
    """Whether this send may be one more. is_known: whether it goes to whoever has proved the number. Raises OtpUnavailable."""
    met = reached(day(now=now, besides=besides))
    if "all" in met or "all_cost" in met:
        raise OtpUnavailable("No more codes can be sent today. Try again tomorrow, or write to support.")
    if met and not is_known:
        raise OtpUnavailable("No codes can be sent to new numbers today. Try again tomorrow, or write to support.")


def price_micro(mobile_e164: str) -> int:
    """What a text message to the number costs, by the operator's list."""
    prices: dict[str, int] = settings.OTP_PRICES
    country = phonenumbers.region_code_for_number(phonenumbers.parse(mobile_e164))
    return prices.get(country or ELSEWHERE, prices[ELSEWHERE])
