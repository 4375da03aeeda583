"""`manage.py worker`: huey's consumer, which takes nothing from the queue before the database has seen every erasure."""

import threading
from typing import Any

from huey.contrib.djhuey.management.commands import run_huey

from config.replayed import wait_until_open


class Command(run_huey.Command):  # type: ignore[misc]
    help = "Run what is handed to the workers."

    def handle(self, *args: Any, **options: Any) -> None:
        # Ctrl-C ends the waiting by itself.
        wait_until_open(threading.Event())
        super().handle(*args, **options)
