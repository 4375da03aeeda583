"""The web process: daphne, with the bounds that it lacks on what strangers send.

Daphne takes a whole body, of any length, before it asks anybody who sent it. Here one that is announced or grows longer than its
path takes is refused at once with 413, and what still comes of it is thrown away. A header by which anybody could move the paths of
a request is dropped.
"""

from typing import Any, Final

from daphne import http_protocol
from daphne.cli import CommandLineInterface

# As config/settings.py has it for what Django reads.
BODY_BYTES_MAX: Final = 1_048_576
# Of a file of leads, as api/lead_import.py has it.
BODY_BYTES_MAX_AT: Final[dict[bytes, int]] = {b"/api/leads/import": 20_000_000}
# Whoever goes on sending after the refusal is heard so long that it reads the answer, and no longer.
THROWN_AWAY_BYTES_MAX: Final = 64_000_000


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

    def _refuse(self) -> None:
        self._thrown_away = 0
        # Nobody is asked any more to send the rest.
        self.requestHeaders.removeHeader(b"Expect")
        self.channel.write(_answer("20 MB" if self._path() in BODY_BYTES_MAX_AT else "1 MiB"))

    def _path(self) -> bytes:
        """Twisted gives the request its path only with the end of the body."""
        path: bytes = self.channel._path.partition(b"?")[0]
        return path


def _answer(limit: str) -> bytes:
    # Django's settings belong to the application, which was loaded when the first request comes.
    from api.errors import problem
    from config.middleware import program_headers

    answer = problem(413, "body_too_large", f"The request is larger than {limit}. Send less at once.")
    headers = {
        **program_headers(),
        "Content-Type": answer["Content-Type"],
        "Content-Length": str(len(answer.content)),
        "Connection": "close",
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return b"HTTP/1.1 413 Request Entity Too Large\r\n" + head.encode("latin-1") + b"\r\n" + answer.content


def main() -> None:
    """As `python -m daphne`, with the same arguments."""
    # Its factory looks the name up for each connection; daphne has no other place to name a request's class.
    http_protocol.WebRequest = BoundedRequest
    CommandLineInterface.entrypoint()


if __name__ == "__main__":
    main()
