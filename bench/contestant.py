"""One server of the fan-out benchmark, with the browsers that listen to it and what is published to them."""

import json
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from bench.machine import Started

STALE_AFTER_S = 10.0
# A segment as a call's page gets it: some 480 bytes in its frame.
TEXT = "We would have to look at the price again, because the other offer includes the support."


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
        return {
            "deliveries_per_cpu_s": round(len(self.latencies_ms) / self.cpu_s),
            "deliveries_per_s": round(len(self.latencies_ms) / self.wall_s),
            "p50_ms": round(self.percentile_ms(50), 2),
            "p99_ms": round(self.percentile_ms(99), 2),
            "max_ms": round(max(self.latencies_ms), 2),
            "lost": self.lost,
        }

    def percentile_ms(self, percent: int) -> float:
        ordered = sorted(self.latencies_ms)
        return ordered[len(ordered) * percent // 100]


@dataclass(slots=True)
class Contestant:
    """A server with its browsers. publish: sends an event; stale: group members that Valkey still knows.

    greeting: frames that it sends on its own when a socket opens; headers: what its upgrade wants.
    """

    name: str
    server: Started
    port: int
    publish: Callable[[Any], object]
    stale: Callable[[], int]
    browsers: subprocess.Popen[str]
    greeting: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    figures: dict[int, Figures] = field(default_factory=dict)
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

    def turn(self, figures: Figures, sequences: Sequence[int], text: str = TEXT) -> None:
        """Publishes these events one after another and notes what came of them."""
        cpu_before = self.server.cpu_s()
        for sequence in sequences:
            event = segment_added(sequence, text)
            published_ns = time.monotonic_ns()
            self.publish(event)
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


def segment_added(sequence: int, text: str) -> Any:
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
        text=text,
        confidence=0.93,
        words=[],
        replaces=[],
        correction=None,
        refusal=None,
    )
    return SegmentAdded(call_id=call_id, sequence=sequence, segment=segment)


def frame_of(event: Any) -> str:
    """The same words that the product sends, for those who have no topics."""
    return f'{{"topic":"workspace.{UUID(int=3)}","event":{event.model_dump_json()}}}'
