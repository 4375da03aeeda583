"""The job of retention, for one kind of data alone."""

from datetime import datetime

from compliance.retention import rules


def end(element: str, *, now: datetime) -> int:
    """Ends what is over its term of this kind; returns how many went."""
    return sum(rule.end(now=now) for rule in rules() if rule.element == element)
