"""How a media process asks the database: on threads of its own, so that no call waits for another one's row.

On Django's single thread for all that waits, one row that somebody holds would keep back every call's text, tokens and signs of life,
until all streams were given up. A call's own writes come one after the other all the same, since it waits for each.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, ParamSpec, TypeVar, cast

from channels.db import database_sync_to_async
from django.db import connection, transaction

# With the keeper's, fewer connections than a pool holds by default; each is given back after every question.
WRITERS: Final = 4
# Whoever gives up tries again, and lets others onto its thread meanwhile.
LOCK_PATIENCE_MS: Final = 1_000
# A claim that gives up costs its socket, and the carrier opens another.
CLAIM_PATIENCE_MS: Final = 5_000

P = ParamSpec("P")
Result = TypeVar("Result")
_writers: Final = ThreadPoolExecutor(WRITERS, "media-writer")
_keeper: Final = ThreadPoolExecutor(1, "media-keeper")


def _asked(operation: Callable[..., Any], patience_ms: int | None, arguments: Mapping[str, object]) -> Any:
    if patience_ms is None:
        return operation(**arguments)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{patience_ms}ms"])
        return operation(**arguments)


_ask_on_writer = database_sync_to_async(_asked, thread_sensitive=False, executor=_writers)
_ask_on_keeper = database_sync_to_async(_asked, thread_sensitive=False, executor=_keeper)


async def write(operation: Callable[P, Result], *_: P.args, **arguments: P.kwargs) -> Result:
    """:raises OperationalError: also when somebody held a row of it for too long; nothing is written then."""
    return cast(Result, await _ask_on_writer(operation, LOCK_PATIENCE_MS, arguments))


async def claim(operation: Callable[P, Result], *_: P.args, **arguments: P.kwargs) -> Result:
    """As `write`, for somebody who would have to begin anew."""
    return cast(Result, await _ask_on_writer(operation, CLAIM_PATIENCE_MS, arguments))


async def keep(operation: Callable[P, Result], *_: P.args, **arguments: P.kwargs) -> Result:
    """As `write`, for what all streams of the process depend on: no call's writes are before it."""
    return cast(Result, await _ask_on_keeper(operation, LOCK_PATIENCE_MS, arguments))


async def read_to_keep(operation: Callable[P, Result], *_: P.args, **arguments: P.kwargs) -> Result:
    """As `keep`, of what takes no lock."""
    return cast(Result, await _ask_on_keeper(operation, None, arguments))
