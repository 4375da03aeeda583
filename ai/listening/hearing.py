"""All tracks of a process are heard together: one hand-over to a thread, one run of the detector for many of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from ai.listening.segmenter import Event, Listening
from ai.listening.vad import SileroDetector, speech_probabilities

# Two detector windows: text is later by half of this on the average.
TICK_S = 0.064
# Detector runs gain nothing more from company beyond this, and other processor cores can take the rest.
TRACKS_A_THREAD = 64


@dataclass(frozen=True, slots=True)
class Heard:
    """One track's turn. listen: called on the event loop at the tick; takes what has come and begins to listen to it."""

    detector: SileroDetector
    listen: Callable[[], Listening]
    events: asyncio.Future[list[Event]]


class Hearing:
    """Belongs to one event loop; works while there are tracks that have heard something."""

    def __init__(self) -> None:
        # What stands ready elsewhere is brought to the tracks before each tick.
        self.bring: Callable[[], None] = _nothing
        self._waiting: list[Heard] = []
        self._ticking: asyncio.Task[None] | None = None

    async def at_next_tick(self, detector: SileroDetector, listen: Callable[[], Listening]) -> list[Event]:
        """What the segmenter found in what this track brings at the next tick."""
        loop = asyncio.get_running_loop()
        one = Heard(detector, listen, loop.create_future())
        self._waiting.append(one)
        if self._ticking is None or self._ticking.done():
            self._ticking = loop.create_task(self._tick())
        return await one.events

    async def _tick(self) -> None:
        while self._waiting:
            await asyncio.sleep(TICK_S)
            self.bring()
            tracks, self._waiting = [one for one in self._waiting if not one.events.done()], []
            shares = [tracks[at : at + TRACKS_A_THREAD] for at in range(0, len(tracks), TRACKS_A_THREAD)]
            # The detector computes outside of the interpreter's lock, so the event loop goes on meanwhile.
            await asyncio.gather(*(self._hear(share) for share in shares))

    @staticmethod
    async def _hear(share: Sequence[Heard]) -> None:
        results: Sequence[list[Event] | Exception]
        try:
            listening = [(one.detector, one.listen()) for one in share]
            results = await asyncio.to_thread(together, listening)
        except Exception as error:
            results = [error] * len(share)
        for one, found in zip(share, results, strict=True):
            if one.events.done():
                continue
            if isinstance(found, Exception):
                one.events.set_exception(found)
            else:
                one.events.set_result(found)


def together(tracks: Sequence[tuple[SileroDetector, Listening]]) -> list[list[Event] | Exception]:
    """Works through all tracks' audio, window by window side by side. One that fails fails alone."""
    found: dict[int, list[Event] | Exception] = {}
    answers: dict[int, float | None] = dict.fromkeys(range(len(tracks)))
    while answers:
        windows = {}
        for index, answer in answers.items():
            try:
                windows[index] = tracks[index][1].send(answer)
            except StopIteration as over:
                found[index] = over.value
            except Exception as error:
                found[index] = error
        detectors = [tracks[index][0] for index in windows]
        said = speech_probabilities(detectors, list(windows.values())) if windows else []
        answers = dict(zip(windows, said, strict=True))
    return [found[index] for index in range(len(tracks))]


def _nothing() -> None:
    """Where sound is fed as it comes."""


_hearings: WeakKeyDictionary[asyncio.AbstractEventLoop, Hearing] = WeakKeyDictionary()


def hearing() -> Hearing:
    """The hearing of the running event loop."""
    return _hearings.setdefault(asyncio.get_running_loop(), Hearing())
