"""`make run` as an operator meets it: start, restart, Ctrl-C, kill -9, a second start."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest
from twilio.request_validator import RequestValidator
from websockets.sync.client import ClientConnection, connect

from config.embedded.environment import PROJECT
from config.embedded.handle import Stack, StackFailed
from config.embedded.ports import Ports
from config.media_server import PATH as MEDIA_PATH

EVERY_PROCESS = {"postgres", "valkey", "transcriber", "web", "media", "live", "worker", "clock", "sandbox"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("stack") / "data", settings={"GOOGLE_CLIENT_ID": "mine"}) as running:
        yield running


def family(pid: int) -> list[psutil.Process]:
    """The supervisor and everything below it."""
    supervisor = psutil.Process(pid)
    return [supervisor, *supervisor.children(recursive=True)]


def left_over(processes: list[psutil.Process], patience_s: float = 5.0) -> list[str]:
    """Those that live on; the kernel needs a moment to end what was killed."""
    limit = time.monotonic() + patience_s
    while (left := _alive(processes)) and time.monotonic() < limit:
        time.sleep(0.05)
    return left


def _alive(processes: list[psutil.Process]) -> list[str]:
    left = []
    for process in processes:
        try:
            # A zombie has ended, and only waits for somebody to look at its exit code.
            if process.status() != psutil.STATUS_ZOMBIE:
                left.append(f"{process.pid} {' '.join(process.cmdline())}")
        except psutil.NoSuchProcess:
            continue
    return left


def remember(stack: Stack, number: int) -> None:
    with psycopg.connect(stack.env["DATABASE_URL"]) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS remembered (number int)")
        connection.execute("INSERT INTO remembered VALUES (%s)", [number])


def remembered(stack: Stack) -> list[int]:
    with psycopg.connect(stack.env["DATABASE_URL"]) as connection:
        return [row[0] for row in connection.execute("SELECT number FROM remembered ORDER BY number")]


def test_everything_runs_and_answers(stack: Stack) -> None:
    assert set(stack.processes()) == EVERY_PROCESS
    assert httpx.get(f"{stack.url}/readyz").json()["status"] == "ok"
    for port in (stack.ports.media, stack.ports.live):
        assert httpx.get(f"http://localhost:{port}/healthz").status_code == 200
        assert httpx.get(f"http://localhost:{port}/readyz").json()["status"] == "ok"
    assert httpx.get(stack.sandbox_url, follow_redirects=True).status_code == 200
    assert stack.url in stack.output
    # Whoever set what the stack has itself does not wait for that to work.
    [told] = [line for line in stack.output.splitlines() if line.startswith("Not used here")]
    assert "GOOGLE_CLIENT_ID" in told and "PORT_WEB" not in told


def test_an_operator_proves_the_carrier_with_one_test_call(stack: Stack) -> None:
    """All of it: the account, both addresses, the callbacks of a call that is answered, and the sound that it streams."""
    command = [sys.executable, "-m", "config.embedded.manage", "carrier_check", "--json", "--call", "+12025550161"]
    given = {**os.environ, "DATA_DIR": str(stack.data_dir), "DATABASE_URL": ""}
    done = subprocess.run(command, cwd=PROJECT, env=given, capture_output=True, text=True, timeout=120, check=False)
    told = json.loads(done.stdout)
    found = {each["check"]: each["outcome"] for each in told["checks"]}
    # Nothing signals calls of browsers here, so they are not set up.
    assert found.pop("browser_calls") == "skipped"
    assert set(found.values()) == {"ok"}, told
    assert {"account", "webhooks", "media_sockets", "test_call_callbacks", "test_call_media"} < set(found)
    assert (done.returncode, told["ok"]) == (0, True)


def test_secrets_are_readable_by_their_user_alone(stack: Stack) -> None:
    secrets = stack.data_dir / "secrets.json"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    assert stat.S_IMODE(stack.data_dir.stat().st_mode) == 0o700


def test_nothing_listens_beyond_this_machine(stack: Stack) -> None:
    listening = {
        connection.laddr.ip
        for process in family(stack.supervisor_pid)
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening <= {"127.0.0.1", "::1"}
    assert listening


def media_socket(stack: Stack) -> ClientConnection:
    """As the carrier opens it; it is given ten seconds to say which call it brings."""
    signed = RequestValidator(stack.env["TWILIO_AUTH_TOKEN"]).compute_signature(
        stack.env["MEDIA_SOCKET_URL"] + MEDIA_PATH, {}
    )
    return connect(
        f"ws://localhost:{stack.ports.media}{MEDIA_PATH}",
        additional_headers={"X-Twilio-Signature": signed},
        compression=None,
        open_timeout=60,
        ping_interval=None,
    )


def test_while_a_media_process_makes_way_new_calls_are_taken_and_its_own_are_heard_on(stack: Stack) -> None:
    old = stack.pid("media")
    with media_socket(stack) as begun:
        os.kill(old, signal.SIGTERM)
        with media_socket(stack) as new:
            assert begun.ping().wait(5)
            assert new.ping().wait(5)
            assert psutil.pid_exists(old)
            assert stack.pid("media") != old
            assert [each["pid"] for each in stack.state()["leaving"]] == [old]
    stack.wait_ready()
    limit = time.monotonic() + 20
    while stack.state()["leaving"]:
        assert time.monotonic() < limit
        time.sleep(0.1)
    assert not psutil.pid_exists(old)
    assert stack.processes()["media"].restarts == 1


def test_a_media_process_that_makes_way_while_a_service_is_away_has_a_successor_at_once(stack: Stack) -> None:
    valkey = psutil.Process(stack.pid("valkey"))
    stack.kill("media")
    valkey.suspend()
    try:
        limit = time.monotonic() + 60
        while not waits_for_a_service(stack):
            assert time.monotonic() < limit
            time.sleep(0.1)
        old = stack.pid("media")
        os.kill(old, signal.SIGTERM)
        while [each["pid"] for each in stack.state()["leaving"]] != [old]:
            assert psutil.pid_exists(old) and time.monotonic() < limit
            time.sleep(0.05)
    finally:
        valkey.resume()
    stack.wait_ready()


def waits_for_a_service(stack: Stack) -> bool:
    try:
        return httpx.get(f"http://localhost:{stack.ports.media}/readyz").status_code == 503
    except httpx.TransportError:
        return False


def test_a_second_stack_on_the_same_folder_is_refused(stack: Stack) -> None:
    second = Stack(stack.data_dir)
    with pytest.raises(StackFailed):
        second.start()
    assert second.stop() == 2
    assert f"A stack already runs in {stack.data_dir}" in second.output
    assert httpx.get(f"{stack.url}/readyz").status_code == 200


def test_a_port_in_use_is_named_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        stack = Stack(tmp_path, ports=Ports(web=port))
        with pytest.raises(StackFailed, match=rf"Port {port} \(web\) cannot be used.*PORT_WEB"):
            stack.start()
    assert stack.stop() == 2
    assert not (tmp_path / "postgres").exists()


def test_a_port_that_is_given_twice_is_named_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    stack = Stack(tmp_path, ports=Ports(web=port, sandbox=port))
    with pytest.raises(StackFailed, match=rf"PORT_WEB and SANDBOX_PORT are both {port}"):
        stack.start()
    assert stack.stop() == 2
    assert not (tmp_path / "postgres").exists()


def test_a_process_that_cannot_start_is_named_with_its_last_words_and_all_is_stopped(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "data", settings={"SANDBOX_TIME_SCALE": "fast"})
    with pytest.raises(StackFailed, match=r"sandbox does not start. Its log ends so:\n(.*\n)*.*fast"):
        stack.start()
    assert stack.stop() == 1
    assert stack.state() == {}


def test_whatever_dies_is_started_again_with_its_data(stack: Stack) -> None:
    remember(stack, 1)
    for name in EVERY_PROCESS:
        os.kill(stack.pid(name), signal.SIGKILL)
    limit = time.monotonic() + 60
    while any(process.restarts == 0 for process in stack.processes().values()):
        assert time.monotonic() < limit, stack.output
        time.sleep(0.05)
    stack.wait_ready(limit_s=60)
    assert httpx.get(f"{stack.url}/readyz").json()["status"] == "ok"
    assert remembered(stack) == [1]


def test_ctrl_c_and_kill_9_leave_no_process_and_the_next_start_finds_the_data(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "data")
    stack.start()
    everyone = family(stack.supervisor_pid)
    assert len(everyone) > len(EVERY_PROCESS)
    remember(stack, 1)
    assert stack.stop(signal.SIGINT) == 0
    assert left_over(everyone) == []
    assert stack.state() == {}

    stack.start()
    everyone = family(stack.supervisor_pid)
    remember(stack, 2)
    stack.kill_supervisor()
    # At once: what the kernel is still ending must not keep the next one from starting.
    stack.start()
    assert left_over(everyone) == []
    assert remembered(stack) == [1, 2]
    assert stack.stop(signal.SIGTERM) == 0
