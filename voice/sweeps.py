"""Making certain what huey only makes soon."""

import logging
from collections.abc import Callable, Iterable
from uuid import UUID

from django.db import InterfaceError, OperationalError

logger = logging.getLogger(__name__)


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
