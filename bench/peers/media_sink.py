"""What every receiver of the media benchmark does with a frame: bounded audio per track, drained as the product's listener is.

MEDIA_STATS: a file for one line of JSON, written when the last socket has gone.
"""

import asyncio
import json
import os
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

Ear = Callable[[bytes, int, int], None]
MAX_WAITING_BYTES = 80_000
DRAIN_EVERY_S = 0.064
FRAME_MS, BYTES_A_MS = 20, 8
FRAME_BYTES = FRAME_MS * BYTES_A_MS
# Each track's delay is looked at twice a second.
SAMPLE_MS = 500


class Track:
    """waiting: audio with its time and of how many frames it is. next_ms: the time that the next frame must have."""

    __slots__ = ("_sink", "next_ms", "waiting", "waiting_bytes", "waiting_frames")

    def __init__(self, sink: "Sink") -> None:
        self._sink = sink
        self.next_ms = 0
        self.waiting: deque[tuple[int, bytes, int]] = deque()
        self.waiting_bytes = self.waiting_frames = 0

    def hear(self, audio: bytes, timestamp_ms: int, frames: int) -> None:
        """Of a receiver that had it in its own track already."""
        reading = self._sink.reading
        assert reading is not None
        self.feed(audio, timestamp_ms, frames, *reading.read_ns)

    def feed(self, audio: bytes, timestamp_ms: int, frames: int, first_ns: int = 0, last_ns: int = 0) -> None:
        """first_ns, last_ns: when the first and the last frame were in their track; 0 for now."""
        if timestamp_ms != self.next_ms:
            self._sink.gaps += 1
        self.next_ms = timestamp_ms + len(audio) // BYTES_A_MS
        self.waiting.append((timestamp_ms, audio, frames))
        self.waiting_bytes += len(audio)
        self.waiting_frames += frames
        while self.waiting_bytes > MAX_WAITING_BYTES:
            _, dropped, dropped_frames = self.waiting.popleft()
            self.waiting_bytes -= len(dropped)
            self.waiting_frames -= dropped_frames
            self._sink.frames += dropped_frames
            self._sink.dropped += dropped_frames
        if timestamp_ms % SAMPLE_MS < frames * FRAME_MS:
            self._note(audio, first_ns or time.monotonic_ns())
            if frames > 1:
                self._note(audio[-FRAME_BYTES:], last_ns)

    def _note(self, frame: bytes, in_track_ns: int) -> None:
        self._sink.delays_ms.append((in_track_ns - int.from_bytes(frame[:8], "little")) / 1e6)


class Reading(Protocol):
    """read_ns: when the first and the last frame of what it hands on just now were in their track, by the monotonic clock."""

    @property
    def read_ns(self) -> tuple[int, int]: ...


class Sink:
    """Belongs to one event loop."""

    def __init__(self) -> None:
        self.open: set[Call] = set()
        # Where a receiver keeps what has come for its track until the tick: what makes it hand that on, and who knows when it was read.
        self.bring: Callable[[], None] | None = None
        self.reading: Reading | None = None
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
            if self.bring is not None:
                self.bring()
            for call in self.open:
                self._take(call)

    def _take(self, call: "Call") -> None:
        for track in call.tracks.values():
            if track.waiting:
                self.frames += track.waiting_frames
                track.waiting.clear()
                track.waiting_frames = 0
                track.waiting_bytes = 0


class Call:
    """One socket's two tracks."""

    on_given_up: Callable[[], None]

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.tracks = {"inbound": Track(sink), "outbound": Track(sink)}

    def feed(self, name: str, audio: bytes, timestamp_ms: int) -> None:
        self.tracks[name].feed(audio, timestamp_ms, 1)

    def ears(self) -> tuple[Ear, Ear]:
        return self.tracks["inbound"].hear, self.tracks["outbound"].hear

    def missed(self, track: str, frames: int, until_ms: int) -> None:
        self._sink.frames += frames
        self._sink.dropped += frames

    async def finish(self, *, complete: bool) -> None:
        self._sink.gone(self)


SINK = Sink()
