"""The carrier's times."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# News may come up to 72 hours late; a clock that is farther off than this is not believed.
CLOCKS_DIFFER_AT_MOST = timedelta(days=4)


def timestamp(text: str | None, received_at: datetime) -> datetime:
    """RFC 2822 in call callbacks, ISO 8601 in all others; what cannot be meant is when we received it."""
    if not text:
        return received_at
    try:
        at = datetime.fromisoformat(text) if text[:4].isdigit() else parsedate_to_datetime(text)
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return at if abs(at - received_at) <= CLOCKS_DIFFER_AT_MOST else received_at
    except (ValueError, OverflowError):
        return received_at
