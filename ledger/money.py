"""Milli-credits (1 credit = 1,000) and the one function that prices a call. Pure."""

from dataclasses import dataclass
from typing import Final

from processors.errors import DomainError

AMOUNT_MAX_MCREDITS: Final = 1_000_000_000_000
DURATION_MAX_S: Final = 7 * 24 * 3600
_MINUTE_S: Final = 60


class AmountOutOfRange(DomainError):
    """An amount is not a whole positive number of milli-credits within bounds. Permanent."""

    code = "amount_out_of_range"


class DurationOutOfRange(DomainError):
    """A duration is negative or longer than any call can be. Permanent."""

    code = "duration_out_of_range"


@dataclass(frozen=True, slots=True)
class RateCardTerms:
    """How a call is priced.

    mcredits_per_minute: price of 60 s, at least 1.
    increment_s: seconds that the length is rounded up to, at least 1.
    minimum_s: seconds that an answered call costs at least.
    ai_query_mcredits: price of one answered question.
    """

    version: int
    mcredits_per_minute: int
    increment_s: int
    minimum_s: int
    ai_query_mcredits: int


def price(*, duration_s: int, terms: RateCardTerms) -> int:
    """What `duration_s` seconds from the callee's answer cost: the price for quote, tick, settlement and statement.

    The length is rounded up to the increment and to the minimum, the amount up to a whole milli-credit. 0 s cost nothing.
    Raises DurationOutOfRange.
    """
    if not 0 <= duration_s <= DURATION_MAX_S:
        raise DurationOutOfRange(f"A call of {duration_s} s cannot be priced; give 0 to {DURATION_MAX_S} s.")
    if duration_s == 0:
        return 0
    billed_s = max(_round_up(duration_s, terms.increment_s), terms.minimum_s)
    return -(-billed_s * terms.mcredits_per_minute // _MINUTE_S)


def minute_price(*, minute: int, terms: RateCardTerms) -> int:
    """What the call minute with this ordinal, from 0, adds to the price; 0 if a longer minimum already covers it."""
    begin_s = minute * _MINUTE_S
    return price(duration_s=begin_s + _MINUTE_S, terms=terms) - price(duration_s=begin_s, terms=terms)


def affordable_s(*, amount_mcredits: int, terms: RateCardTerms) -> int:
    """The longest call in seconds that costs at most this amount; 0 if none does. Never over DURATION_MAX_S."""
    payable_s = max(amount_mcredits, 0) * _MINUTE_S // terms.mcredits_per_minute
    if payable_s < max(terms.minimum_s, terms.increment_s):
        return 0
    return min(payable_s, DURATION_MAX_S) // terms.increment_s * terms.increment_s


def checked_amount(amount_mcredits: int) -> int:
    """The amount itself. Raises AmountOutOfRange unless it is between 1 and AMOUNT_MAX_MCREDITS."""
    if not 1 <= amount_mcredits <= AMOUNT_MAX_MCREDITS:
        raise AmountOutOfRange(
            f"An amount of {amount_mcredits} milli-credits cannot be booked; give 1 to {AMOUNT_MAX_MCREDITS}."
        )
    return amount_mcredits


def _round_up(duration_s: int, increment_s: int) -> int:
    return -(-duration_s // increment_s) * increment_s
