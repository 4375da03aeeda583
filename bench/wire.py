"""The browser's way to a process of the stack, which can be cut while that process lives on.

A browser that is told to be offline keeps the sockets that it has, and killing their other end would measure another process
afterwards. So what the browser opens leads here, and here it ends when the network is said to go.
"""

import socket
import threading
from contextlib import suppress
from typing import Final

_READ_BYTES: Final = 65_536


class Wire:
    """Bytes between whoever connects to `port` and the port behind it, unchanged and at once."""

    def __init__(self, behind: int) -> None:
        self._behind = behind
        self._away = False
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._entrance = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._entrance.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Everything that is open ends, and nobody comes through until it is mended."""
        self._away = True
        self.drop()

    def mend(self) -> None:
        self._away = False

    def drop(self) -> None:
        """Everything that is open ends; whoever comes next gets through."""
        with self._lock:
            ended, self._open = self._open, set()
        for each in ended:
            _end(each)

    def close(self) -> None:
        """For good."""
        _end(self._entrance)
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._entrance.accept()
            except OSError:
                # Closed.
                return
            try:
                if self._away:
                    raise ConnectionRefusedError
                far = socket.create_connection(("127.0.0.1", self._behind))
            except OSError:
                # As at a port where nobody listens.
                near.close()
                continue
            with self._lock:
                self._open |= {near, far}
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        # One of the two may go without a word, and the other one is told.
        with suppress(OSError):
            while data := source.recv(_READ_BYTES):
                target.sendall(data)
        with self._lock:
            self._open -= {source, target}
        for each in (source, target):
            _end(each)


def _end(one: socket.socket) -> None:
    # It may have ended already.
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
