"""The web process: daphne, with the bounds that it lacks on what strangers send.

Daphne takes a whole body, of any length, before it asks anybody who sent it. Here one that is announced or grows longer than its
path takes is refused at once with 413, and what still comes of it is thrown away. A header by which anybody could move the paths of
a request is dropped. What daphne and Twisted answer by themselves is a problem with the headers of all answers. An answer whose making
fails half-way breaks off where its reader sees it: daphne would leave it open, and look after no connection any more.
"""

from collections.abc import Iterable
from typing import Any, Final

from daphne import http_protocol, ws_protocol
from daphne.cli import CommandLineInterface
from twisted.web import http

# As config/settings.py has it for what Django reads.
BODY_BYTES_MAX: Final = 1_048_576
# Of a file of leads, as api/lead_import.py has it.
BODY_BYTES_MAX_AT: Final[dict[bytes, int]] = {b"/api/leads/import": 20_000_000}
# Whoever goes on sending after the refusal is heard so long that it reads the answer, and no longer.
THROWN_AWAY_BYTES_MAX: Final = 64_000_000


class TellingChannel(http.HTTPChannel):
    """A connection that says why it is closed when what comes is no request."""

    def _respondToBadRequestAndDisconnect(self) -> None:
        # Twisted's interfaces are not those that its types say.
        channel: Any = self
        channel.transport.write(_closing(b"400 Bad Request", _problem(400)))
        channel.loseConnection()

    def lineLengthExceeded(self, line: bytes) -> None:
        self._respondToBadRequestAndDisconnect()


class TellingSocket(ws_protocol.WebSocketProtocol):  # type: ignore[misc]  # daphne is not typed
    """A socket that says why it is not opened."""

    def sendHttpErrorResponse(self, code: int, reason: str, responseHeaders: Any = None) -> None:
        # What the reason quotes of the request is not sent back.
        status = f"{code} {http.RESPONSES.get(code, b'').decode()}".encode()
        # Such as the versions that are spoken here.
        more = [(name.encode(), value.encode()) for name, value in responseHeaders or ()]
        self.sendData(_closing(status, _not_opened(code), more))


class BoundedRequest(http_protocol.WebRequest):  # type: ignore[misc]  # daphne is not typed
    """A request whose body has a bound. The names of its methods are Twisted's."""

    _left = BODY_BYTES_MAX
    _thrown_away: int | None = None

    def gotLength(self, length: int | None) -> None:
        """length: as Content-Length says; None for a body in chunks, which says none."""
        self._left = BODY_BYTES_MAX_AT.get(self._path(), BODY_BYTES_MAX)
        too_long = length is not None and length > self._left
        super().gotLength(0 if too_long else length)
        if too_long:
            self._refuse()

    def handleContentChunk(self, data: bytes) -> None:
        if self._thrown_away is None:
            self._left -= len(data)
            if self._left >= 0:
                super().handleContentChunk(data)
                return
            self._refuse()
        self._thrown_away = (self._thrown_away or 0) + len(data)
        if self._thrown_away > THROWN_AWAY_BYTES_MAX:
            self.channel.loseConnection()

    def process(self) -> Any:
        if self._thrown_away is not None:
            self.channel.loseConnection()
            return None
        self.requestHeaders.removeHeader(b"Daphne-Root-Path")
        return super().process()

    def basic_error(self, status: int, status_text: bytes, body: str) -> None:
        """What cannot be read, or failed before anything was answered."""
        if self._response_started:
            if self.channel is not None and self.clientproto == b"HTTP/1.1":
                self.channel.loseConnection()
            elif self.channel is not None:
                # Such an answer ends with its connection, and would look whole if that were closed in order.
                self.channel.transport.abortConnection()
            return
        answer = _problem(status)
        self.handle_reply({"type": "http.response.start", "status": status, "headers": _headers(answer)})
        self.handle_reply({"type": "http.response.body", "body": answer.content})

    def _refuse(self) -> None:
        self._thrown_away = 0
        # Nobody is asked any more to send the rest.
        self.requestHeaders.removeHeader(b"Expect")
        limit = "20 MB" if self._path() in BODY_BYTES_MAX_AT else "1 MiB"
        self.channel.write(_closing(b"413 Request Entity Too Large", _too_large(limit)))

    def _path(self) -> bytes:
        """Twisted gives the request its path only with the end of the body."""
        path: bytes = self.channel._path.partition(b"?")[0]
        return path


def _closing(status: bytes, answer: Any, more: Iterable[tuple[bytes, bytes]] = ()) -> bytes:
    headers = [*_headers(answer), *more, (b"Connection", b"close")]
    head = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
    return b"HTTP/1.1 " + status + b"\r\n" + head + b"\r\n" + bytes(answer.content)


def _too_large(limit: str) -> Any:
    # Django's settings belong to the application, which was loaded when the first request comes.
    from api.errors import problem

    return problem(413, "body_too_large", f"The request is larger than {limit}. Send less at once.")


def _problem(status: int) -> Any:
    from api.errors import FAILED, problem

    if status < 500:
        return problem(status, "request_unusable", "The request cannot be read. Check what you send.")
    return problem(status, "internal_error", FAILED)


def _not_opened(status: int) -> Any:
    from api.errors import problem

    if status >= 500:
        return _problem(status)
    return problem(
        status,
        "request_unusable",
        "The live connection was not opened. Check its address, its headers and whether you are signed in.",
    )


def _headers(answer: Any) -> list[tuple[bytes, bytes]]:
    from config.middleware import program_headers

    length = str(len(answer.content))
    headers = {**program_headers(), "Content-Type": answer["Content-Type"], "Content-Length": length}
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


def main() -> None:
    """As `python -m daphne`, with the same arguments."""
    ws_protocol.WebSocketFactory.protocol = TellingSocket
    # Their factories look the names up for each connection; there is no other place to name either class.
    http_protocol.WebRequest = BoundedRequest
    http.HTTPChannel = TellingChannel  # type: ignore[misc]  # one class in the place of another
    CommandLineInterface.entrypoint()


if __name__ == "__main__":
    main()
