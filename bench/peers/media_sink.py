"""What every receiver of the media benchmark does with a frame: bounded audio per track, drained as the product's listener is.

MEDIA_STATS: a file for one line of JSON, written when the last socket has gone.
"""

import asyncio
import json
import os
import time
from collections import deque
from pathlib import Path

MAX_WAITING_BYTES = 80_000
DRAIN_EVERY_S = 0.064
FRAME_MS = 20
# Each track's delay is looked at twice a second.
SAMPLE_MS = 500


class Track:
    """waiting: audio with its time. next_ms: the time that the next frame must have."""

    __slots__ = ("next_ms", "waiting", "waiting_bytes")

    def __init__(self) -> None:
        self.next_ms = 0
        self.waiting: deque[tuple[int, bytes]] = deque()
        self.waiting_bytes = 0


class Sink:
    """Belongs to one event loop."""

    def __init__(self) -> None:
        self.open: set[Call] = set()
        self.frames = self.gaps = self.dropped = 0
        self.delays_ms: list[float] = []
        self._draining: asyncio.Task[None] | None = None

    def call(self) -> "Call":
        if self._draining is None:
            self._draining = asyncio.get_running_loop().create_task(self._drain())
        call = Call(self)
        self.open.add(call)
        return call

    def gone(self, call: "Call") -> None:
        self._take(call)
        self.open.discard(call)
        if self.open:
            return
        ordered = sorted(self.delays_ms) or [0.0]
        found = {"frames": self.frames, "gaps": self.gaps, "dropped": self.dropped}
        stats = Path(os.environ["MEDIA_STATS"])
        hidden = stats.with_suffix(".part")
        hidden.write_text(json.dumps({**found, "delay_ms_p99": round(ordered[len(ordered) * 99 // 100], 3)}))
        hidden.rename(stats)
        self.frames = self.gaps = self.dropped = 0
        self.delays_ms = []

    async def _drain(self) -> None:
        while True:
            await asyncio.sleep(DRAIN_EVERY_S)
            for call in self.open:
                self._take(call)

    def _take(self, call: "Call") -> None:
        for track in call.tracks.values():
            if track.waiting:
                self.frames += len(track.waiting)
                track.waiting.clear()
                track.waiting_bytes = 0


class Call:
    """One socket's two tracks."""

    given_up = False

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.tracks = {"inbound": Track(), "outbound": Track()}

    def feed(self, name: str, audio: bytes, timestamp_ms: int) -> None:
        track = self.tracks[name]
        if timestamp_ms != track.next_ms:
            self._sink.gaps += 1
        track.next_ms = timestamp_ms + FRAME_MS
        track.waiting.append((timestamp_ms, audio))
        track.waiting_bytes += len(audio)
        while track.waiting_bytes > MAX_WAITING_BYTES:
            track.waiting_bytes -= len(track.waiting.popleft()[1])
            self._sink.frames += 1
            self._sink.dropped += 1
        if timestamp_ms % SAMPLE_MS == 0:
            self._sink.delays_ms.append((time.monotonic_ns() - int.from_bytes(audio[:8], "little")) / 1e6)

    def missed(self, track: str, frames: int, until_ms: int) -> None:
        self._sink.frames += frames
        self._sink.dropped += frames

    async def finish(self, *, complete: bool) -> None:
        self._sink.gone(self)


SINK = Sink()
