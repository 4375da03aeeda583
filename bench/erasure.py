"""Somebody with 1,000 calls takes all data along and is erased, while others' calls go on.

100,000 segments and as many passages with their vectors are the person's; colleagues and other workspaces have as many again. Measured
are the copy (streamed by the web process, whose memory is watched), the erasure by the product's own worker from the request to the
receipt, with the rewrite of the bytes, and what others wait meanwhile, beside what they wait without it. Then the files are
searched for what marks the person's rows, and the others'. The peer is a plain DELETE and VACUUM FULL of the same rows in a copy
of their tables. Records at the carrier are asked for at the sandbox, which has none of them. The limit is what others wait while a process that
only counts has what they leave of the processors: no way of erasing could take less from them for as long as it works.

With `ARGS=--spoken` the others are six calls in which people speak, written down by our own engines: how soon their text comes.
"""

import mmap
import os
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import httpx

from bench.machine import forget_peak, memory_mib
from bench.report import Report, environment, say
from config.embedded.handle import Stack
from sandbox.rep import Rep

CALLS: Final = 1_000
# Of a colleague, of somebody in another workspace, and of others in workspaces of their own.
CONTROL_CALLS: Final = 50
OTHER_PEOPLE: Final = 9
OTHER_CALLS: Final = 100
QUIET_S: Final = 40.0
# Runs only where nobody else wants to (sched(7)), in a session of its own, so that it shares no group's time either.
_COUNTS: Final = "import os; os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\nwhile True: pass"
LIVE_CALLS: Final = 40
TOLD_CALLS: Final = 150
ERASED_WITHIN_S: Final = 600.0
POLLED_EVERY_S: Final = 0.2
SPOKEN: Final = "--spoken" in sys.argv
SETTINGS: Final = {
    "TRANSCRIPTION_ENGINE": "twilio",
    "LOG_LEVEL": "WARNING",
    "MEMBER_DIALS_PER_HOUR_MAX": "100000",
    "MEMBER_DIALS_PER_DAY_MAX": "100000",
}


def run() -> Report:
    say("erasure: starting a stack")
    with ExitStack() as undo:
        folder = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="klose-bench-")))
        # PostgreSQL does not run as root, so others have to be able to enter.
        folder.chmod(0o755)
        engine = {"TRANSCRIPTION_ENGINE": "own"} if SPOKEN else {}
        stack = undo.enter_context(Stack(folder / "data", settings=SETTINGS | engine))
        use_rows_of(stack)
        from bench import erasure_rows

        subject, controls = _people()
        say(f"erasure: {CALLS} calls of one person, {2 * CONTROL_CALLS + OTHER_PEOPLE * OTHER_CALLS} of others")
        say("erasure: a plain DELETE and VACUUM FULL of a copy")
        peer = erasure_rows.plainly_erased(subject.seat.user_id)
        say("erasure: the copy that the person takes along")
        export = _exported(stack, subject, controls)
        quiet: dict[str, list[float]] = {}
        beside: dict[str, list[float]] = {}
        wait_quietly(stack, quiet)
        with subprocess.Popen([sys.executable, "-c", _COUNTS], start_new_session=True) as counting:
            try:
                wait_quietly(stack, beside)
                assert counting.poll() is None, "Nothing counted: this machine gives no such priority."
            finally:
                counting.kill()
        say("erasure: the person is erased")
        erased, busy = _erased(stack, subject)
        wait_quietly(stack, quiet)
        left = {word: _on_disk(stack.data_dir, canary) for word, canary in _named(subject)}
        found = [_on_disk(stack.data_dir, canary) for control in controls for _, canary in _named(control)]
        from bench.erasure_load import p95

        waited = {
            kind: {
                "quiet_p95": p95(quiet[kind]),
                "beside_counting_p95": p95(beside[kind]),
                "p95": p95(busy[kind]),
                "max": max(busy[kind]),
            }
            for kind in busy
        }

        def ratio(measured: str) -> float:
            return round(max(each[measured] / each["quiet_p95"] for each in waited.values()), 3)

        return Report(
            name="erasure",
            ours={
                "seconds": erased,
                "export": export,
                "others_ms": {kind: rounded(each) for kind, each in waited.items()},
                "left": left,
            },
            peers={"delete_and_vacuum_full": rounded(peer)},
            limit={"program": "counts, at the lowest priority", "others_p95_ratio": ratio("beside_counting_p95")},
            ratios={
                "seconds": erased["all"],
                "export_seconds": export["seconds"],
                "export_grown_mib": export["grown_mib"],
                "others_p95_ratio": ratio("p95"),
                "left_bytes": sum(left.values()),
                "control_found": float(all(found)),
            },
            environment=environment("django", "psycopg"),
        )


def use_rows_of(stack: Stack) -> None:
    """This process reads and writes the stack's rows, as its own processes do."""
    import django

    os.environ.update(stack.env)
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    os.environ["DEBUG"] = "false"
    django.setup()


def _people() -> tuple[Any, list[Any]]:
    """Who is erased, and who stays: a colleague, somebody elsewhere, and others whose rows fill the tables."""
    from bench import calling_rows, erasure_rows
    from bench.live_calls import workspaces

    first, *others = workspaces(2 + OTHER_PEOPLE)
    calling_rows.seat(first, "owner")
    subject = erasure_rows.marked(calling_rows.seat(first, "rep"), "zqxvkwjone")
    controls = [
        erasure_rows.marked(calling_rows.seat(first, "rep"), "wjpxkqztwo"),
        erasure_rows.marked(calling_rows.seat(others[0], "owner"), "vkjzqpxthree"),
    ]
    rest = [erasure_rows.marked(calling_rows.seat(each, "owner"), f"other{n}") for n, each in enumerate(others[1:])]
    erasure_rows.fill(
        [
            (subject, CALLS),
            *((control, CONTROL_CALLS) for control in controls),
            *((each, OTHER_CALLS) for each in rest),
        ]
    )
    return subject, controls


