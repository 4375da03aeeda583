"""How far the recognisers are behind, as steps in which less is done for each call, so that final text stays in time."""

from __future__ import annotations

NO_INTERIMS = 1
NOTHING_EARLY = THRIFTY = 2
SMALLER_MODEL = 3
DELAYED = 4
# Seconds that a final has to wait for a recogniser before each step is taken.
STEPS_S = {NO_INTERIMS: 0.4, THRIFTY: 1.0, SMALLER_MODEL: 1.6, DELAYED: 2.5}
# A step is taken back when for so long no final has waited for half of what led to it.
CALM_S = 3.0
# A final that waits less has found a recogniser free.
NOTICED_S = 0.1


class LoadGauge:
    """Steps up at once, down one at a time.

    Levels: 0 everything; 1 no interim text; 2 also no merged turns, and finals not before
    their utterance is over and by a cheaper search; 3 finals by a smaller model; 4 final text is late.
    """

    def __init__(self) -> None:
        self._steps_s = {level: step_s for level, step_s in STEPS_S.items() if level != SMALLER_MODEL}
        self._level = 0
        self._pressed_s = 0.0
        self._noticed_s = 0.0

    def allow_smaller_model(self) -> None:
        """The recognisers have one beside that of usual text. Without one there is no level 3."""
        self._steps_s = STEPS_S

    def waited(self, wait_s: float, now_s: float) -> None:
        """A final has waited, or still waits, for so long."""
        if wait_s >= NOTICED_S:
            self._noticed_s = now_s
        reached = max((level for level, step_s in self._steps_s.items() if wait_s >= step_s), default=0)
        if reached > self._level:
            self._level = reached
            self._pressed_s = now_s
        elif self._level and wait_s >= self._steps_s[self._level] / 2:
            self._pressed_s = now_s

    def idle(self, now_s: float) -> bool:
        """Whether every final of the last seconds was taken at once."""
        return self.level(now_s) == 0 and now_s - self._noticed_s >= CALM_S

    def level(self, now_s: float) -> int:
        """[0, 4] at this moment."""
        while self._level and now_s - self._pressed_s >= CALM_S:
            self._level = max((level for level in self._steps_s if level < self._level), default=0)
            self._pressed_s += CALM_S
        return self._level
