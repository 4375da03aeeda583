"""Seeded kills during simulated calls; afterwards the product's books are compared with what the carrier knows.

Everything is real but the talk: web, worker, meter, PostgreSQL and a second meter are processes, reps use HTTP, the carrier calls
back. Calls are priced by the second, so that the meter has something to do at any moment. A seed decides who calls for how long,
what dies when and for how long, and what the carrier sends twice, late or in the wrong order.
"""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Final, Self

from config.embedded.children import die_with_parent
from config.embedded.environment import PROJECT
from config.embedded.handle import Stack
from config.embedded.processes import child_environment
from sandbox.rep import UnexpectedAnswer
from tests.chaos.ledger.books import HELPERS_LOG, Books
from tests.chaos.ledger.rep import STUCK_AFTER_S, Caller, Done
from tests.chaos.ledger.team import team

logger = logging.getLogger(__name__)

CALLS_A_SEED: Final = 15
SIDE_BY_SIDE_MAX: Final = 3
KILLED: Final = ("web", "worker", "clock", "postgres")
MCREDITS_PER_S: Final = 10
_KILLS_A_SEED: Final = (2, 3)
_AWAY_S_MAX: Final = 2.0
# Calls are placed, answered and over within about so many seconds.
_SEED_S: Final = 7.0


@dataclass(slots=True)
class Tally:
    """What became of all seeds. wrong: every finding in words; the numbers count calls."""

    seeds: int = 0
    calls: int = 0
    kills: int = 0
    lost: int = 0
    doubled: int = 0
    stuck: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.wrong

    def as_json(self) -> dict[str, Any]:
        numbers = {name: getattr(self, name) for name in ("seeds", "calls", "kills", "lost", "doubled", "stuck")}
        return {**numbers, "ok": self.ok}