def _exported(stack: Stack, subject: Any, controls: list[Any]) -> dict[str, float]:
    """Seconds to the first and the last byte of the second of two copies, and MiB that the web process grew by meanwhile."""
    from django.conf import settings

    headers = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={subject.seat.session_key}"}
    headers["Host"] = urlsplit(settings.PUBLIC_URL).netloc
    web = stack.pid("web")
    figures: dict[str, float] = {}
    for _ in range(2):
        before = memory_mib(web, "VmRSS")
        forget_peak(web)
        began, first_s, tail = time.perf_counter(), 0.0, b""
        size = own = foreign = 0
        with httpx.stream("GET", f"{stack.url}/api/privacy/export", headers=headers, timeout=120) as answer:
            assert answer.status_code == 200, answer.status_code
            for part in answer.iter_bytes():
                first_s = first_s or time.perf_counter() - began
                size += len(part)
                looked = tail + part
                own += looked.count(subject.word.encode()) - tail.count(subject.word.encode())
                foreign += sum(looked.count(each.word.encode()) for each in controls)
                tail = looked[-len(subject.word) + 1 :]
        assert own > CALLS * 100 and not foreign, (own, foreign)
        figures = {
            "seconds": round(time.perf_counter() - began, 2),
            "first_byte_s": round(first_s, 3),
            "mib": round(size / 2**20, 1),
            "grown_mib": round(max(0.0, memory_mib(web, "VmHWM") - before), 1),
        }
    return figures


def others_of(stack: Stack) -> Any:
    from django.conf import settings

    from bench import calling_rows, erasure_load
    from bench.calling_load import Carrier
    from bench.live_calls import workspaces
    from bench.spoken import Spoken

    if SPOKEN:
        return Spoken(stack)

    workspace_id = workspaces(1)[0]
    owner = calling_rows.seat(workspace_id, "owner")
    spoken = erasure_load.live_calls(workspace_id, owner, LIVE_CALLS)
    told = calling_rows.taken(workspace_id, TOLD_CALLS)
    erasure_load.never_asked_about([*spoken, *(call.call_id for call in told)])
    return erasure_load.Others(
        url=stack.url,
        cookie=f"{settings.SESSION_COOKIE_NAME}={owner.session_key}",
        carrier=Carrier(web_url=stack.url, public_url=stack.url, auth_token=stack.env["TWILIO_AUTH_TOKEN"]),
        spoken=spoken,
        told=told,
    )


def wait_quietly(stack: Stack, waited: dict[str, list[float]]) -> None:
    """What others wait while nobody is erased."""
    say(f"others, {QUIET_S:.0f} s")
    others = others_of(stack)
    limit = time.monotonic() + QUIET_S
    for kind, found in others.work(lambda: time.monotonic() > limit).items():
        waited.setdefault(kind, []).extend(found)


def _erased(stack: Stack, subject: Any) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Seconds from the request to the receipt and of each state on the way; and what others waited."""
    from compliance.models import Request
    from identity.models import Session, User

    others = others_of(stack)
    # Planting took longer than a proof of who it is lasts.
    Session.objects.filter(user_id=subject.seat.user_id).update(proved_at=datetime.now(UTC))
    rep = Rep(stack.url, stack.sandbox_url)
    rep.come_back(subject.seat.session_key)
    email = User.objects.get(id=subject.seat.user_id).email
    rep.call("POST", "/api/privacy/erasure", {"confirm": email, "when": "now"}, expect=202)
    rep.close()
    is_over = threading.Event()
    with ThreadPoolExecutor(1) as follower:
        following = follower.submit(_followed, Request.objects.get(kind="erasure").id, is_over)
        waited = others.work(is_over.is_set)
        return {**following.result(), "others_refused": others.refused}, waited


def _followed(request_id: UUID, is_over: threading.Event) -> dict[str, float]:
    """Seconds of each state that was seen, and of all until it is done."""
    from compliance.models import Request

    began = since = time.perf_counter()
    state, taken = "requested", {}
    try:
        while state != "done":
            time.sleep(POLLED_EVERY_S)
            found = Request.objects.values_list("state", flat=True).get(id=request_id)
            now = time.perf_counter()
            if found != state:
                taken[state] = round(now - since, 1)
                say(f"erasure: {state} took {taken[state]} s")
                state, since = found, now
            if now - began > ERASED_WITHIN_S:
                raise RuntimeError(f"It was not erased within {ERASED_WITHIN_S:.0f} s; it is {state}.")
        return {"all": round(time.perf_counter() - began, 1), **taken}
    finally:
        is_over.set()


def _named(person: Any) -> list[tuple[str, bytes]]:
    return list(zip(("word", "vector"), person.canaries, strict=True))


def _on_disk(folder: Path, canary: bytes) -> int:
    """Bytes of it in all files of the stack: the cluster's with its log, the queue's, the processes' logs."""
    found = 0
    for path in folder.rglob("*"):
        try:
            if not path.is_file() or path.stat().st_size == 0:
                continue
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                at = content.find(canary)
                while at >= 0:
                    found += len(canary)
                    at = content.find(canary, at + 1)
        except (FileNotFoundError, ValueError):
            continue  # PostgreSQL removed it meanwhile.
    return found


def rounded(figures: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 2) for name, value in figures.items()}
