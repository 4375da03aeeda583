"""The live process: browsers' sockets on a server built for them; started by `manage.py live`.

The same conversation is held under any ASGI server (config/asgi.py). On SIGTERM or SIGINT no new socket is taken, and those
that are open are closed with 4012: the pages come back to another process and ask for what they missed by sequence.
"""

import asyncio
import signal
from functools import partial
from http import HTTPStatus

from django.conf import settings
from picows import WSListener, WSUpgradeRequest, WSUpgradeResponseWithListener, ws_create_server

from config.collection import spare_the_application_from_collection
from config.socket_server import HANDSHAKE_WITHIN_S, Readiness, says
from config.sockets import caller_of, may_follow, over
from realtime.live_socket import LiveSocket
from realtime.publish import CLOSE_RESTARTING
from realtime.session import INBOUND_BYTES_MAX, BrowserSession

PATH = "/ws/"
PING_EVERY_S = 20.0
# picows wants it no longer than the time between pings.
PONG_WITHIN_S = 20.0
CLOSED_WITHIN_S = 5.0


class LiveServer:
    """Answers the upgrades of our own pages, and the two questions of whoever runs it."""

    def __init__(self) -> None:
        self.readiness = Readiness()
        self.open: set[LiveSocket] = set()
        self.draining = False

    def answer(self, request: WSUpgradeRequest) -> WSListener | WSUpgradeResponseWithListener:
        """A listener for a socket that our own page asked for; else an answer in HTTP."""
        path = request.path.decode("latin-1").partition("?")[0]
        if answer := self.readiness.answer(path, draining=self.draining):
            return answer
        if path != PATH:
            return says(HTTPStatus.NOT_FOUND, {"code": "not_found"})
        if request.headers.get("origin", "") != settings.PUBLIC_URL:
            return says(HTTPStatus.FORBIDDEN, {"code": "origin_refused"})
        if self.draining:
            return says(HTTPStatus.SERVICE_UNAVAILABLE, {"code": "draining"})
        _as_picows_wants_it(request)
        cookies = str(request.headers.get("cookie", ""))
        return LiveSocket(new_session=partial(_session, cookies), all_open=self.open)

    async def drain(self) -> None:
        """Closes every socket so that its page goes elsewhere; returns when all have gone, or after a bound."""
        self.draining = True
        for each in tuple(self.open):
            each.close(CLOSE_RESTARTING)
        if leaving := [asyncio.create_task(each.gone()) for each in self.open]:
            await asyncio.wait(leaving, timeout=CLOSED_WITHIN_S)


async def _session(cookies: str, one: LiveSocket) -> BrowserSession:
    return BrowserSession(one, who=lambda: caller_of(cookies), may_follow=may_follow, over=over)


def _as_picows_wants_it(request: WSUpgradeRequest) -> None:
    """Firefox asks for `keep-alive, Upgrade`, which RFC 6455 allows; picows knows the one word alone."""
    asked = {each.strip().lower() for each in request.headers.get("connection", "").split(",")}
    if "upgrade" in asked:
        request.headers["Connection"] = "upgrade"


async def serve(*, host: str, port: int) -> None:
    """Serves until SIGTERM or SIGINT."""
    live = LiveServer()
    await live.readiness.look()
    server = await ws_create_server(
        live.answer,
        host,
        port,
        max_frame_size=2 * INBOUND_BYTES_MAX,
        websocket_handshake_timeout=HANDSHAKE_WITHIN_S,
        enable_auto_ping=True,
        auto_ping_idle_timeout=PING_EVERY_S,
        auto_ping_reply_timeout=PONG_WITHIN_S,
        backlog=1_024,
    )
    readiness = asyncio.create_task(live.readiness.watch())
    spare_the_application_from_collection()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    server.close()
    await live.drain()
    readiness.cancel()
