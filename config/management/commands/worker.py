"""`manage.py worker`: huey's consumer, which does nothing while the database has not seen every erasure."""

import threading
from typing import Any

from huey.contrib.djhuey import HUEY
from huey.contrib.djhuey.management.commands import run_huey
from huey.exceptions import CancelExecution

from config.replayed import DOOR, wait_until_open


class Command(run_huey.Command):  # type: ignore[misc]
    help = "Run what is handed to the workers."

    def handle(self, *args: Any, **options: Any) -> None:
        # Ctrl-C ends the waiting by itself.
        wait_until_open(threading.Event())
        HUEY.pre_execute()(drop_while_shut)
        super().handle(*args, **options)


def drop_while_shut(_task: Any) -> None:
    """A task only makes soon what the rows say is due; once the door is open, the clock hands it over again.

    Raises CancelExecution.
    """
    if DOOR.look_outside_of_a_request():
        raise CancelExecution
