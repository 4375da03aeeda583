"""One event to N browsers: the product's own path, Channels' usual one on two servers, and the limit.

All four servers run at once on one core, idle but for the one that is asked; the browsers, Valkey and PostgreSQL are on the
other. An event is published when every socket has had the one before, and the servers take turns. The rate is deliveries
per second of the server's processor time, which other work on the machine does not change; seconds of the clock stand
beside it. Latency is from just before publishing until the browsers' process has read the frame.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import redis

from bench import services
from bench.machine import CLIENT_CORES, PROJECT, SERVER_CORES, Started, free_port, listens, start
from bench.native.build import compiled
from bench.report import Report, environment, say

# Sockets -> events per turn. The few events to many sockets are many deliveries all the same.
EVENTS = {10: 100, 100: 30, 1_000: 12}
TURNS = 5
LARGEST = max(EVENTS)
GROUP = "bench-fanout"
STALE_AFTER_S = 10.0
REDIS_LAYER = "channels_redis.core.RedisChannelLayer"
PUBSUB_LAYER = "channels_redis.pubsub.RedisPubSubChannelLayer"


class Failed(RuntimeError):
    """The browsers of one server could not do what was asked; the message says why."""


@dataclass(slots=True)
class Figures:
    """What one server did with N sockets. cpu_s: the server's; wall_s: from each publishing to its last arrival."""

    latencies_ms: list[float] = field(default_factory=list)
    cpu_s: float = 0.0
    wall_s: float = 0.0
    lost: int = 0

    def as_json(self) -> dict[str, Any]:
        ordered = sorted(self.latencies_ms)
        return {
            "deliveries_per_cpu_s": round(len(ordered) / self.cpu_s),
            "deliveries_per_s": round(len(ordered) / self.wall_s),
            "p50_ms": round(ordered[len(ordered) // 2], 2),
            "p99_ms": round(ordered[len(ordered) * 99 // 100], 2),
            "max_ms": round(ordered[-1], 2),
            "lost": self.lost,
        }


@dataclass(slots=True)
class Contestant:
    """A server with its browsers. publish: sends event number n; stale: group members that Valkey still knows.

    greeting: frames that it sends on its own when a socket opens; headers: what its upgrade wants.
    """

    name: str
    server: Started
    port: int
    publish: Callable[[int], object]
    stale: Callable[[], int]
    browsers: subprocess.Popen[str]
    greeting: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    figures: dict[int, Figures] = field(default_factory=lambda: {count: Figures() for count in EVENTS})
    stale_members: int = 0

    def ask(self, command: str) -> dict[str, Any]:
        assert self.browsers.stdin is not None and self.browsers.stdout is not None
        print(command, file=self.browsers.stdin, flush=True)
        answer: dict[str, Any] = json.loads(self.browsers.stdout.readline())
        if "error" in answer:
            raise Failed(f"{self.name}: {answer['error']}\n{self.server.log.read_text(errors='replace')[-2000:]}")
        return answer

    def open(self, count: int) -> None:
        self.ask(f"open {self.port} {count} {self.greeting} {json.dumps(self.headers)}")

    def turn(self, count: int, sequences: range) -> None:
        """Publishes these events one after another and notes what came of them."""
        figures = self.figures[count]
        cpu_before = self.server.cpu_s()
        for sequence in sequences:
            published_ns = time.monotonic_ns()
            self.publish(sequence)
            answer = self.ask(f"expect {sequence}")
            figures.lost += answer["lost"]
            if times := answer["times"]:
                figures.latencies_ms += [(at - published_ns) / 1e6 for at in times]
                figures.wall_s += (max(times) - published_ns) / 1e9
        figures.cpu_s += self.server.cpu_s() - cpu_before

    def close(self) -> None:
        """All sockets at once; then the server has a while to take its members out of the group."""
        self.ask("close")
        limit = time.monotonic() + STALE_AFTER_S
        while (left := self.stale()) and time.monotonic() < limit:
            time.sleep(0.1)
        self.stale_members += left

    def as_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {str(count): figures.as_json() for count, figures in self.figures.items()}
        return {**found, "stale_members": self.stale_members, "errors_logged": self.server.errors()}


def run() -> Report:
    say("fanout: starting PostgreSQL and Valkey")
    with services.running() as folder, ExitStack() as undo:
        ours = _ours(folder, undo)
        daphne = _channels("daphne_redis", REDIS_LAYER, _daphne, folder, undo)
        uvicorn = _channels("uvicorn_pubsub", PUBSUB_LAYER, _uvicorn, folder, undo)
        limit = _limit(folder, undo)
        contestants = [ours, daphne, uvicorn, limit]
        sequence = 1
        for count, events in EVENTS.items():
            say(f"fanout: {count} sockets, {TURNS} turns of {events} events each")
            for one in contestants:
                one.open(count)
            for _ in range(TURNS):
                for one in contestants:
                    one.turn(count, range(sequence, sequence + events))
                    sequence += events
            for one in contestants:
                one.close()
        return _report(ours, daphne, uvicorn, limit)


def _report(ours: Contestant, daphne: Contestant, uvicorn: Contestant, limit: Contestant) -> Report:
    at_most = {one.name: one.figures[LARGEST].as_json() for one in (ours, daphne, uvicorn, limit)}

    def ratio(figure: str, other: Contestant) -> float:
        return round(float(at_most[ours.name][figure] / at_most[other.name][figure]), 3)

    return Report(
        name="fanout",
        ours=ours.as_json(),
        peers={daphne.name: daphne.as_json(), uvicorn.name: uvicorn.as_json()},
        limit={"program": "C, epoll", **limit.as_json()},
        ratios={
            "rate_vs_pubsub_uvicorn": ratio("deliveries_per_cpu_s", uvicorn),
            "rate_vs_daphne_redis": ratio("deliveries_per_cpu_s", daphne),
            "p99_vs_pubsub_uvicorn": ratio("p99_ms", uvicorn),
            "rate_vs_native": ratio("deliveries_per_cpu_s", limit),
            "lost": sum(figures.lost for figures in ours.figures.values()),
            "stale_members": ours.stale_members,
        },
        environment=environment(
            "picows", "daphne", "uvicorn", "channels", "channels-redis", "redis", "websockets", "Twisted"
        ),
    )


@contextmanager
def _browsers() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "bench.sockets"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT) as process:
        os.sched_setaffinity(process.pid, CLIENT_CORES)
        yield process
        assert process.stdin is not None
        process.stdin.close()


def _serving(name: str, command: list[str], port: int, folder: Path, undo: ExitStack) -> Started:
    say(f"fanout: starting {name}")
    log = folder / f"{name}.log"
    server = start(command, log=log, ready=lambda: listens(port), cores=SERVER_CORES)
    undo.callback(server.stop)
    return server


def _daphne(port: int, application: str) -> list[str]:
    """Daphne, without its access log."""
    return [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(port), "-v", "0", application]


def _live(port: int) -> list[str]:
    """The live process."""
    return [sys.executable, "manage.py", "live", "127.0.0.1", str(port)]


def _uvicorn(port: int, application: str) -> list[str]:
    return [sys.executable, "-m", "uvicorn", "--port", str(port), "--log-level", "warning", application]


def _ours(folder: Path, undo: ExitStack) -> Contestant:
    """The whole application, with a member's session in the cookie of every socket."""
    from django.conf import settings

    from realtime.publish import Topic, publish_ephemeral

    workspace_id, cookie = _signed_in_member()
    topic = Topic.workspace(workspace_id)
    port = free_port()
    # The group is the product's own; its key is that of Channels' layer.
    group_key = f"klose:group:{topic.name}"
    valkey = redis.Redis.from_url(settings.REDIS_URLS[0])
    return Contestant(
        name="ours",
        server=_serving("ours", _live(port), port, folder, undo),
        port=port,
        publish=lambda sequence: publish_ephemeral(topic, _event(sequence)),
        stale=lambda: int(valkey.zcard(group_key)),
        browsers=undo.enter_context(_browsers()),
        greeting=1,
        headers={"Cookie": f"{settings.SESSION_COOKIE_NAME}={cookie}", "Origin": settings.PUBLIC_URL},
    )


def _channels(
    name: str,
    layer: str,
    server: Callable[[int, str], list[str]],
    folder: Path,
    undo: ExitStack,
) -> Contestant:
    from channels_redis.core import RedisChannelLayer
    from channels_redis.pubsub import RedisPubSubChannelLayer
    from django.conf import settings

    url = settings.REDIS_URLS[0]
    prefix = layer.rsplit(".", 1)[1]
    os.environ.update(BENCH_LAYER=layer, BENCH_GROUP=GROUP, REDIS_URL=url)
    port = free_port()
    loop = asyncio.new_event_loop()
    undo.callback(loop.close)
    kind = RedisChannelLayer if layer == REDIS_LAYER else RedisPubSubChannelLayer
    sending = kind(hosts=[{"address": url, "socket_timeout": 20}], prefix=prefix)
    valkey = redis.Redis.from_url(url)

    def publish(sequence: int) -> None:
        message = {"type": "event", "text": _frame(sequence)}
        loop.run_until_complete(sending.group_send(GROUP, message))

    def stale() -> int:
        if kind is RedisChannelLayer:
            return int(valkey.zcard(f"{prefix}:group:{GROUP}"))
        return int(valkey.pubsub_numsub(f"{prefix}__group__{GROUP}")[0][1])

    command = server(port, "bench.peers.channels_app:application")
    return Contestant(
        name=name,
        server=_serving(name, command, port, folder, undo),
        port=port,
        publish=publish,
        stale=stale,
        browsers=undo.enter_context(_browsers()),
    )


def _limit(folder: Path, undo: ExitStack) -> Contestant:
    from django.conf import settings

    port = free_port()
    url = settings.REDIS_URLS[0]
    command = [str(compiled("fanout", folder)), str(port), url.removeprefix("unix://"), GROUP]
    valkey = redis.Redis.from_url(url)
    return Contestant(
        name="limit",
        server=_serving("limit", command, port, folder, undo),
        port=port,
        publish=lambda sequence: valkey.publish(GROUP, _frame(sequence)),
        stale=lambda: 0,
        browsers=undo.enter_context(_browsers()),
    )


def _signed_in_member() -> tuple[UUID, str]:
    """A workspace, and the cookie of its owner's session."""
    from compliance import policy
    from identity.access import Client
    from identity.operations import create_verified_user
    from identity.schemas import SignUpIn
    from identity.sessions import SessionStore

    now = datetime.now(UTC)
    nobody = Client(address="192.0.2.1", agent="")
    form = {
        "first_name": "Bench",
        "last_name": "Mark",
        "email": "bench@example.com",
        "mobile": "+1 202 555 0110",
        "password": "correct horse battery",
        "sms_consent": True,
        "policy_version": policy.current_version(),
        "policy_accepted": True,
    }
    member = create_verified_user(form=SignUpIn.model_validate(form), client=nobody, now=now)
    session = SessionStore()
    session.begin(user=member.user, membership=member, client=nobody, now=now)
    assert session.phone_verified(now=now)
    return member.workspace_id, str(session.session_key)


def _event(sequence: int) -> Any:
    """A segment as a call's page gets it: some 480 bytes in its frame."""
    from voice.events import SegmentAdded
    from voice.schemas import SegmentOut

    call_id = UUID(int=1)
    segment = SegmentOut(
        id=UUID(int=2),
        call_id=call_id,
        sequence=sequence,
        speaker="callee",
        kind="speech",
        start_ms=61_240,
        end_ms=64_980,
        text="We would have to look at the price again, because the other offer includes the support.",
        confidence=0.93,
        words=[],
        replaces=[],
        correction=None,
    )
    return SegmentAdded(call_id=call_id, sequence=sequence, segment=segment)


def _frame(sequence: int) -> str:
    """The same words that the product sends, for those who have no topics."""
    return f'{{"topic":"workspace.{UUID(int=3)}","event":{_event(sequence).model_dump_json()}}}'
