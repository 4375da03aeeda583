"""The web process as strangers meet it: bytes on a socket, before anybody is asked who it is."""

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from api.lead_import import BYTES_MAX
from config.embedded.children import die_with_parent
from config.embedded.processes import child_environment, daphne
from config.web_server import BODY_BYTES_MAX, BODY_BYTES_MAX_AT

READY_WITHIN_S = 60.0
SILENT_S = 0.3
SOCKET = b"GET /ws/ HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    log: Path = tmp_path_factory.mktemp("web") / "web.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            daphne("127.0.0.1", port, "tests.stack.breaking_off:application"),
            env=child_environment(os.environ),
            stdout=out,
            stderr=out,
            preexec_fn=die_with_parent(signal.SIGKILL),
        )
    try:
        limit = time.monotonic() + READY_WITHIN_S
        while not said(port, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").startswith(
            "HTTP/1.1 200"
        ):
            assert time.monotonic() < limit, log.read_text()
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(READY_WITHIN_S)


def said(port: int, *parts: bytes) -> str:
    """All that is answered until the server closes, or has said enough."""
    heard = b""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as one:
            for part in parts:
                one.sendall(part)
            while chunk := one.recv(65_536):
                heard += chunk
                one.settimeout(SILENT_S)
    except OSError:
        pass
    return heard.decode("latin-1")


def statuses(heard: str) -> list[str]:
    return re.findall(r"HTTP/1\.1 (\d{3})", heard)


def head(path: str, *headers: str, method: str = "POST") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers, "", ""]
    return "\r\n".join(lines).encode()


def test_the_bounds_are_those_of_the_application() -> None:
    assert BODY_BYTES_MAX == settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    assert BODY_BYTES_MAX_AT == {b"/api/leads/import": BYTES_MAX}


@pytest.mark.parametrize(
    ("path", "length"),
    [
        ("/api/signin", BODY_BYTES_MAX + 1),
        ("/api/leads/import?x=1", BYTES_MAX + 1),
        ("/nowhere", 10**15),
        ("/twilio/messages", 10**9),
    ],
)
def test_a_body_that_is_announced_too_long_is_refused_before_it_comes(port: int, path: str, length: int) -> None:
    heard = said(port, head(path, f"Content-Length: {length}"))
    assert statuses(heard) == ["413"] and '"code": "body_too_large"' in heard
    assert "nosniff" in heard and "no-store" in heard


@pytest.mark.parametrize("path", ["/api/signin", "/paddle/webhook"])
def test_a_body_that_names_no_length_is_refused_where_it_becomes_too_long(port: int, path: str) -> None:
    chunk = b"40000\r\n" + b"x" * 0x40000 + b"\r\n"
    heard = said(port, head(path, "Transfer-Encoding: chunked"), *[chunk] * 5, b"0\r\n\r\n")
    assert statuses(heard) == ["413"]


def test_whoever_goes_on_sending_is_hung_up_on(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as one:
        one.sendall(head("/api/signin", f"Content-Length: {10**12}"))
        with pytest.raises(OSError):
            for _ in range(1_000):
                one.sendall(b"x" * 262_144)


def test_a_body_within_the_bound_reaches_the_application(port: int) -> None:
    body = b"x" * 2_000_000
    heard = said(port, head("/api/leads/import", f"Content-Length: {len(body)}", "Connection: close"), body)
    assert statuses(heard) != ["413"] and len(statuses(heard)) == 1


@pytest.mark.parametrize(
    "headers",
    [
        ("Content-Length: 4", "Content-Length: 0"),
        ("Content-Length: 4", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Content-Length: 4"),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: identity, chunked"),
        ("Transfer-Encoding: xchunked",),
        ("Transfer-Encoding : chunked",),
        ("Content-Length: +4",),
        ("Content-Length: 4, 4",),
        ("Content-Length: 0x4",),
        ("Content-Length:\x0b4",),
    ],
    ids=range(10),
)
def test_lengths_that_contradict_each_other_smuggle_no_second_request(port: int, headers: tuple[str, ...]) -> None:
    """One refusal, and the connection is closed: what follows is nobody's request."""
    heard = said(port, head("/api/signin", *headers), b"0\r\n\r\n" + head("/healthz", method="GET"))
    assert statuses(heard) == ["400"]


def test_no_header_of_a_stranger_moves_the_paths(port: int) -> None:
    heard = said(port, head("/healthz", "Daphne-Root-Path: /healthz", "Connection: close", method="GET"))
    assert statuses(heard) == ["200"] and '"status": "ok"' in heard


@pytest.mark.parametrize(
    ("request_line", "status", "code"),
    [
        (b"GET /?\xff HTTP/1.1", "400", "request_unusable"),
        (b"GET /\xff HTTP/1.1", "400", "request_unusable"),
        (b"GET / HTTP/1.1\r\nBad Name: x", "400", "request_unusable"),
        (b"nonsense", "400", "request_unusable"),
        (b"GET /failing HTTP/1.1", "500", "internal_error"),
        (b"GET /" + b"x" * 17_000 + b" HTTP/1.1", "400", "request_unusable"),
        (b"GET / HTTP/1.1\r\nLong: " + b"x" * 17_000, "400", "request_unusable"),
        (SOCKET + b"Sec-WebSocket-Version: 13", "400", "request_unusable"),
        (
            SOCKET + b"Sec-WebSocket-Version: 99\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
            "400",
            "request_unusable",
        ),
        (
            SOCKET + b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
            "403",
            "request_unusable",
        ),
    ],
    ids=range(10),
)
def test_what_the_server_answers_by_itself_is_a_problem_with_the_headers_of_all_answers(
    port: int, request_line: bytes, status: str, code: str
) -> None:
    connection = b"" if b"Upgrade" in request_line else b"Connection: close\r\n"
    heard = said(port, request_line + b"\r\nHost: localhost\r\n" + connection + b"\r\n")
    assert statuses(heard) == [status] and f'"code": "{code}"' in heard
    for header in ("nosniff", "no-store", "frame-ancestors 'none'", "application/problem+json"):
        assert header in heard
    assert "<html" not in heard


def test_an_answer_that_fails_half_way_breaks_off_and_the_next_one_too(port: int) -> None:
    """Red with daphne's own request: the first is left open, and what looks after all of them has died of it."""
    for _ in range(2):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as one:
            one.sendall(head("/broken", method="GET"))
            heard = b"".join(iter(lambda: one.recv(65_536), b""))
        assert b"the first part" in heard and b"\r\n0\r\n\r\n" not in heard


def test_half_an_answer_does_not_look_whole_to_a_client_that_knows_no_chunks(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as one:
        one.sendall(b"GET /broken HTTP/1.0\r\nHost: localhost\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            for _ in iter(lambda: one.recv(65_536), b""):
                pass
