"""What the operator reads while a stack runs."""

import sys
import time
from contextlib import suppress
from typing import TextIO

# An operator reads a few lines; the rest is in the logs.
_ERRORS_SHOWN = 10
_ERROR_WINDOW_S = 10.0
_MAX_LINE = 1_500


class Console:
    """Plain lines, the same with and without a terminal; errors are rationed."""

    def __init__(self) -> None:
        self._window_started = 0.0
        self._shown = 0

    def say(self, text: str) -> None:
        _print(text, sys.stdout)

    def step(self, name: str, what: str) -> None:
        self.say(f"  {name:<12} {what}")

    def error(self, name: str, line: str) -> None:
        now = time.monotonic()
        if now - self._window_started > _ERROR_WINDOW_S:
            self._window_started, self._shown = now, 0
        self._shown += 1
        if self._shown <= _ERRORS_SHOWN:
            self._complain(f"{name}: {line[:_MAX_LINE]}")
        elif self._shown == _ERRORS_SHOWN + 1:
            self._complain(f"{name}: more errors, see the logs")

    def problem(self, text: str) -> None:
        self._complain(text)

    def _complain(self, text: str) -> None:
        _print(text, sys.stderr)


def _print(text: str, where: TextIO) -> None:
    # It may be a file on a disk that is full, for which nothing ends.
    with suppress(OSError):
        print(text, file=where, flush=True)
