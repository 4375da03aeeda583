"""Twilio's media sockets on picows: no task and no queue between the kernel and the parser."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from voice.media_messages import MESSAGE_BYTES_MAX
from voice.media_session import CLOSE_MALFORMED, CLOSE_TRY_AGAIN, MediaSession

logger = logging.getLogger(__name__)

# After the close frame; a peer that does not answer it is cut off.
CLOSE_WITHIN_S: Final = 5.0
_TEXT, _BINARY, _CONTINUATION, _CLOSE = WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CONTINUATION, WSMsgType.CLOSE


class Sockets:
    """All media sockets of this process."""

    def __init__(self) -> None:
        self._open: set[MediaSocket] = set()
        self._storing: set[asyncio.Task[None]] = set()
        self._emptied = asyncio.Event()
        self._emptied.set()
        self.draining = False

    def __len__(self) -> int:
        return len(self._open)

    def new(self) -> "MediaSocket":
        return MediaSocket(self)

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


class MediaSocket(WSListener):
    """One socket. Frames of one message that came in pieces are put together, up to a message's bound."""

    def __init__(self, sockets: Sockets) -> None:
        self._sockets = sockets
        self._session: MediaSession | None = None
        # Set with the session; a socket is connected before it brings frames.
        self._receive: Callable[[bytes], None]
        self._transport: WSTransport | None = None
        self._pieces = bytearray()
        self._closed = False
        self._cut_off: asyncio.TimerHandle | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        self._session = MediaSession(close=self._close, hold=self._hold)
        self._receive = self._session.receive
        self._sockets.opened(self)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is _TEXT and frame.fin:
            self._receive(frame.get_payload_as_bytes())
        else:
            self._on_other_frame(transport, frame)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        if self._cut_off is not None:
            self._cut_off.cancel()
        # A socket that breaks during its upgrade was never connected.
        if self._session is not None:
            if transport.is_close_frame_sent and not self._closed:
                # The server itself ended what is no WebSocket any more.
                logger.warning("media socket closed", extra={"error_code": "protocol_violated"})
            self._session.disconnected()
            self._sockets.gone(self, self._session)
        # Each knows the other; thousands of such circles would lie about until the collector looks.
        self._session = self._transport = None

    def go_away(self) -> None:
        self._end(CLOSE_TRY_AGAIN)

    def _end(self, code: int) -> None:
        if self._session is not None:
            self._session.disconnected()
            self._close(code)

    def _on_other_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """A piece of a message, a binary one or a close frame; none of which the carrier sends while a call goes on."""
        kind = frame.msg_type
        if kind in (_TEXT, _BINARY, _CONTINUATION):
            if not self._closed:
                self._piece(frame)
        elif kind == _CLOSE:
            self._closed = True
            if not transport.is_close_frame_sent:
                transport.send_close(frame.get_close_code(), frame.get_close_message())
            transport.disconnect()

    def _piece(self, frame: WSFrame) -> None:
        if frame.msg_type != _CONTINUATION:
            self._pieces.clear()
        self._pieces += frame.get_payload_as_memoryview()
        if len(self._pieces) > MESSAGE_BYTES_MAX:
            logger.warning("media socket closed", extra={"error_code": "message_too_large"})
            self._end(CLOSE_MALFORMED)
        elif frame.fin:
            self._receive(bytes(self._pieces))
            self._pieces.clear()

    def _hold(self, yes: bool) -> None:
        if self._transport is None:
            return
        transport = self._transport.underlying_transport
        if not transport.is_closing():
            (transport.pause_reading if yes else transport.resume_reading)()

    def _close(self, code: int) -> None:
        assert self._transport is not None
        self._closed = True
        # Of a socket that has been told its end nothing is kept or counted any more.
        self._receive = _ignore
        transport = self._transport
        transport.send_close(WSCloseCode(code))
        self._cut_off = asyncio.get_running_loop().call_later(CLOSE_WITHIN_S, transport.disconnect, False)


def _ignore(_message: bytes) -> None:
    """What comes after the closing code."""
