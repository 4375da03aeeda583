"""Until when a wish is to be answered."""

import calendar
from datetime import date, timedelta


def deadline(opened_on: date) -> date:
    """The last day for the answer: the earlier of 30 days and one calendar month; 30 January -> 28 or 29 February."""
    return min(in_a_month(opened_on), opened_on + timedelta(days=30))


def in_a_month(day: date) -> date:
    """The same day of the next month, or its last one."""
    year, month = (day.year + 1, 1) if day.month == 12 else (day.year, day.month + 1)
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))
