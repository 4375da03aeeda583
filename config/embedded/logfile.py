"""What a process writes, kept in a file of bounded size and age; errors are passed on to the console."""

import json
import re
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_MAX_BYTES = 5_000_000
_MAX_LINE_BYTES = 65_536
# Half of the term that the inventory gives to logs, since a line is in two files one after the other.
_MAX_AGE_S = 15 * 86_400
_TAIL_LINES = 25
_ERROR = re.compile(rb'"level(name)?": ?"(ERROR|CRITICAL)"|\b(ERROR|FATAL|PANIC): |^Traceback ')


class LogFile:
    """One process's log: `name.log` and, once that is full or 15 days old, the older `name.log.1`; at most 10 MB together.

    `name.log.begun` tells when the file was begun, over restarts too.

    reason: what the process last gave as one in a line that reports an error, until somebody empties it.
    on_error: called with each line that reports an error, and when the disk takes no more; lines are lost then, and no process ends.
    """

    def __init__(self, path: Path, on_error: Callable[[str], None]) -> None:
        self.path = path
        self.reason = ""
        self._on_error = on_error
        self._file = path.open("ab", buffering=0)
        self._begun_at_s = self._begun() if self._file.tell() else self._begin()
        self._is_losing = False
        self._rest = b""
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)

    def feed(self, block: bytes) -> None:
        """Take bytes as they come from the process's pipe; whole lines are written at once."""
        *lines, self._rest = (self._rest + block).split(b"\n")
        if len(self._rest) > _MAX_LINE_BYTES:
            lines.append(self._rest)
            self._rest = b""
        self._write(b"".join(line + b"\n" for line in lines))
        for line in lines:
            text = line.decode(errors="replace")
            self._tail.append(text)
            if _ERROR.search(line):
                self._on_error(text)
                self.reason = _reason_in(text) or self.reason
        if self._file.tell() > _MAX_BYTES or time.time() - self._begun_at_s > _MAX_AGE_S:
            self._file.close()
            self.path.replace(self.path.with_name(self.path.name + ".1"))
            self._file = self.path.open("ab", buffering=0)
            self._begun_at_s = self._begin()

    def _write(self, lines: bytes) -> None:
        try:
            self._file.write(lines)
            self._is_losing = False
        except OSError as error:
            if not self._is_losing:
                self._on_error(f"The log {self.path.name} loses lines: {error.strerror}")
            self._is_losing = True

    def _begin(self) -> float:
        now_s = time.time()
        # On a full disk the file is begun anew sooner than it would have to be.
        with suppress(OSError):
            self._stamp().write_text(f"{now_s:.0f}")
        return now_s

    def _begun(self) -> float:
        try:
            return float(self._stamp().read_text())
        except (OSError, ValueError):
            return self._begin()

    def _stamp(self) -> Path:
        return self.path.with_name(self.path.name + ".begun")

    def tail(self) -> str:
        """The last lines, for a report of what went wrong."""
        return "\n".join(self._tail)

    def close(self) -> None:
        if self._rest:
            self.feed(b"\n")
        self._file.close()


def _reason_in(line: str) -> str:
    """Empty for none."""
    with suppress(KeyError, TypeError, ValueError):
        return str(json.loads(line)["reason"])
    return ""
