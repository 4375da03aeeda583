"""How long no sound has come of a media stream, as far as that is sure."""

import asyncio
from collections.abc import Callable
from typing import Final

# Whoever looks sees that the sound stands still up to so much later than it does.
LOOK_EVERY_S: Final = 0.5
# The carrier's last sound and its stop come within some hundred ms; a lost packet between them is sent again within about a second.
STILL_LEAST_MS: Final = 2_000


class Stillness:
    """Looks now and then how far the sound has come, as long as the stream lasts.

    Where the process itself is late, everything it reads comes late: sound that had waited for it moves on in the turn in which the stop
    behind it is read, and no stillness is seen. One that is seen began no sooner than the look that first found the sound where it
    ends, so that it is told too short by LOOK_EVERY_S at most, and never too long.
    """

    def __init__(self, heard_until_ms: Callable[[], int], elapsed_ms: Callable[[], int]) -> None:
        """heard_until_ms(): where the sound that has come ends. elapsed_ms(): real time. Both since the stream's time 0."""
        self._heard_until_ms = heard_until_ms
        self._elapsed_ms = elapsed_ms
        self._loop = asyncio.get_running_loop()
        self._seen_ms = self._since_ms = 0
        self._look()

    def ended_ms(self) -> int:
        """Where the stream ends now, in stream time: with its sound, or behind a stillness that was long enough to be one. For the end."""
        self._next.cancel()
        heard_ms, elapsed_ms = self._heard_until_ms(), self._elapsed_ms()
        still_ms = elapsed_ms - self._since_ms if heard_ms == self._seen_ms else 0
        # Sound may come faster than it was made; then nobody has missed what real time has not come to.
        ends_ms = min(elapsed_ms, heard_ms + still_ms)
        return ends_ms if ends_ms - heard_ms >= STILL_LEAST_MS else heard_ms

    def stop(self) -> None:
        self._next.cancel()

    def _look(self) -> None:
        heard_ms = self._heard_until_ms()
        if heard_ms != self._seen_ms:
            self._seen_ms, self._since_ms = heard_ms, self._elapsed_ms()
        self._next = self._loop.call_later(LOOK_EVERY_S, self._look)
