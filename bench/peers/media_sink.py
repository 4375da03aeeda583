"""What every receiver of the media benchmark does with a frame: bounded audio per track, drained as the product's listener is.

MEDIA_STATS: a file for one line of JSON, written when the last socket has gone.
"""

import asyncio
import json
import os
import time
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
    """waiting: audio until the next drain. next_ms: the time that the next frame must have."""

    __slots__ = ("_sink", "next_ms", "waiting", "waiting_bytes")

    def __init__(self, sink: "Sink") -> None:
        self._sink = sink
        self.next_ms = 0
        self.waiting: list[bytes] = []
        self.waiting_bytes = 0

    def feed(self, audio: bytes, timestamp_ms: int, frames: int, *, read_now: bool = False) -> None:
        """read_now: nobody has kept it for this track until now."""
        sink = self._sink
        sink.frames += frames
        if timestamp_ms != self.next_ms:
            sink.gaps += 1
        self.next_ms = timestamp_ms + len(audio) // BYTES_A_MS
        if self.waiting_bytes + len(audio) > MAX_WAITING_BYTES:
            sink.dropped += frames
            return
        if not self.waiting:
            sink.filled.append(self)
        self.waiting.append(audio)
        self.waiting_bytes += len(audio)
        if timestamp_ms % SAMPLE_MS < frames * FRAME_MS:
            sink.note(audio, frames, read_now=read_now)


class Reading(Protocol):
    """read_ns: when the first and the last frame of what it hands on just now were read, by the monotonic clock."""

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
        # The tracks in which something waits.
        self.filled: list[Track] = []
        self._draining = False

    def call(self) -> "Call":
        if not self._draining:
            self._draining = True
            asyncio.get_running_loop().call_later(DRAIN_EVERY_S, self._drain)
        call = Call(self)
        self.open.add(call)
        return call

    def gone(self, call: "Call") -> None:
        self._take()
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

    def _drain(self) -> None:
        if not self.open:
            # While others take their turns, nobody wakes beside them.
            self._draining = False
            return
        asyncio.get_running_loop().call_later(DRAIN_EVERY_S, self._drain)
        if self.bring is not None:
            self.bring()
        self._take()

    def _take(self) -> None:
        for track in self.filled:
            track.waiting.clear()
            track.waiting_bytes = 0
        self.filled.clear()

    def note(self, audio: bytes, frames: int, *, read_now: bool) -> None:
        """The delay of what comes just now, since its frames say when they were sent."""
        if read_now or self.reading is None:
            self._note(audio, time.monotonic_ns())
            return
        first_ns, last_ns = self.reading.read_ns
        self._note(audio, first_ns)
        if frames > 1:
            self._note(audio[-FRAME_BYTES:], last_ns)

    def _note(self, frame: bytes, in_track_ns: int) -> None:
        self.delays_ms.append((in_track_ns - int.from_bytes(frame[:8], "little")) / 1e6)


class Call:
    """One socket's two tracks."""

    on_given_up: Callable[[], None]

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.tracks = {"inbound": Track(sink), "outbound": Track(sink)}

    def feed(self, name: str, audio: bytes, timestamp_ms: int) -> None:
        self.tracks[name].feed(audio, timestamp_ms, 1, read_now=True)

    def ears(self) -> tuple[Ear, Ear]:
        return self.tracks["inbound"].feed, self.tracks["outbound"].feed

    def missed(self, track: str, frames: int, until_ms: int) -> None:
        self._sink.frames += frames
        self._sink.dropped += frames

    async def finish(self, *, complete: bool) -> None:
        self._sink.gone(self)


SINK = Sink()