class LedgerChaos:
    """A stack with its reps, through as many seeds as wanted.

    with LedgerChaos(folder) as chaos:
        chaos.run_all(range(1, 21))
        chaos.close_books()
    """

    def __init__(self, data_dir: Path, *, patience_s: float = STUCK_AFTER_S) -> None:
        """patience_s: for so long may books be wrong that news still on their way will put right."""
        self._patience_s = patience_s
        # Text is not what is looked at here; without recognisers of our own all of the machine is for the calls.
        self.stack = Stack(data_dir, settings={"TRANSCRIPTION_ENGINE": "twilio"})
        self.tally = Tally()
        self._helpers: list[subprocess.Popen[bytes]] = []
        self._crew: list[Caller] = []

    def __enter__(self) -> Self:
        self.stack.__enter__()
        try:
            self._price_by_the_second()
            self._crew = team(self.stack)
            self._books = Books(self.stack, self._crew, mcredits_per_s=MCREDITS_PER_S)
            for command in (["manage.py", "clock"], ["-m", "tests.chaos.ledger.late_meter"]):
                self._helpers.append(self._start(command))
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for helper in self._helpers:
            helper.kill()
            helper.wait()
        for caller in self._crew:
            caller.rep.close()
        self.stack.__exit__(exc_type, exc, traceback)

    def run_all(self, seeds: Sequence[int], *, until_wrong: bool = False) -> None:
        """until_wrong: no more of them once something was found."""
        for first in range(0, len(seeds), SIDE_BY_SIDE_MAX):
            self.run(*seeds[first : first + SIDE_BY_SIDE_MAX])
            if until_wrong and self.tally.wrong:
                return

    def run(self, *seeds: int) -> None:
        """Seeds side by side: their calls, their kills, and the books afterwards. At most SIDE_BY_SIDE_MAX."""
        self.stack.wait_ready(limit_s=60)
        chances = {seed: Random(seed) for seed in seeds}
        self._faults(list(chances.values()))
        free = iter(Random(sum(seeds)).sample(self._crew, len(seeds) * CALLS_A_SEED))
        calls = [(seed, next(free), Random(chances[seed].random())) for seed in seeds for _ in range(CALLS_A_SEED)]
        with self._killing(list(chances.values())), ThreadPoolExecutor(len(calls)) as pool:
            ends = list(pool.map(lambda one: (one[0], _call(one[1], one[2])), calls))
        self.stack.wait_ready(limit_s=60)
        done = [end for _, end in ends if isinstance(end, Done)]
        forgotten = [f"seed {seed}: lost: {end}" for seed, end in ends if isinstance(end, str)]
        self._compare(seeds, done, forgotten)
        self._all_helpers_live()
        logger.info("seeds %s: %s, slowest settled after %s s", seeds, self.tally.as_json(), _slowest(done))

    def close_books(self) -> Tally:
        """The ledger's own check of all invariants, and what the processes had to log."""
        self.tally.wrong += self._books.broken_invariants()
        self.tally.wrong += self._books.refused_by_constraints()
        return self.tally

    def _compare(self, seeds: Sequence[int], done: list[Done], forgotten: list[str]) -> None:
        found = self._books.compare(done, patience_s=self._patience_s)
        self.tally.seeds += len(seeds)
        self.tally.calls += len(done) + len(forgotten)
        self.tally.lost += len(found.lost) + len(forgotten)
        self.tally.doubled += len(found.doubled)
        self.tally.stuck += len(found.stuck)
        self.tally.wrong += forgotten + [f"seeds {seeds}: {each}" for each in found.in_words()]

    def _faults(self, chances: list[Random]) -> None:
        sandbox = self._crew[0].rep.sandbox
        sandbox("DELETE", "/sandbox/api/faults")
        for chance in chances:
            for kind, value in (("duplicate", 2), ("reorder", 500), ("delay", 1_500), ("error", 503)):
                fault = {"target": "twilio.callbacks", "kind": kind, "value": value, "count": chance.randint(0, 8)}
                if fault["count"]:
                    sandbox("POST", "/sandbox/api/faults", fault)

    @contextmanager
    def _killing(self, chances: list[Random]) -> Iterator[None]:
        plan = sorted(
            (chance.uniform(0.3, _SEED_S), chance.choice(KILLED), chance.uniform(0.0, _AWAY_S_MAX))
            for chance in chances
            for _ in range(chance.randint(*_KILLS_A_SEED))
        )
        killer = threading.Thread(target=self._kill_all, args=(plan,), name="killer")
        killer.start()
        try:
            yield
        finally:
            killer.join()

    def _kill_all(self, plan: list[tuple[float, str, float]]) -> None:
        began = time.monotonic()
        for at_s, process, away_s in plan:
            time.sleep(max(0.0, began + at_s - time.monotonic()))
            running = self.stack.processes().get(process)
            if running is None or running.pid is None:
                # It has not come back from the kill before.
                continue
            # The supervisor is held, so that for a while nobody starts it again.
            os.kill(self.stack.supervisor_pid, signal.SIGSTOP)
            try:
                os.kill(running.pid, signal.SIGKILL)
                self.tally.kills += 1
                time.sleep(away_s)
            except ProcessLookupError:
                pass
            finally:
                os.kill(self.stack.supervisor_pid, signal.SIGCONT)

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        output = (self.stack.data_dir / HELPERS_LOG).open("ab")
        with output:
            return subprocess.Popen(
                [sys.executable, *command],
                cwd=PROJECT,
                env=child_environment({**os.environ, **self.stack.env}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=die_with_parent(signal.SIGKILL),
            )

    def _all_helpers_live(self) -> None:
        ended = [str(helper.args) for helper in self._helpers if helper.poll() is not None]
        if ended:
            tail = (self.stack.data_dir / HELPERS_LOG).read_text()[-2_000:]
            raise RuntimeError(f"{ended} ended by itself:\n{tail}")

    def _price_by_the_second(self) -> None:
        """As an operator changes prices."""
        command = [sys.executable, "-m", "config.embedded.manage", "rate_card"]
        command += ["--per-minute", str(60 * MCREDITS_PER_S), "--increment", "1", "--minimum", "1"]
        environ = {**os.environ, "DATABASE_URL": "", "DATA_DIR": str(self.stack.data_dir)}
        subprocess.run(command, cwd=PROJECT, env=environ, check=True, capture_output=True)


def _call(caller: Caller, chance: Random) -> Done | str:
    """The call, or why the product would not have it."""
    try:
        return caller.call(chance)
    except UnexpectedAnswer as answer:
        return str(answer)


def _slowest(done: list[Done]) -> float | None:
    return max((each.settled_after_s for each in done if each.settled_after_s is not None), default=None)
