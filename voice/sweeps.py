"""Making certain what huey only makes soon."""

from datetime import datetime, timedelta

from voice import submission
from voice.models import DialIntent

# Huey usually dials within milliseconds; what it lost is dialled after this.
DIAL_OVERDUE = timedelta(seconds=1)


def sweep_dials(*, now: datetime) -> None:
    """Dials intents whose task was lost."""
    overdue = DialIntent.objects.filter(state="pending", call__created_at__lt=now - DIAL_OVERDUE)
    for call_id in overdue.values_list("call_id", flat=True)[:50]:
        submission.dial(call_id=call_id, now=now)
