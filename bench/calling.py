"""Calling with 200,000 leads and 50,000 numbers that must not be called, through a whole stack: how long everything takes.

From the press of Call until the carrier's `POST Calls` has come; a callback until it is acknowledged, at 200 a second, and until its
event is in a browser's socket; leads from a CSV file; and what a page of leads and a live call cost the web process, beside
usual stacks of the same (bench/rest_stacks.py). The carrier is the sandbox; Twilio's own time is not in it.
"""

import asyncio
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Any, Final
from uuid import uuid4

import httpx
import psutil

from bench import lead_search, rest_stacks
from bench.machine import forget_peak, memory_mib
from bench.report import Report, environment, say
from config.embedded.handle import Stack
from sandbox.rep import CSRF_COOKIE, Rep

PRESSES: Final = 60
CALLS: Final = 250
CALLBACKS_PER_S: Final = 200.0
SHOWN_CALLS: Final = 12
IMPORTED_ROWS: Final = 100_000
ENDED_WITHIN_S: Final = 20.0
# Of the rows, one in so many repeats an earlier number, and one in so many has a number that must not be called.
REPEATED_EACH: Final = 50
STOPPED_EACH: Final = 200
# After the last callback; what has not come by then is lost, and the run with it.
EVENTS_WITHIN_S: Final = 5.0
# Twilio writes calls down here, so that no recogniser takes the processors; and nobody's telephone rings for seconds.
# One person dials more often than a person may.
SETTINGS: Final = {
    "TRANSCRIPTION_ENGINE": "twilio",
    "SANDBOX_TIME_SCALE": "0.1",
    "LOG_LEVEL": "WARNING",
    "MEMBER_DIALS_PER_HOUR_MAX": "100000",
    "MEMBER_DIALS_PER_DAY_MAX": "100000",
}


def run() -> Report:
    say("calling: starting a stack")
    with ExitStack() as undo:
        folder = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="klose-bench-")))
        # PostgreSQL does not run as root, so others have to be able to enter.
        folder.chmod(0o755)
        stack = undo.enter_context(Stack(folder / "data", settings=SETTINGS))
        _django(stack)
        from bench import calling_rows

        say(f"calling: {calling_rows.LEADS} leads and {calling_rows.SUPPRESSIONS} numbers that must not be called")
        owner = calling_rows.floor()
        call_id = calling_rows.taken(owner.workspace_id, 1)[0].call_id
        stacks = rest_stacks.compared(folder=folder, undo=undo, session_key=owner.session_key, call_id=call_id)
        ours: dict[str, Any] = {
            "call_ms": _pressed(stack, owner),
            "callback_ms": _called_back(stack, owner),
            "event_ms": _shown(stack, owner),
            "search_ms": {name: _quantiles(found) for name, found in lead_search.searched(stack, owner).items()},
            "import": _imported(stack, owner),
            "rest": stacks["ours"].as_json(),
        }
        together_us = {name: one.together_us for name, one in stacks.items()}
        return Report(
            name="calling",
            ours=ours,
            peers={name: stacks[name].as_json() for name in ("stock_ninja", "fastapi_sqlalchemy")},
            limit={"program": "ASGI, asyncpg, msgspec", **stacks["plain"].as_json()},
            ratios={
                "call_ms_p95": ours["call_ms"]["p95"],
                "callback_ms_p95": ours["callback_ms"]["p95"],
                "event_ms_p95": ours["event_ms"]["p95"],
                "event_loaded_ms_p95": ours["callback_ms"]["event_p95"],
                "import_rows_s": ours["import"]["rows_s"],
                "list_cpu_vs_stock_ninja": round(together_us["ours"] / together_us["stock_ninja"], 3),
                "list_cpu_vs_fastapi_sqlalchemy": round(together_us["ours"] / together_us["fastapi_sqlalchemy"], 3),
            },
            environment=environment("django", "django-ninja", "daphne", "uvicorn", "psycopg", "phonenumbers"),
        )


def _django(stack: Stack) -> None:
    """This process reads and writes the stack's rows, as its own processes do."""
    import django

    os.environ.update(stack.env)
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    os.environ["DEBUG"] = "false"
    django.setup()


