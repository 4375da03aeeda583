"""Twilio's media sockets on picows: no task, no queue and no copy between the kernel and the parser.

The kernel is asked to wake the process only when a few frames have come together (SO_RCVLOWAT, socket(7)). A lone message
that is smaller, such as the last `stop`, would then wait for ever, so a ticker lets every socket through that has brought
nothing for a moment; Linux delivers at once what is there when the mark is lowered.
"""

import asyncio
import logging
import socket
from contextlib import suppress
from typing import Final

from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from voice.media_messages import MESSAGE_BYTES_MAX
from voice.media_session import CLOSE_MALFORMED, CLOSE_TRY_AGAIN, MediaSession

logger = logging.getLogger(__name__)

TICK_S: Final = 0.1
# After the close frame; a peer that does not answer it is cut off.
CLOSE_WITHIN_S: Final = 5.0


class Sockets:
    """All media sockets of this process.

    wake_bytes: how many bytes wake the process for a socket whose frames flow; 1 for every byte.
    """

    def __init__(self, *, wake_bytes: int) -> None:
        self._wake_bytes = wake_bytes
        self._open: set[MediaSocket] = set()
        self._storing: set[asyncio.Task[None]] = set()
        self._emptied = asyncio.Event()
        self._emptied.set()
        self.draining = False

    def __len__(self) -> int:
        return len(self._open)

    def new(self) -> "MediaSocket":
        return MediaSocket(self)

    async def tick(self) -> None:
        """Runs until cancelled."""
        while True:
            await asyncio.sleep(TICK_S)
            for each in tuple(self._open):
                each.let_through()

    def close_all(self) -> None:
        """Ends every socket; what was heard is stored, and the carrier starts the streams again elsewhere."""
        for each in tuple(self._open):
            each.go_away()

    async def drained(self) -> None:
        """Returns when no socket is open and all that was heard is stored."""
        await self._emptied.wait()

    def opened(self, one: "MediaSocket") -> None:
        self._open.add(one)
        self._emptied.clear()

    def gone(self, one: "MediaSocket", session: MediaSession) -> None:
        self._open.discard(one)
        storing = asyncio.get_running_loop().create_task(session.stored())
        self._storing.add(storing)
        storing.add_done_callback(self._stored)

    def _stored(self, storing: asyncio.Task[None]) -> None:
        self._storing.discard(storing)
        if not self._open and not self._storing:
            self._emptied.set()

    def flows(self, transport: WSTransport) -> bool:
        return self._wake_bytes > 1 and _wake_at(transport, self._wake_bytes)


class MediaSocket(WSListener):
    """One socket. Frames of one message that came in pieces are put together, up to a message's bound."""

    def __init__(self, sockets: Sockets) -> None:
        self._sockets = sockets
        self._session: MediaSession | None = None
        self._transport: WSTransport | None = None
        self._pieces = bytearray()
        self._heard = False
        self._waits_for_more = False

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        self._session = MediaSession(close=self._close, hold=self._hold)
        self._sockets.opened(self)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        assert self._session is not None
        self._heard = True
        kind = frame.msg_type
        if kind == WSMsgType.TEXT or kind == WSMsgType.BINARY:
            if frame.fin:
                self._session.receive(frame.get_payload_as_memoryview())
            else:
                self._pieces[:] = frame.get_payload_as_bytes()
        elif kind == WSMsgType.CONTINUATION:
            self._pieces += frame.get_payload_as_memoryview()
            if len(self._pieces) > MESSAGE_BYTES_MAX:
                logger.warning("media socket closed", extra={"error_code": "message_too_large"})
                self._session.disconnected()
                self._close(CLOSE_MALFORMED)
            elif frame.fin:
                self._session.receive(bytes(self._pieces))
                self._pieces.clear()
        elif kind == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code(), frame.get_close_message())
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        # A socket that breaks during its upgrade was never connected.
        if self._session is not None:
            self._session.disconnected()
            self._sockets.gone(self, self._session)

    def let_through(self) -> None:
        """Called by the ticker: waits for more bytes while frames flow, and for none when they have stopped."""
        assert self._transport is not None
        if self._heard and not self._waits_for_more:
            self._waits_for_more = self._sockets.flows(self._transport)
        elif not self._heard and self._waits_for_more:
            self._waits_for_more = False
            _wake_at(self._transport, 1)
        self._heard = False

    def go_away(self) -> None:
        if self._session is not None:
            self._session.disconnected()
            self._close(CLOSE_TRY_AGAIN)

    def _hold(self, yes: bool) -> None:
        assert self._transport is not None
        transport = self._transport.underlying_transport
        if not transport.is_closing():
            (transport.pause_reading if yes else transport.resume_reading)()

    def _close(self, code: int) -> None:
        assert self._transport is not None
        transport = self._transport
        transport.send_close(WSCloseCode(code))
        asyncio.get_running_loop().call_later(CLOSE_WITHIN_S, transport.disconnect, False)


def _wake_at(transport: WSTransport, count: int) -> bool:
    """Asks the kernel to report the socket as readable from so many bytes on; whether it will."""
    kernel_socket = transport.underlying_transport.get_extra_info("socket")
    if kernel_socket is None:
        return False
    with suppress(OSError):
        kernel_socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, count)
        return True
    return False
