"""Ten million segments are kept for 180 days, and day after day what is over its term goes, while others' calls go on.

The product's own job ends the oldest days, one after the other, in another process than those that serve; the stack's clock, which would do the same each
minute, stands still meanwhile. Measured are the seconds of a day and what others wait, beside what they wait without it. The peer
deletes the same rows one by one, each with a commit of its own. The limit is a partition that holds a day's segments alone, with nothing
else of them, and is dropped.
"""

import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import quote

from bench import erasure
from bench.report import Report, environment, say
from config.embedded.handle import Stack

NIGHTS: Final = 6
# What is deleted row by row, as a part of a day.
PLAIN_CALLS: Final = 50


def run() -> Report:
    say("retention: starting a stack")
    with ExitStack() as undo:
        folder = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="klose-bench-")))
        # PostgreSQL does not run as root, so others have to be able to enter.
        folder.chmod(0o755)
        stack = undo.enter_context(Stack(folder / "data", settings=erasure.SETTINGS))
        erasure.use_rows_of(stack)
        from bench import calling_rows, retention_rows
        from bench.erasure_load import p95
        from bench.live_calls import workspaces

        say(f"retention: {retention_rows.CALLS * retention_rows.SEGMENTS_PER_CALL:,} segments")
        began = time.perf_counter()
        seats = [calling_rows.seat(each, "owner") for each in workspaces(retention_rows.WORKSPACES)]
        retention_rows.fill(_superuser_url(stack), seats, NIGHTS + 1)
        filled_s = time.perf_counter() - began
        say(f"retention: filled in {filled_s:.0f} s; others alone")
        quiet: dict[str, list[float]] = {}
        with _clock_stands_still(stack):
            erasure.wait_quietly(stack, quiet)
            say(f"retention: {NIGHTS} days end while others work")
            nights, busy = _nights(stack)
            erasure.wait_quietly(stack, quiet)
            say("retention: row by row, and a partition")
            plain = retention_rows.row_by_row(PLAIN_CALLS)
            partition = retention_rows.dropped_partition(retention_rows.CALLS_PER_DAY)
        waited = {
            kind: {"quiet_p95": p95(quiet[kind]), "p95": p95(busy[kind]), "max": max(busy[kind])} for kind in busy
        }
        night_s = sum(nights) / len(nights)
        per_night = retention_rows.CALLS_PER_DAY * retention_rows.SEGMENTS_PER_CALL
        return Report(
            name="retention",
            ours={
                "segments": retention_rows.CALLS * retention_rows.SEGMENTS_PER_CALL,
                "filled_s": round(filled_s),
                "segments_per_night": per_night,
                "nights_s": [round(each, 2) for each in nights],
                "others_ms": {kind: erasure.rounded(each) for kind, each in waited.items()},
            },
            peers={"row_by_row": erasure.rounded(plain)},
            limit={"dropped_partition": erasure.rounded(partition)},
            ratios={
                "seconds": round(night_s, 2),
                "others_p95_ratio": round(max(each["p95"] / each["quiet_p95"] for each in waited.values()), 3),
                "seconds_vs_row_by_row": round(night_s / (plain["seconds"] / plain["segments"] * per_night), 4),
                "left_segments": retention_rows.left(datetime.now(UTC) - timedelta(days=retention_rows.DAYS + 10)),
            },
            environment=environment("django", "psycopg"),
        )


def _superuser_url(stack: Stack) -> str:
    from config.embedded import folders, postgres, secrets

    places = folders.make(stack.data_dir)
    known = secrets.load_or_create(places.secrets)
    password = quote(known["postgres_superuser_password"])
    return f"postgresql://postgres:{password}@/{postgres.DATABASE}?host={quote(str(places.run))}"


@contextmanager
def _clock_stands_still(stack: Stack) -> Iterator[None]:
    clock = stack.pid("clock")
    os.kill(clock, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(clock, signal.SIGCONT)


def _nights(stack: Stack) -> tuple[list[float], dict[str, list[float]]]:
    """Seconds of each, and what others waited from the first to the last."""
    others = erasure.others_of(stack)
    is_over = threading.Event()
    with ThreadPoolExecutor(1) as nightly:
        ending = nightly.submit(_ended, is_over)
        waited = others.work(is_over.is_set)
        return ending.result(), waited


def _ended(is_over: threading.Event) -> list[float]:
    from django.db import connection

    from bench import retention_rows
    from compliance.retention import expire

    seconds = []
    try:
        for _ in range(NIGHTS):
            calls = retention_rows.end_days(1)
            began, gone = time.perf_counter(), 0
            while gone < calls:
                gone += expire(now=datetime.now(UTC))["transcript"]
            seconds.append(time.perf_counter() - began)
            say(f"retention: {gone} calls in {seconds[-1]:.1f} s")
    finally:
        is_over.set()
        connection.close()
    return seconds
