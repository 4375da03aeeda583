"""Until when a wish is to be answered."""

import calendar
from datetime import date, timedelta


def deadline(opened_on: date) -> date:
    """The last day for the answer: the earlier of 30 days and one calendar month; 30 January -> 28 or 29 February."""
    year, month = (opened_on.year + 1, 1) if opened_on.month == 12 else (opened_on.year, opened_on.month + 1)
    in_a_month = date(year, month, min(opened_on.day, calendar.monthrange(year, month)[1]))
    return min(in_a_month, opened_on + timedelta(days=30))
