"""What the media and the live server have in common: their answers in HTTP, and whether they can do their work."""

import asyncio
import json
from http import HTTPStatus
from typing import Final

from channels.db import database_sync_to_async
from picows import WSUpgradeResponse, WSUpgradeResponseWithListener

from config.middleware import program_headers
from config.pages import missing_parts
from config.replayed import DOOR, SAID

# A look costs a socket's server more than a hundred packets do, so that one is rare while nothing is missing.
READY_EVERY_S: Final = 5.0
MISSING_EVERY_S: Final = 1.0
HANDSHAKE_WITHIN_S: Final = 5.0


class Readiness:
    """Looks now and then: an upgrade is answered on the event loop, which must not ask a database."""

    def __init__(self) -> None:
        self._missing: tuple[str, ...] = ("start",)

    async def look(self) -> None:
        """Once before the port is open, so that nobody is turned away only because nobody has looked yet."""
        self._missing = await database_sync_to_async(missing_parts, thread_sensitive=False)()

    async def watch(self) -> None:
        """Runs until cancelled."""
        while True:
            await asyncio.sleep(MISSING_EVERY_S if self._missing else READY_EVERY_S)
            await self.look()

    def answer(self, path: str, *, draining: bool) -> WSUpgradeResponseWithListener | None:
        """What /healthz and /readyz say, in the form of the web process, and that nobody is served yet; None where a socket may be
        asked for."""
        if path == "/healthz":
            return says(HTTPStatus.OK, {"status": "ok"})
        if path == "/readyz":
            if missing := ("draining",) if draining else self._missing:
                return says(HTTPStatus.SERVICE_UNAVAILABLE, {"status": "waiting", "missing": missing})
            return says(HTTPStatus.OK, {"status": "ok"})
        if DOOR.shut:
            return says(HTTPStatus.SERVICE_UNAVAILABLE, {"code": DOOR.shut, "detail": SAID.get(DOOR.shut, "")})
        return None


def says(status: HTTPStatus, what: dict[str, object]) -> WSUpgradeResponseWithListener:
    """An answer in JSON instead of a socket."""
    headers = {**program_headers(), "Content-Type": "application/json"}
    body = json.dumps(what).encode()
    if status == HTTPStatus.OK:
        return WSUpgradeResponseWithListener(WSUpgradeResponse.create_ok_response(body, headers), None)
    return WSUpgradeResponseWithListener(WSUpgradeResponse.create_error_response(status, body, headers), None)
