"""What happens beside a call that goes on."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

# After the call was placed: the dialogue has begun, and goes on for longer than what happens beside it.
BESIDE_AFTER_S = 15.0


class Beside:
    """Something that happens while a call goes on. Its result is asked for after the call."""

    def __init__(self, act: Callable[[], Any]) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._done: Future[Any] = self._pool.submit(self._later, act)

    @staticmethod
    def _later(act: Callable[[], Any]) -> Any:
        time.sleep(BESIDE_AFTER_S)
        return act()

    def result(self) -> Any:
        self._pool.shutdown()
        return self._done.result()
