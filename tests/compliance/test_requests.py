"""The clock of a request."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.deadlines import deadline


@pytest.mark.policy("C7.6")
@pytest.mark.parametrize(
    ("opened", "due"),
    [
        (date(2026, 1, 30), date(2026, 2, 28)),
        (date(2028, 1, 31), date(2028, 2, 29)),
        (date(2026, 3, 1), date(2026, 3, 31)),
        (date(2026, 12, 31), date(2027, 1, 30)),
        (date(2026, 4, 15), date(2026, 5, 15)),
    ],
)
def test_a_request_is_due_after_30_days_or_a_month_whichever_is_earlier(opened: date, due: date) -> None:
    assert deadline(opened) == due


@pytest.mark.policy("C7.6")
@given(st.dates(min_value=date(2020, 1, 1), max_value=date(2100, 1, 1)))
def test_no_request_is_ever_due_later_than_30_days(opened: date) -> None:
    assert timedelta(days=28) <= deadline(opened) - opened <= timedelta(days=30)
