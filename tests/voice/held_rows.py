"""Somebody who holds a call's row, and whoever waits for it and is cut off there."""

import threading
import time

from django.db import connection, transaction

from tests.voice.carrier import Placed
from voice.models import Call


def hold_row(placed: Placed, held: threading.Event, release: threading.Event) -> None:
    with transaction.atomic():
        Call.objects.get_queryset().select_for_update().get(id=placed.call_id)
        held.set()
        release.wait(timeout=30)


def cut_who_waits(limit_s: float = 10.0) -> bool:
    """Ends the session that waits for a lock, as a server that is shut down does; False when none comes to wait."""
    until_s = time.monotonic() + limit_s
    while time.monotonic() < until_s:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            if cursor.fetchone():
                return True
        time.sleep(0.05)
    return False
