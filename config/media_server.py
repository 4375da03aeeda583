"""The media process: Twilio's media sockets on a server built for them; started by `manage.py media`.

The same code serves them under any ASGI server (config/asgi.py); decision 0006 has the measurements. Signals: on SIGTERM
/readyz says 503, so that the load balancer sends new calls elsewhere; after a moment the port is free for the next process.
Under a supervisor that holds the port the next process takes new calls at once. Calls that are going on, and those whose socket
has still come here, are heard to their end, within a bound. On SIGINT, or on a second signal, it ends after storing what was
heard; on a third at once.
"""

import asyncio
import gc
import logging
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from picows import WSListener, WSUpgradeRequest, WSUpgradeResponseWithListener, ws_create_server

from ai.listening.hearing import hearing
from config.collection import spare_the_application_from_collection
from config.socket_server import HANDSHAKE_WITHIN_S, Readiness, says
from voice.gathering import GatheringLoop
from voice.media_messages import MESSAGE_BYTES_MAX
from voice.media_socket import Sockets
from voice.media_stream import may_open

logger = logging.getLogger(__name__)

PATH = "/twilio/media/"
# A message that is only somewhat too large is told so by a code of ours.
FRAME_BYTES_MAX = 2 * MESSAGE_BYTES_MAX
# Frames are objects that come and go by the ten thousand a second and form no cycles.
GC_THRESHOLDS = (20_000, 20, 20)
# A connection that was taken out of the port's queue has its transport in the loop's next turn.
LET_IN_WITHIN_S = 0.1
# After the drain's end: how long what was heard may take to be recognised and stored.
STORE_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Inherited:
    """File numbers. listening: a bound socket, which a successor gets as well. way: a pipe that we write to when we take no new calls."""

    listening: int
    way: int


class MediaServer:
    """Answers upgrades of Twilio's media path, and the two questions of whoever runs it."""

    def __init__(self, sockets: Sockets) -> None:
        self._sockets = sockets
        self.readiness = Readiness()

    def answer(self, request: WSUpgradeRequest) -> WSListener | WSUpgradeResponseWithListener:
        """A listener for a socket that the carrier signed; else an answer in HTTP."""
        raw_path = request.path.decode("latin-1")
        path = raw_path.partition("?")[0]
        if answer := self.readiness.answer(path, draining=self._sockets.draining):
            return answer
        if path != PATH:
            return says(HTTPStatus.NOT_FOUND, {"code": "not_found"})
        if not may_open(raw_path=raw_path, signature=request.headers.get("x-twilio-signature", "")):
            return says(HTTPStatus.FORBIDDEN, {"code": "signature_invalid"})
        if self._sockets.ended:
            return says(HTTPStatus.SERVICE_UNAVAILABLE, {"code": "draining"})
        # Also while it drains: whoever has come this far is not asked for again by the carrier.
        return self._sockets.new()


def run(
    *,
    host: str,
    port: int,
    gather_ms: int,
    drain_s: float,
    handover_s: float,
    inherited: Inherited | None = None,
) -> None:
    """Serves until SIGTERM or SIGINT, on an event loop of its own. gather_ms, drain_s, handover_s: as the settings of these names."""
    with asyncio.Runner(loop_factory=lambda: GatheringLoop(gather_ms / 1_000)) as runner:
        runner.run(serve(host=host, port=port, drain_s=drain_s, handover_s=handover_s, inherited=inherited))


async def serve(*, host: str, port: int, drain_s: float, handover_s: float, inherited: Inherited | None = None) -> None:
    sockets = Sockets()
    media = MediaServer(sockets)
    await media.readiness.look()
    place: dict[str, Any] = {"host": host, "port": port}
    if inherited is not None:
        place = {"sock": socket.socket(fileno=inherited.listening)}
    server = await listen(media, **place)
    watching = asyncio.create_task(media.readiness.watch())
    spare_the_application_from_collection()
    gc.set_threshold(*GC_THRESHOLDS)
    signals = _signals()
    first = await signals.get()
    sockets.draining = True
    if first == signal.SIGTERM:
        logger.info("draining", extra={"count": len(sockets), "seconds": drain_s})
        hurried = asyncio.create_task(signals.get())
        drained = asyncio.create_task(_within(drain_s, sockets, _drained(server, sockets, handover_s, inherited)))
        await asyncio.wait({drained, hurried}, return_when=asyncio.FIRST_COMPLETED)
        drained.cancel()
        hurried.cancel()
    server.close()
    sockets.close_all()
    await _within(STORE_WITHIN_S, sockets, sockets.drained())
    watching.cancel()


async def listen(media: MediaServer, **place: Any) -> asyncio.Server:
    """On the running loop, a GatheringLoop. place: as for `asyncio.loop.create_server`."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, GatheringLoop)
    hearing().bring = loop.hand_over
    return await ws_create_server(
        media.answer,
        **place,
        max_frame_size=FRAME_BYTES_MAX,
        websocket_handshake_timeout=HANDSHAKE_WITHIN_S,
        # Twilio's sockets are never idle; a dead one is noticed by its silence.
        enable_auto_ping=False,
        backlog=1_024,
        # Its transports register with `add_reader`, by which the loop knows what to gather.
        use_aiofastnet=True,
    )


async def _drained(server: asyncio.Server, sockets: Sockets, handover_s: float, inherited: Inherited | None) -> None:
    """Gives the port away; returns when all who came until then have gone and what was heard of them is stored."""
    if inherited is None:
        await asyncio.sleep(handover_s)
    # Takes nobody else out of the port's queue. A server that is closed cuts off those whom it took in this very turn.
    for listening in server.sockets:
        asyncio.get_running_loop().remove_reader(listening)
    if inherited is None:
        await asyncio.sleep(LET_IN_WITHIN_S)
        server.close()
    else:
        os.write(inherited.way, b".")
    # So long has whoever was let in to say what it wants; until then it is no socket yet.
    await asyncio.sleep(HANDSHAKE_WITHIN_S)
    await sockets.drained()


async def _within(limit_s: float, sockets: Sockets, ending: Awaitable[None]) -> None:
    try:
        async with asyncio.timeout(limit_s):
            await ending
    except TimeoutError:
        logger.warning("not drained in time", extra={"count": len(sockets)})


def _signals() -> asyncio.Queue[signal.Signals]:
    """What asks this process to end, as it comes; the third ends it there and then."""
    loop = asyncio.get_running_loop()
    came: asyncio.Queue[signal.Signals] = asyncio.Queue()
    asked: list[signal.Signals] = []

    def note(number: signal.Signals) -> Callable[[], None]:
        def on_signal() -> None:
            asked.append(number)
            if len(asked) > 2:
                raise SystemExit(1)
            came.put_nowait(number)

        return on_signal

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, note(number))
    return came
