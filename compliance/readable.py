"""A copy of a person's data as a page for reading: it needs no other file, no script, and none of us."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any, Final

from django.utils.html import escape

# How stores write days and moments, the latter with their zone.
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOMENT: Final = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d+)?([+-]\d{2}:\d{2}|Z)")
_HEAD: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>What Klosesales holds about you</title>
<style>
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem }
article { border-top: 1px solid #8888; padding: .5rem 0 }
dt { font-weight: 600 }
dd { margin: 0 0 .25rem 1rem; overflow-wrap: anywhere; white-space: pre-wrap }
</style>
</head>
<body>
<h1>What Klosesales holds about you</h1>
"""


def written(
    *, at: datetime, policy_version: str, kinds: Iterable[tuple[Mapping[str, str], Iterable[Any]]]
) -> Iterator[str]:
    """In parts, each read when it is asked for. kinds: what, purpose and retention of a kind of data, and what is held of it."""
    yield (
        _HEAD
        + f"<p>As of {_moment(at)}, under version {escape(policy_version)} of our privacy policy. All times are in UTC.</p>\n"
    )
    for about, items in kinds:
        yield (
            f"<section>\n<h2>{escape(about['what'])}</h2>\n"
            f"<p>Held for: {escape(about['purpose'])}. Kept: {escape(about['retention'])}.</p>\n"
        )
        for item in items:
            yield f"<article>{_value(item)}</article>\n"
        yield "</section>\n"
    yield "</body>\n</html>\n"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        rows = (f"<dt>{_name(key)}</dt><dd>{_value(inner)}</dd>" for key, inner in value.items())
        return f"<dl>{''.join(rows)}</dl>"
    if isinstance(value, list | tuple):
        return f"<ol>{''.join(f'<li>{_value(inner)}</li>' for inner in value)}</ol>" if value else "none"
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return escape(_moment(value) if isinstance(value, datetime) else _text(str(value)))


def _text(value: str) -> str:
    """Days and moments as people write them; everything else as it is."""
    try:
        if _MOMENT.fullmatch(value):
            return _moment(datetime.fromisoformat(value))
        if _DAY.fullmatch(value):
            return _day(date.fromisoformat(value))
    except (ValueError, OverflowError):
        # Somebody's own words that only look like it.
        return value
    return value


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _moment(at: datetime) -> str:
    at = at.astimezone(UTC)
    return f"{_day(at)}, {at:%H:%M:%S} UTC"


def _name(key: str) -> str:
    return escape(key.replace("_", " ").capitalize())
