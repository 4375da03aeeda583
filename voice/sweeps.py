"""Making certain what huey only makes soon."""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import InterfaceError, OperationalError

from voice import submission
from voice.models import DialIntent

logger = logging.getLogger(__name__)

# Huey usually dials within milliseconds; what it lost is dialled after this.
DIAL_OVERDUE = timedelta(seconds=1)


def one_by_one(what: str, ids: Iterable[UUID], work: Callable[[UUID], object]) -> None:
    """Does the work for each. One that fails must not keep the others waiting: it stays due and is logged.

    :raises OperationalError, InterfaceError: the database is away, so the others would fail as well.
    """
    for due_id in ids:
        try:
            work(due_id)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            logger.error(
                "sweep failed for one", extra={"task": what, "error_type": type(error).__name__}, exc_info=error
            )


def sweep_dials(*, now: datetime) -> None:
    """Dials intents whose task was lost."""
    overdue = DialIntent.objects.filter(state="pending", call__created_at__lt=now - DIAL_OVERDUE)
    due = list(overdue.values_list("call_id", flat=True)[:50])
    one_by_one("dial", due, lambda call_id: submission.dial(call_id=call_id, now=now))
