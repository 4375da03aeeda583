"""A meter that never hears that it has charged, and so charges the last seconds again and again.

Run beside a stack with the stack's settings, until it is killed. It asks the product's own operation, as a meter would that was
held up between two statements; each answer has to be that the part is charged already, or that the call is over.
"""

import logging
import os
import time
from datetime import UTC, datetime, timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.db import DatabaseError, InterfaceError, OperationalError, close_old_connections  # noqa: E402 - needs the settings

from ledger import operations  # noqa: E402
from ledger.models import Entry  # noqa: E402

logger = logging.getLogger(__name__)
EVERY_S = 0.1
REPEATED = timedelta(seconds=3)


def repeat(now: datetime) -> None:
    lately = Entry.objects.get_queryset().filter(kind="charge", occurred_at__gt=now - REPEATED).order_by("?")[:200]
    charges = [
        operations.Charge(entry.workspace_id, entry.reference, entry.ordinal, -entry.effect_mcredits)
        for entry in lately
    ]
    if charges:
        operations.capture_due(charges=charges, now=now)


if __name__ == "__main__":
    while True:
        close_old_connections()
        try:
            repeat(datetime.now(UTC))
        except (OperationalError, InterfaceError):
            # PostgreSQL is killed now and then.
            time.sleep(1)
        except DatabaseError as error:
            # Read at the end by the harness, which counts what a constraint had to refuse.
            logger.error("refused", extra={"error_type": type(error).__name__}, exc_info=error)
        time.sleep(EVERY_S)
