"""One event to N browsers: the product's own path, Channels' usual one on two servers, and the limit.

All four servers run at once on one core, idle but for the one that is asked; the browsers, Valkey and PostgreSQL are on the
other. An event is published when every socket has had the one before, and the servers take turns. The rate is deliveries
per second of the server's processor time, which other work on the machine does not change; seconds of the clock stand
beside it. Latency is from just before publishing until the browsers' process has read the frame. Before that browsers
that read a byte a second join a hundred others (bench/slow_reader.py).
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from itertools import count as count_from
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

import redis

from bench import services, slow_reader
from bench.contestant import Contestant, Figures, frame_of
from bench.machine import CLIENT_CORES, PROJECT, SERVER_CORES, Started, free_port, listens, start
from bench.native.build import compiled
from bench.report import Report, environment, say
from bench.slow_reader import Cost

# Sockets -> events per turn. The few events to many sockets are many deliveries all the same.
EVENTS = {10: 100, 100: 30, 1_000: 12}
TURNS = 5
# Turns of ours with a slow reader and without; one turn shows what the others do about it.
SLOW_READERS = 9
LARGEST = max(EVENTS)
GROUP = "bench-fanout"
REDIS_LAYER = "channels_redis.core.RedisChannelLayer"
PUBSUB_LAYER = "channels_redis.pubsub.RedisPubSubChannelLayer"


def run() -> Report:
    say("fanout: starting PostgreSQL and Valkey")
    with services.running() as folder, ExitStack() as undo:
        ours = _ours(folder, undo)
        daphne = _channels("daphne_redis", REDIS_LAYER, _daphne, folder, undo)
        uvicorn = _channels("uvicorn_pubsub", PUBSUB_LAYER, _uvicorn, folder, undo)
        limit = _limit(folder, undo)
        contestants = [ours, daphne, uvicorn, limit]
        numbers = count_from(1)
        costs = _slow_readers(contestants, numbers)
        for count, events in EVENTS.items():
            say(f"fanout: {count} sockets, {TURNS} turns of {events} events each")
            for one in contestants:
                one.open(count)
                one.figures[count] = Figures()
            for _ in range(TURNS):
                for one in contestants:
                    one.turn(one.figures[count], list(islice(numbers, events)))
            for one in contestants:
                one.close()
        return _report(ours, daphne, uvicorn, limit, costs)


def _slow_readers(contestants: list[Contestant], numbers: Iterator[int]) -> dict[str, Cost]:
    """What a slow reader costs each; first of all, since a heap that has grown before hides it."""
    say(f"fanout: {slow_reader.OTHERS} sockets and some that read a byte a second")
    costs = {one.name: Cost() for one in contestants}
    for one in contestants:
        one.open(slow_reader.OTHERS)
        slow_reader.weigh(one, costs[one.name], numbers)
    for turn in range(SLOW_READERS):
        for one in contestants if turn == 0 else contestants[:1]:
            slow_reader.take_turns(one, costs[one.name], numbers, slow_first=turn % 2 == 1)
    for one in contestants:
        one.close()
    return costs


def _report(
    ours: Contestant, daphne: Contestant, uvicorn: Contestant, limit: Contestant, costs: dict[str, Cost]
) -> Report:
    at_most = {one.name: one.figures[LARGEST].as_json() for one in (ours, daphne, uvicorn, limit)}

    def found(one: Contestant) -> dict[str, Any]:
        return {**one.as_json(), "slow_reader": costs[one.name].as_json()}

    def ratio(figure: str, other: Contestant) -> float:
        return round(float(at_most[ours.name][figure] / at_most[other.name][figure]), 3)

    return Report(
        name="fanout",
        ours=found(ours),
        peers={daphne.name: found(daphne), uvicorn.name: found(uvicorn)},
        limit={"program": "C, epoll", **found(limit)},
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
        publish=lambda event: publish_ephemeral(topic, event),
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

    def publish(event: Any) -> None:
        message = {"type": "event", "text": frame_of(event)}
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
        publish=lambda event: valkey.publish(GROUP, frame_of(event)),
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
        "transfer_consent": True,
    }
    member = create_verified_user(form=SignUpIn.model_validate(form), client=nobody, now=now)
    session = SessionStore()
    session.begin(user=member.user, membership=member, client=nobody, now=now)
    assert session.phone_verified(now=now)
    return member.workspace_id, str(session.session_key)
