"""The browser's socket on picows: no task and no queue on the way out, only the transport's own buffer, which is bounded."""

import asyncio
import logging
import socket
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from realtime.frames import Frame
from realtime.hub import hub
from realtime.publish import CLOSE_RESTARTING
from realtime.session import CLOSE_BAD_MESSAGE, CLOSE_TOO_SLOW, INBOUND_BYTES_MAX, READY, BrowserSession
from realtime.ways import Way

logger = logging.getLogger(__name__)

# What waits for a browser that does not read: here in our memory, and before it in the kernel's.
BUFFER_BYTES_MAX: Final = 256 * 1024
KERNEL_BUFFER_BYTES: Final = 128 * 1024
COMMANDS_WAITING_MAX: Final = 50
CLOSE_WITHIN_S: Final = 5.0

NewSession = Callable[["LiveSocket"], Awaitable[BrowserSession]]


class LiveSocket(WSListener):
    """One browser socket. new_session: says who it is; all: the sockets that are open, which it joins and leaves."""

    def __init__(self, *, new_session: NewSession, all_open: "set[LiveSocket]") -> None:
        self._new_session = new_session
        self._all_open = all_open
        self._transport: WSTransport | None = None
        self._commands: deque[str] = deque()
        self._working: asyncio.Task[None] | None = None
        self._session: BrowserSession | None = None
        self._number: int | None = None
        self._holds_back = False
        self._closed = False
        self.closed_with: int | None = None
        self._gone = False

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        self._out = transport.underlying_transport
        if (kernel := self._out.get_extra_info("socket")) is not None:
            kernel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER_BYTES)
            self._number = kernel.fileno()
        # So that it says each time when it holds something back, and when it does no longer.
        self._out.set_write_buffer_limits(high=0)
        self._all_open.add(self)
        self._work()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            self._shut()
            transport.send_close(frame.get_close_code(), frame.get_close_message())
            transport.disconnect()
        elif self._closed or frame.msg_type in (WSMsgType.PING, WSMsgType.PONG):
            # picows answers pings itself.
            return
        elif frame.msg_type != WSMsgType.TEXT or not frame.fin or len(self._commands) >= COMMANDS_WAITING_MAX:
            # No command of ours is long enough to come in pieces.
            self.close(CLOSE_BAD_MESSAGE)
        else:
            payload = frame.get_payload_as_bytes()
            self._commands.append(payload.decode(errors="replace") if len(payload) <= INBOUND_BYTES_MAX else "")
            self._work()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        if transport.is_close_frame_sent and not self._closed:
            # picows itself ended it: the peer broke the protocol or did not answer a ping.
            logger.info("socket closed", extra={"error_code": "peer_failed"})
        self._gone = True
        self._shut()
        self._all_open.discard(self)
        if self._transport is not None:
            self._work()

    def pause_writing(self) -> None:
        self._holds_back = True
        hub().ways_changed()

    def resume_writing(self) -> None:
        self._holds_back = False
        hub().ways_changed()

    def way(self) -> Way | None:
        return None if self._closed or self._holds_back or self._number is None else (self._number, self._send)

    def deliver(self, frame: Frame) -> None:
        self._send(frame.wire)

    def _send(self, data: bytes) -> None:
        if self._closed:
            return
        self._out.write(data)
        if self._out.get_write_buffer_size() > BUFFER_BYTES_MAX:
            self.close(CLOSE_TOO_SLOW)

    def close(self, code: int) -> None:
        if self._closed or self._transport is None:
            return
        self._shut()
        self.closed_with = code
        self._transport.send_close(WSCloseCode(code))
        # A peer that reads nothing gets neither the code nor more of our memory for long.
        asyncio.get_running_loop().call_later(CLOSE_WITHIN_S, self._out.abort)

    def _shut(self) -> None:
        self._closed = True
        hub().ways_changed()

    async def gone(self) -> None:
        """Returns when the connection has ended and its topics are left."""
        if self._transport is not None:
            await self._transport.wait_disconnected()
        if self._working is not None:
            await asyncio.wait([self._working])

    def _work(self) -> None:
        """One task at a time, and only while there is something to wait for: the beginning, a command, the end."""
        if self._working is None:
            self._working = asyncio.get_running_loop().create_task(self._do())

    async def _do(self) -> None:
        try:
            if self._session is None and not self._gone:
                self._session = await self._new_session(self)
                if await self._session.begin():
                    self.deliver(READY)
            while self._commands and not self._closed and self._session is not None:
                await self._session.hear(self._commands.popleft())
        except Exception as error:
            logger.warning("socket closed", extra={"error_type": type(error).__name__})
            self.close(CLOSE_RESTARTING)
        finally:
            if self._gone and self._session is not None:
                await self._session.end()
            self._working = None
