"""Twilio's media sockets on picows: no task and no queue between the kernel and the parser."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from voice.gathering import GatheringLoop
from voice.media_messages import MESSAGE_BYTES_MAX
from voice.media_session import CLOSE_MALFORMED, CLOSE_TRY_AGAIN, MediaSession
from voice.reception import Ear

logger = logging.getLogger(__name__)

# After the close frame; a peer that does not answer it is cut off.
CLOSE_WITHIN_S: Final = 5.0
_TEXT, _BINARY, _CONTINUATION, _CLOSE = WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CONTINUATION, WSMsgType.CLOSE


class Sockets:
    """All media sockets of this process.

    draining: asked to make way; whoever still comes is heard, and whoever looks is told that others should come elsewhere.
    ended: nobody else is let in.
    """

    def __init__(self) -> None:
        self._open: set[MediaSocket] = set()
        self._storing: set[asyncio.Task[None]] = set()
        self._emptied = asyncio.Event()
        self._emptied.set()
        self.draining = self.ended = False

    def __len__(self) -> int:
        return len(self._open)

    def new(self) -> "MediaSocket":
        return MediaSocket(self)

    def close_all(self) -> None:
        """Ends every socket and lets nobody else in; what was heard is stored, and the carrier starts the streams again elsewhere."""
        self.ended = True
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
    """One socket. Frames of one message that came in pieces are put together, up to a message's bound.

    Its frames are read by the loop, which takes plain sound out of them; picows gets all others, and knows no difference.
    """

    def __init__(self, sockets: Sockets) -> None:
        self._sockets = sockets
        loop = asyncio.get_running_loop()
        assert isinstance(loop, GatheringLoop)
        self._loop = loop
        self._number = -1
        self._protocol: asyncio.BufferedProtocol | None = None
        self._session: MediaSession | None = None
        # Set with the session; a socket is connected before it brings frames.
        self._receive: Callable[[bytes], None]
        self._transport: WSTransport | None = None
        self._pieces = bytearray()
        self._closed = False
        self._cut_off: asyncio.TimerHandle | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        underlying = transport.underlying_transport
        self._number = underlying.get_extra_info("socket").fileno()
        protocol = underlying.get_protocol()
        assert isinstance(protocol, asyncio.BufferedProtocol)
        self._protocol = protocol
        # Nobody may send a frame before the answer to the upgrade, which is only written now.
        self._loop.give(self._number, self)
        self._session = MediaSession(close=self._close, hold=self._hold, hear=self._hear, heard=self._heard)
        self._receive = self._session.receive
        self._sockets.opened(self)

    def other(self, frames: bytes) -> None:
        waiting = memoryview(frames)
        protocol = self._protocol
        while waiting and protocol is not None and self._transport is not None and not self._transport.is_disconnected:
            room = memoryview(protocol.get_buffer(-1))
            taken = min(len(room), len(waiting))
            room[:taken] = waiting[:taken]
            waiting = waiting[taken:]
            protocol.buffer_updated(taken)

    def broken(self) -> None:
        """As picows does it where a frame's own reader raises."""
        if self._session is not None and self._transport is not None:
            self._session.disconnected()
            self._transport.disconnect(False)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is _TEXT and frame.fin:
            self._receive(frame.get_payload_as_bytes())
        else:
            self._on_other_frame(transport, frame)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        if self._cut_off is not None:
            self._cut_off.cancel()
        # A socket that breaks during its upgrade was never connected.
        if self._number >= 0:
            self._loop.take_back(self._number)
        if self._session is not None:
            if transport.is_close_frame_sent and not self._closed:
                # The server itself ended what is no WebSocket any more.
                logger.warning("media socket closed", extra={"error_code": "protocol_violated"})
            self._session.disconnected()
            self._sockets.gone(self, self._session)
        # Each knows the other; thousands of such circles would lie about until the collector looks.
        self._session = self._transport = self._protocol = None

    def go_away(self) -> None:
        self._end(CLOSE_TRY_AGAIN)

    def _end(self, code: int) -> None:
        self._loop.hand_over()
        if self._session is not None and not self._closed:
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

    def _hear(self, ears: tuple[Ear, Ear] | None) -> None:
        self._loop.hear(self._number, ears)

    def _heard(self) -> bool:
        return self._loop.heard(self._number)

    def _close(self, code: int) -> None:
        assert self._transport is not None
        self._closed = True
        # Of a socket that has been told its end nothing is kept or counted any more.
        self._receive = _ignore
        transport = self._transport
        transport.send_close(WSCloseCode(code))
        self._cut_off = self._loop.call_later(CLOSE_WITHIN_S, transport.disconnect, False)


def _ignore(_message: bytes) -> None:
    """What comes after the closing code."""
