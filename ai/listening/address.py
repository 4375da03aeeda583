"""Where the transcriber listens."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

# sockaddr_un.sun_path on Linux, less its terminating zero.
LONGEST_SOCKET_PATH = 107


@dataclass(frozen=True, slots=True)
class Address:
    """Either a unix socket's path, or a host and port; the other is empty."""

    path: str = ""
    host: str = ""
    port: int = 0


def parse_address(url: str) -> Address:
    """The address that TRANSCRIBER_ADDRESS names.

    :raises ValueError: when it is neither unix:///path nor tcp://host:port.
    """
    parts = urlsplit(url)
    if parts.scheme == "unix" and parts.path.startswith("/"):
        if len(parts.path.encode()) > LONGEST_SOCKET_PATH:
            raise ValueError(f"TRANSCRIBER_ADDRESS: the path is longer than {LONGEST_SOCKET_PATH} bytes.")
        return Address(path=parts.path)
    if parts.scheme == "tcp" and parts.hostname and parts.port:
        return Address(host=parts.hostname, port=parts.port)
    raise ValueError("TRANSCRIBER_ADDRESS has to be unix:///path or tcp://host:port.")
