"""One function prices a call, and everything else follows from it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.money import (
    DURATION_MAX_S,
    DurationOutOfRange,
    RateCardTerms,
    affordable_s,
    minute_price,
    price,
)

DEFAULT = RateCardTerms(version=1, mcredits_per_minute=1_000, increment_s=60, minimum_s=60, ai_query_mcredits=200)
DURATIONS = st.integers(0, DURATION_MAX_S)
TERMS = st.builds(
    RateCardTerms,
    version=st.just(1),
    mcredits_per_minute=st.integers(1, 1_000_000),
    increment_s=st.integers(1, 3_600),
    minimum_s=st.integers(0, 3_600),
    ai_query_mcredits=st.just(200),
)


@pytest.mark.parametrize(
    ("duration_s", "mcredits"), [(0, 0), (1, 1_000), (60, 1_000), (61, 2_000), (120, 2_000), (3_599, 60_000)]
)
def test_begun_minutes_are_charged_whole(duration_s: int, mcredits: int) -> None:
    assert price(duration_s=duration_s, terms=DEFAULT) == mcredits


def test_by_the_second_a_call_costs_its_seconds_but_at_least_the_minimum() -> None:
    terms = RateCardTerms(version=2, mcredits_per_minute=600, increment_s=1, minimum_s=30, ai_query_mcredits=200)
    assert price(duration_s=5, terms=terms) == 300
    assert price(duration_s=31, terms=terms) == 310


@given(TERMS, DURATIONS, DURATIONS)
def test_a_longer_call_never_costs_less(terms: RateCardTerms, one: int, other: int) -> None:
    shorter, longer = sorted((one, other))
    assert price(duration_s=shorter, terms=terms) <= price(duration_s=longer, terms=terms)


@given(TERMS, st.integers(0, 200))
def test_the_minutes_add_up_to_the_call(terms: RateCardTerms, minutes: int) -> None:
    """Red when a minute is priced by itself, so that minimum and rounding are counted once per minute."""
    parts = [minute_price(minute=minute, terms=terms) for minute in range(minutes)]
    assert all(part >= 0 for part in parts)
    assert sum(parts) == price(duration_s=60 * minutes, terms=terms)


@given(TERMS, st.integers(0, 10_000_000))
def test_what_is_affordable_costs_no_more_and_the_next_second_would(terms: RateCardTerms, mcredits: int) -> None:
    """Red when the length is rounded to the nearest increment instead of down."""
    seconds = affordable_s(amount_mcredits=mcredits, terms=terms)
    assert price(duration_s=seconds, terms=terms) <= mcredits
    if seconds < DURATION_MAX_S // terms.increment_s * terms.increment_s:
        assert price(duration_s=seconds + 1, terms=terms) > mcredits


@pytest.mark.parametrize("duration_s", [-1, DURATION_MAX_S + 1])
def test_impossible_lengths_are_refused(duration_s: int) -> None:
    with pytest.raises(DurationOutOfRange):
        price(duration_s=duration_s, terms=DEFAULT)
