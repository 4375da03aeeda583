"""Nobody is served from a database that has not seen every erasure: the door of each process, shut until that is known.

Asked of the erasure ledger once, when a process begins; a ledger that is away later keeps nobody out, nor a process that begins then
beside others that have asked it. Each goes on asking its database: one that suddenly has seen less than before, because a backup took
its place, shuts the door again.
"""

import logging
import threading
import time
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.db import Error, close_old_connections

from api.errors import problem
from compliance import erasure_ledger
from compliance.erasure_ledger import LedgerAway, LedgerStrange
from config.middleware import program_headers
from config.sockets import Application, refuse_socket
from processors.hash_key import hash_key
from processors.sealed_columns import KeysWrong

logger = logging.getLogger(__name__)

NOT_REPLAYED: Final = "erasures_not_replayed"
NOT_LOOKED: Final = "starting"
KEY_WRONG: Final = "suppression_key_wrong"
SAID: Final[dict[str, str]] = {
    NOT_REPLAYED: "This database does not know of every erasure, as after a backup was restored. Run `manage.py replay_erasures`.",
    LedgerAway.code: "The erasure ledger does not answer, and nobody is served before it said what this database has to forget. Try again"
    " in a minute.",
    LedgerStrange.code: "The erasure ledger is not the one of this database. Run `manage.py replay_erasures`, which says more.",
    KEY_WRONG: "The SUPPRESSION_KEY of this process does not open the key of this database's hashes. Run `manage.py replay_erasures`,"
    " which says more.",
    NOT_LOOKED: "This process has just begun. Try again in a few seconds.",
}
_SILENT: Final = "The database does not answer. Try again in a minute."
LOOK_EVERY_S: Final = 1.0
# How often the log says again that nobody is served.
SAY_EVERY_S: Final = 60.0
# What says whether a process can work is answered all the same.
_ALWAYS_ANSWERED: Final = ("/healthz", "/readyz")


class Door:
    """shut: why nobody is served, a key of SAID; empty while it is open."""

    def __init__(self) -> None:
        self.shut = NOT_LOOKED
        self._seen_until = -1
        self._looked_at = self._said_at = float("-inf")
        self._lock = threading.Lock()

    @property
    def is_due(self) -> bool:
        """Whether nobody has looked for a second."""
        return time.monotonic() - self._looked_at >= LOOK_EVERY_S

    def look(self) -> str:
        """Looks once more, in the database and, until the door was open once, in the ledger; returns `shut`.

        While another looks, which takes seconds when the ledger's server is gone, that stays as it was: nobody stands in line for it.
        """
        if not self._lock.acquire(blocking=False):
            return self.shut
        try:
            before, self.shut = self.shut, self._reason()
            self._looked_at = time.monotonic()
            if self.shut and (self.shut != before or self._looked_at - self._said_at >= SAY_EVERY_S):
                self._said_at = self._looked_at
                logger.error("nobody is served", extra={"code": self.shut})
        finally:
            self._lock.release()
        return self.shut

    def look_now_and_then(self) -> str:
        """The same, but not more than once a second."""
        return self.look() if self.is_due else self.shut

    def look_outside_of_a_request(self) -> str:
        """The same for processes whose connections nobody else looks after: one that broke is opened anew, and none is kept."""
        close_old_connections()
        try:
            return self.look_now_and_then()
        finally:
            close_old_connections()

    def _reason(self) -> str:
        try:
            seen_until = erasure_ledger.seen_until()
            if 0 <= self._seen_until <= seen_until:
                self._seen_until = seen_until
                return ""
            # Read here, once: what serves afterwards may hash where no database can be asked.
            hash_key()
            if erasure_ledger.unseen():
                return NOT_REPLAYED
            erasure_ledger.note_asked()
        except LedgerAway as away:
            # No backup took the place of a database in which another process has found all of it since its server began.
            if self._seen_until >= 0 or not erasure_ledger.was_asked():
                return away.code
        except LedgerStrange as strange:
            return strange.code
        except KeysWrong:
            return KEY_WRONG
        except Error:
            # What was known of it still holds; whether it is there others say.
            return self.shut
        self._seen_until = seen_until
        return ""


DOOR: Final = Door()


def wait_until_open(stop: threading.Event) -> None:
    """For processes that work on their own, before they begin. Returns early once `stop` is set."""
    while DOOR.look_outside_of_a_request() and not stop.wait(LOOK_EVERY_S):
        pass


def keep_looking(stop: threading.Event) -> None:
    """For the same processes, while they work: DOOR.shut is never old. Returns once `stop` is set."""
    while not stop.wait(LOOK_EVERY_S):
        DOOR.look_outside_of_a_request()


def with_door(inner: Application) -> Application:
    """Answers 503 to everybody, and refuses sockets, while the door is shut."""
    look = sync_to_async(DOOR.look_outside_of_a_request, thread_sensitive=False)

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if (
            scope["type"] not in ("http", "websocket")
            or scope["path"] in _ALWAYS_ANSWERED
            or not (shut := await look() if DOOR.is_due else DOOR.shut)
        ):
            await inner(scope, receive, send)
        elif scope["type"] == "websocket":
            await refuse_socket(scope, receive, send)
        else:
            await _refuse(shut, send)

    return application


async def _refuse(code: str, send: Any) -> None:
    answer = problem(503, code, SAID.get(code, _SILENT))
    said = {**program_headers(), "Content-Type": answer["Content-Type"], "Retry-After": "5"}
    headers = [(name.lower().encode(), value.encode()) for name, value in said.items()]
    await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": answer.content})
