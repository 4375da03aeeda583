"""Tells a speaker from the voices behind: a murmur of other people is speech to the detector, too.

While the detector hears nobody in a line's quiet stretches, its word is all that counts. Where it hears speech even there, a window
is the speaker's only when it is both loud and surely speech, against the quietest of the last seconds (after the minimum
statistics of R. Martin, IEEE Transactions on Speech and Audio Processing 9(5), 2001; a low quantile instead of the minimum).
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Below this a line is silent, however silent.
_SILENT_DBFS = -65.0
# The detector's most and least certain answers count no more than this, as log odds.
_SUREST = 4.0
# Under half a second; what is the quietest of less says nothing.
_LEAST_KNOWN = 12


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands out from what is behind; chosen by simulation on the benchmark's calls (docs/performance.md).

    smooth_windows, onset_windows: whose level and certainty are averaged; fewer where speech begins, so as to be there in time.
    floor_windows, floor_share: the floor is the averaged level that this share of the last windows do not reach.
    near_db, low_windows: so long no more than so far above the floor, and it is the background that is heard.
    learned: what one such window weighs in what is known of the background. The first ones weigh more, as in a mean
        of all of them and of first_windows more in which nobody was heard, so that it is known before a first turn is over.
    silent, forgotten: speech probability below which nobody is heard at all, and how much of that knowledge goes with it.
    murmur: speech probability of the background from which on there are voices in it.
    odds_db: what a step of the log odds of speech is worth.
    onset_db, release_db: above which speech begins, below which it pauses: level above the floor and odds_db together.
    held_windows: so much longer it is still speech, if the detector hears any.
    """

    smooth_windows: int = 8
    onset_windows: int = 4
    floor_windows: int = 320
    floor_share: float = 0.1
    near_db: float = 4.0
    low_windows: int = 10
    learned: float = 0.08
    first_windows: int = 4
    silent: float = 0.1
    forgotten: float = 0.5
    murmur: float = 0.2
    odds_db: float = 3.0
    onset_db: float = 17.0
    release_db: float = 14.0
    held_windows: int = 3


class Foreground:
    """One track's levels. Holds floor_windows of them; a window costs a few microseconds."""

    def __init__(self, *, onset: float, release: float, standing: Standing | None = None) -> None:
        """onset, release: speech probability above which speech begins, below which it pauses."""
        self._onset = onset
        self._release = release
        self._standing = standing or Standing()
        self._levels: deque[float] = deque(maxlen=self._standing.smooth_windows)
        self._odds: deque[float] = deque(maxlen=self._standing.smooth_windows)
        self._history: deque[float] = deque()
        self._ordered: list[float] = []
        self._low_windows = 0
        self._quiet_windows = 0
        self._taught_windows = 0
        self._murmur = 0.0

    def probability(self, window: NDArray[np.float32], heard: float) -> float:
        """That the speaker speaks in the next window; never more than heard, which is that anybody does.

        window: samples in [-1, 1].
        """
        self._levels.append(_dbfs(window))
        self._odds.append(_log_odds(heard))
        self._quiet_windows += 1
        judged = self._judged(heard, self._learned_floor(heard))
        if judged >= self._release:
            self._quiet_windows = 0
        elif heard >= self._release and self._quiet_windows <= self._standing.held_windows:
            # The softest end of a word is lost in the murmur first.
            return self._release
        return judged

    def _judged(self, heard: float, floor: float) -> float:
        if self._murmur < self._standing.murmur:
            return heard
        if self._stands_out(self._standing.onset_windows, floor) >= self._standing.onset_db:
            return heard
        if self._stands_out(self._standing.smooth_windows, floor) >= self._standing.release_db:
            # Speech that has begun goes on, but none begins.
            return min(heard, (self._onset + self._release) / 2)
        return 0.0

    def _stands_out(self, windows: int, floor: float) -> float:
        return _last(self._levels, windows) - floor + self._standing.odds_db * _last(self._odds, windows)

    def _learned_floor(self, heard: float) -> float:
        level = _last(self._levels, self._standing.smooth_windows)
        floor = self._floor(level)
        self._learn(level - floor, heard)
        return floor

    def _floor(self, level: float) -> float:
        """The floor, with this level among the last ones."""
        if len(self._history) == self._standing.floor_windows:
            del self._ordered[bisect_left(self._ordered, self._history.popleft())]
        self._history.append(level)
        insort(self._ordered, level)
        return self._ordered[int(self._standing.floor_share * (len(self._ordered) - 1))]

    def _learn(self, above_db: float, heard: float) -> None:
        """A dip within a sentence is over before it teaches anything."""
        self._low_windows = self._low_windows + 1 if above_db <= self._standing.near_db else 0
        if len(self._history) <= _LEAST_KNOWN:
            return
        if self._low_windows >= self._standing.low_windows:
            self._taught_windows += 1
            weight = max(self._standing.learned, 1 / (self._standing.first_windows + self._taught_windows))
            self._murmur += weight * (heard - self._murmur)
        elif heard < min(self._standing.silent, self._murmur):
            self._murmur += self._standing.forgotten * (heard - self._murmur)


def _last(values: deque[float], count: int) -> float:
    """The mean of the newest values."""
    kept = list(values)[-count:]
    return sum(kept) / len(kept)


def _dbfs(window: NDArray[np.float32]) -> float:
    power = float(window @ window) / len(window)
    return max(10 * math.log10(power), _SILENT_DBFS) if power > 0 else _SILENT_DBFS


def _log_odds(probability: float) -> float:
    kept = min(max(probability, 1e-4), 1 - 1e-4)
    return min(max(math.log(kept / (1 - kept)), -_SUREST), _SUREST)
