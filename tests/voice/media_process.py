"""The media process as the stack starts it, with either server, on the tests' databases."""

import http.client
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from django.db import connection

from config.embedded.children import die_with_parent
from config.embedded.processes import MEDIA_SERVERS, child_environment

START_LIMIT_S = 60.0
STOP_LIMIT_S = 5.0


@dataclass(frozen=True, slots=True)
class MediaProcess:
    """log: all that the process wrote on either output."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def memory_bytes(self) -> int:
        """Resident, of the process and its children."""
        family = psutil.Process(self.process.pid)
        return sum(each.memory_info().rss for each in (family, *family.children(recursive=True)))

    def said(self) -> list[dict[str, Any]]:
        """Its log, line by line; a line that is not of our form says only that, as `raw`."""
        return [_line(text) for text in self.log.read_text(errors="replace").splitlines()]


@contextmanager
def media_process(server: str, log: Path, **environment: str) -> Iterator[MediaProcess]:
    """server: a key of MEDIA_SERVERS. environment: beside that of the tests. Stopped with its sockets when the block ends."""
    port = _free_port()
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
    with log.open("wb") as out:
        process = subprocess.Popen(
            MEDIA_SERVERS[server]("127.0.0.1", port),
            env=child_environment({**os.environ, "DATABASE_URL": database.geturl(), **environment}),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            preexec_fn=die_with_parent(signal.SIGKILL),
        )
    try:
        limit = time.monotonic() + START_LIMIT_S
        while not _answers(port):
            assert process.poll() is None and time.monotonic() < limit, log.read_text(errors="replace")
            time.sleep(0.05)
        yield MediaProcess(process, port, log)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _line(text: str) -> dict[str, Any]:
    try:
        line = json.loads(text)
    except ValueError:
        return {"raw": text}
    return line if isinstance(line, dict) else {"raw": text}


def _answers(port: int) -> bool:
    asked = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        asked.request("GET", "/healthz", headers={"Host": "localhost"})
        return asked.getresponse().status == 200
    except OSError:
        return False
    finally:
        asked.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
