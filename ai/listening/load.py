"""How far the recognisers are behind, as steps in which less is done for each call, so that final text stays in time."""

from __future__ import annotations

NO_INTERIMS = 1
NOTHING_EARLY = THRIFTY = 2
DELAYED = 3
# Seconds that a final has to wait for a recogniser before each step is taken.
STEPS_S = (0.4, 1.0, 2.5)
# A step is taken back when for so long no final has waited for half of what led to it.
CALM_S = 3.0
# A final that waits less has found a recogniser free.
NOTICED_S = 0.1


class LoadGauge:
    """Steps up at once, down one at a time.

    Levels: 0 everything; 1 no interim text; 2 also no merged turns, and finals not before
    their utterance is over and by a cheaper search; 3 final text is late.
    """

    def __init__(self) -> None:
        self._level = 0
        self._pressed_s = 0.0
        self._noticed_s = 0.0

    def waited(self, wait_s: float, now_s: float) -> None:
        """A final has waited, or still waits, for so long."""
        if wait_s >= NOTICED_S:
            self._noticed_s = now_s
        reached = sum(wait_s >= step for step in STEPS_S)
        if reached > self._level:
            self._level = reached
            self._pressed_s = now_s
        elif self._level and wait_s >= STEPS_S[self._level - 1] / 2:
            self._pressed_s = now_s

    def idle(self, now_s: float) -> bool:
        """Whether every final of the last seconds was taken at once."""
        return self.level(now_s) == 0 and now_s - self._noticed_s >= CALM_S

    def level(self, now_s: float) -> int:
        """[0, 3] at this moment."""
        while self._level and now_s - self._pressed_s >= CALM_S:
            self._level -= 1
            self._pressed_s += CALM_S
        return self._level