def _pressed(stack: Stack, owner: Any) -> dict[str, float]:
    """From just before the request until the carrier, on the same clock, has made the call."""
    from bench import calling_rows

    say(f"calling: {PRESSES} presses of Call")
    leads = calling_rows.leads_to_dial(owner.workspace_id, PRESSES)
    rep = Rep(stack.url, stack.sandbox_url)
    rep.come_back(owner.session_key)
    taken: list[float] = []
    known: set[str] = set()
    for lead_id in leads:
        pressed_s = time.time()
        call = rep.call("POST", "/api/calls", {"lead_id": str(lead_id)}, key=uuid4().hex, expect=201)
        made = _until_ended(rep, call["id"], known)
        taken.append((datetime.fromisoformat(made).timestamp() - pressed_s) * 1_000)
    rep.close()
    return _quantiles(taken)


def _until_ended(rep: Rep, call_id: str, known: set[str]) -> str:
    """When the carrier made the newest call; returns when it is over on both sides."""
    from bench import calling_rows

    limit = time.monotonic() + ENDED_WITHIN_S
    while time.monotonic() < limit:
        listed = rep.sandbox("GET", "/sandbox/api/calls", params={"to": calling_rows.MOBILE})
        new = [each for each in listed if each["sid"] not in known]
        if new and rep.call("GET", f"/api/calls/{call_id}")["ended_at"]:
            known.update(each["sid"] for each in new)
            return str(new[-1]["created_at"])
        time.sleep(0.02)
    raise RuntimeError(f"The call {call_id} did not end within {ENDED_WITHIN_S} s.")


def _carrier(stack: Stack) -> Any:
    from bench.calling_load import Carrier

    return Carrier(web_url=stack.url, public_url=stack.url, auth_token=stack.env["TWILIO_AUTH_TOKEN"])


def _called_back(stack: Stack, owner: Any) -> dict[str, float]:
    """The calls begin one after another, each call's callbacks a while apart, all of them together at the rate. The owner's page
    looks at all live calls meanwhile: from when a callback was due until its event is there is `event_p95`."""
    from bench import calling_rows
    from bench.calling_load import Page, story

    say(f"calling: {CALLS * 8} callbacks, {CALLBACKS_PER_S:.0f} a second")
    stories = [
        [(call.call_id, *told) for told in story(call)] for call in calling_rows.taken(owner.workspace_id, CALLS)
    ]
    told = list(chain.from_iterable(zip(*stories, strict=True)))
    seen: dict[tuple[str, str], float] = {}

    async def posted() -> list[tuple[float, float]]:
        async with _page(stack, owner) as socket:
            page = Page(socket)
            await page.ready()
            await page.follow_team()
            noting = asyncio.create_task(page.note(seen))
            found: list[tuple[float, float]] = await _carrier(stack).at_rate(
                [post for _, post, _ in told], per_s=CALLBACKS_PER_S
            )
            await asyncio.sleep(EVENTS_WITHIN_S)
            noting.cancel()
            return found

    web = psutil.Process(stack.pid("web"))
    before = web.cpu_times()
    times = asyncio.run(posted())
    after = web.cpu_times()
    spent_s = after.user + after.system - before.user - before.system
    shown = [
        ((str(call_id), status), due) for (call_id, _, status), (due, _) in zip(told, times, strict=True) if status
    ]
    came = [_news_came(seen, *which) for which, _ in shown]
    lost = came.count(None)
    assert lost == 0, f"{lost} of {len(shown)} events never came, nor did any later one of their calls"
    events = [(at - due) * 1_000 for at, (_, due) in zip(came, shown, strict=True) if at is not None]
    return {
        **_quantiles([(acknowledged - due) * 1_000 for due, acknowledged in times]),
        "web_cpu_ms": round(spent_s * 1_000 / len(told), 2),
        "event_p95": _quantiles(events)["p95"],
        "events": len(events),
    }


def _news_came(seen: Mapping[tuple[str, str], float], call_id: str, status: str) -> float | None:
    """When a page knew that the call had come so far: where callbacks of one call are applied together, the last status is told."""
    from bench.calling_load import NEWS

    statuses = [shown for _, _, shown in NEWS if shown]
    since = statuses[statuses.index(status) :]
    return min((seen[call_id, each] for each in since if (call_id, each) in seen), default=None)


def _page(stack: Stack, seat: Any) -> Any:
    from django.conf import settings

    from bench.calling_load import Page

    cookie = f"{settings.SESSION_COOKIE_NAME}={seat.session_key}"
    return Page.opened(live_url=settings.LIVE_SOCKET_URL, origin=stack.url, cookie=cookie)


