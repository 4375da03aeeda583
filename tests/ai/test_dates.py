"""Dates that people say, on a call of Tuesday, 27 January 2026."""

from datetime import date

import pytest

from ai.dates import find

TUESDAY = date(2026, 1, 27)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("call me again on Thursday at ten", ["2026-01-29"]),
        ("on Tuesday", ["2026-02-03"]),
        ("next Tuesday at half past three", ["2026-02-03"]),
        ("by Friday, the sixth of February", ["2026-02-06"]),
        ("on Monday the ninth", ["2026-02-09"]),
        ("on the 3rd of January", ["2027-01-03"]),
        ("February 3rd, 2027", ["2027-02-03"]),
        ("from the thirty first of May to the first of June", ["2026-05-31", "2026-06-01"]),
        ("on the first of next month", ["2026-02-01"]),
        ("by the tenth", ["2026-02-10"]),
        ("today or tomorrow", ["2026-01-27", "2026-01-28"]),
        ("the day after tomorrow", ["2026-01-29"]),
        ("in two weeks", ["2026-02-10"]),
        ("at the end of the month", ["2026-01-31"]),
        ("before the weekend", ["2026-01-30"]),
        ("next week, in summer, on Tuesdays, the second floor", []),
        ("on the thirty first of February", []),
    ],
)
def test_a_said_date_is_the_day_that_is_meant(said: str, meant: list[str]) -> None:
    assert [found.due_on.isoformat() for found in find(said, on=TUESDAY)] == meant


@pytest.mark.parametrize(
    ("said", "on", "meant"),
    [
        ("on the 29th of February", "2027-12-10", ["2028-02-29"]),
        ("on February the twenty-ninth", "2025-03-01", ["2028-02-29"]),
        ("on the 29th of February", "2028-02-29", ["2028-02-29"]),
        ("on the 29th of February", "2096-03-01", ["2104-02-29"]),
        ("on the 29th of February 2028", "2026-01-27", ["2028-02-29"]),
        ("on the 29th of February 2027", "2026-01-27", []),
        ("on the 28th of February", "2027-12-10", ["2028-02-28"]),
    ],
)
def test_a_leap_day_is_that_of_the_next_leap_year(said: str, on: str, meant: list[str]) -> None:
    """Red when a year without one ends the search, and when it ends with the next year or the fourth."""
    assert [found.due_on.isoformat() for found in find(said, on=date.fromisoformat(on))] == meant