def _shown(stack: Stack, owner: Any) -> dict[str, float]:
    from bench import calling_rows
    from bench.calling_load import Page, story

    say(f"calling: what a page shows of {SHOWN_CALLS} calls")
    rep = calling_rows.seat(owner.workspace_id, "rep")
    carrier = _carrier(stack)

    async def watched() -> list[float]:
        async with _page(stack, rep) as socket:
            page = Page(socket)
            await page.ready()
            found: list[float] = []
            for _ in range(SHOWN_CALLS):
                call = (await asyncio.to_thread(calling_rows.taken, owner.workspace_id, 1, user_id=rep.user_id))[0]
                found += await carrier.one_by_one(list(story(call)), page, call.call_id)
            return found

    return _quantiles(asyncio.run(watched()))


def _imported(stack: Stack, owner: Any) -> dict[str, float]:
    """Rows of the file per second of the clock, from the request to the last line of the answer; and MiB that the web process held
    more meanwhile than before, of the first tenth of the rows and of all: a file of ten times the rows should not take ten times as
    much."""
    from compliance import suppression

    say(f"calling: {IMPORTED_ROWS} rows from a file")
    stopped = range(0, IMPORTED_ROWS, STOPPED_EACH)
    for number in stopped:
        suppression.suppress(
            workspace_id=owner.workspace_id,
            phone_e164=f"+491511{number:07d}",
            reason="asked_not_to_be_called",
            source="rep",
            now=datetime.now(UTC),
        )
    rep = Rep(stack.url, stack.sandbox_url)
    rep.come_back(owner.session_key)
    token = dict(part.split("=", 1) for part in rep.cookie_header.split("; "))[CSRF_COOKIE]
    headers = {"Cookie": rep.cookie_header, "Origin": stack.url, "X-CSRFToken": token, "Content-Type": "text/csv"}
    body = "".join(_file()).encode()
    web = stack.pid("web")
    before_mib, tenth_mib, last = memory_mib(web, "VmRSS"), 0.0, {"read": 0}
    forget_peak(web)
    began = time.perf_counter()
    with httpx.stream(
        "POST", f"{stack.url}/api/leads/import?region=US", content=body, headers=headers, timeout=120
    ) as answer:
        for line in answer.iter_lines():
            last = json.loads(line)
            if not tenth_mib and last["read"] >= IMPORTED_ROWS // 10:
                tenth_mib = memory_mib(web, "VmHWM")
    taken_s = time.perf_counter() - began
    repeated = IMPORTED_ROWS // REPEATED_EACH
    became = {"added": IMPORTED_ROWS - repeated - len(stopped), "known": repeated, "rejected": len(stopped)}
    assert answer.status_code == 200 and last["done"] and became.items() <= last.items(), last
    rep.close()
    return {
        "rows": IMPORTED_ROWS,
        "rows_s": round(IMPORTED_ROWS / taken_s),
        "tenth_grown_mib": round(max(0.0, tenth_mib - before_mib), 1),
        "grown_mib": round(max(0.0, memory_mib(web, "VmHWM") - before_mib), 1),
    }


def _file() -> Iterator[str]:
    """As people export them: numbers of all forms, some twice, tags on a third."""
    yield "First name,Last name,Company,Phone,Tags,Notes\n"
    for number in range(IMPORTED_ROWS):
        phone = _phone(number - 7 if number % REPEATED_EACH == REPEATED_EACH - 1 else number)
        tags = "" if number % 3 else f"Fair; Region {number % 20}"
        yield f'Ada {number},Okafor,"Kettle & Sons, {number % 100}",{phone},{tags},asked for an offer\n'


def _phone(number: int) -> str:
    """Three in ten German, three American with their country, four as Americans write them among themselves."""
    if number % 10 < 3:
        return f"+49 1511 {number:07d}"
    national = f"(312) {200 + number // 10_000}-{number % 10_000:04d}"
    return f"+1 {national}" if number % 10 < 6 else national


def _quantiles(found_ms: list[float]) -> dict[str, float]:
    ordered = sorted(found_ms)
    return {
        "p50": round(median(ordered), 1),
        "p95": round(ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)], 1),
        "max": round(ordered[-1], 1),
        "count": len(ordered),
    }
