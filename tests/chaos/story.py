"""One call during which processes are killed, and what must hold of it afterwards."""

import math
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import psycopg

from config.embedded.environment import PROJECT
from config.embedded.handle import Stack
from sandbox.rep import Person, Rep
from tests.chaos.page import Page
from tests.smoke.speech import dialogue
from tests.stack.test_stack import family, left_over

PACK = "pri_01klosesales0000000starter"
LEAD_PHONE = "+13125550131"
# The sandbox's phone of this ending presses 9 while the notice is spoken.
OPTS_OUT_PHONE = "+13125550188"
PERSON = Person(first_name="Mika", last_name="Stone", email="mika.stone@chaos.example", mobile="+12025550131")
TURN_S = 0.1
# One of the transcriber's processes, which starts it again by itself.
RECOGNISER = "recogniser"


@dataclass(frozen=True, slots=True)
class Kill:
    """at_s: seconds after both are joined and the dialogue begins. process: as the supervisor calls it, or RECOGNISER.

    away_s: for so long the supervisor is held, so that whatever needs the process in the meantime meets its absence.
    """

    at_s: float
    process: str
    away_s: float = 0.0


@dataclass(slots=True)
class Ended:
    """A call that is over, as the product and the carrier know it."""

    call: dict[str, Any]
    page: Page
    segments: list[dict[str, Any]]
    carrier_duration_s: int
    dialogue_began_ms: int
    recovered_s: dict[str, float] = field(default_factory=dict)


class Story:
    """A rep with credits and a lead, on a stack of its own."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.rep = Rep(stack.url, stack.sandbox_url)
        self.rep.sign_up(PERSON)
        self.rep.buy(PACK)
        lead = {"first_name": "Susan", "last_name": "Baker", "company": "Northern Freight", "phone": LEAD_PHONE}
        self.lead_id = self.rep.call("POST", "/api/leads", lead, expect=201)["id"]

    def begin(self, spoken: str) -> tuple[str, Page]:
        """Places the call; returns when both are joined and the dialogue begins."""
        behaviour = {"behaviour": "answer", "dialogue": spoken}
        self.rep.sandbox("POST", f"/sandbox/api/phones/{LEAD_PHONE}", behaviour)
        call = self.rep.call("POST", "/api/calls", {"lead_id": self.lead_id}, key=str(uuid.uuid4()), expect=201)
        page = Page(self.rep, call["id"])
        until = time.monotonic() + 60
        while not self._joined(call["id"]):
            page.turn()
            assert time.monotonic() < until, f"the two were not joined: {page.call}"
            time.sleep(TURN_S)
        return call["id"], page

    def call_with(
        self, spoken: str, kills: Sequence[Kill], *, analysis_dies: bool = False, ends_within_s: float = 120.0
    ) -> Ended:
        """A whole call with kills at their times; returns when it has ended by itself and its insights are ready.

        analysis_dies: the worker is killed after it has claimed the call's analysis and before it is done with it.
        """
        call_id, page = self.begin(spoken)
        began = time.monotonic()
        waiting = list(kills)
        killed: dict[str, float] = {}
        recovered: dict[str, float] = {}
        released_at = math.inf
        spoken_s = dialogue(spoken).turns[-1]["end_ms"] / 1000
        limit = began + spoken_s + ends_within_s
        while not _is_complete(page):
            page.turn()
            passed = time.monotonic() - began
            if waiting and passed >= waiting[0].at_s:
                kill = waiting.pop(0)
                if kill.process == RECOGNISER:
                    self._kill_a_busy_recogniser()
                else:
                    killed[kill.process] = passed
                    released_at = passed + kill.away_s
                    self._kill(kill.process)
            elif killed and released_at <= passed:
                os.kill(self.stack.supervisor_pid, signal.SIGCONT)
                released_at = math.inf
            for process in killed.keys() - recovered.keys():
                running = self.stack.processes()[process]
                if running.ready and running.restarts > 0:
                    recovered[process] = round(passed - killed[process], 1)
            if analysis_dies and not waiting and released_at == math.inf and passed > spoken_s:
                analysis_dies = False
                self._kill_analysis(call_id)
            self._go_on_until(limit, page)
        assert not waiting, f"the call ended before {waiting}"
        self.stack.wait_ready(limit_s=60)
        return self.look_back(call_id, page, recovered)

    def _kill_analysis(self, call_id: str) -> None:
        """Kills the worker while it understands the call."""
        until = time.monotonic() + 60
        with psycopg.connect(self.stack.env["DATABASE_URL"], autocommit=True) as connection:

            def analysis_state() -> str:
                row = connection.execute("SELECT analysis_state FROM voice_call WHERE id = %s", [call_id]).fetchone()
                assert row is not None
                return str(row[0])

            while analysis_state() != "claimed":
                assert time.monotonic() < until, "nobody has claimed the analysis"
                # The claim lasts for less than a second; the page has its turn later.
                time.sleep(0.002)
            self._kill("worker")
            assert analysis_state() == "claimed", "the worker was faster than its end"
            os.kill(self.stack.supervisor_pid, signal.SIGCONT)

    def _kill(self, process: str) -> None:
        """kill -9, with the supervisor held so that it cannot start the process again."""
        os.kill(self.stack.supervisor_pid, signal.SIGSTOP)
        os.kill(self.stack.pid(process), signal.SIGKILL)

    def _kill_a_busy_recogniser(self) -> None:
        """kill -9 of one that is just hearing something."""
        recognisers = psutil.Process(self.stack.pid("transcriber")).children()
        until = time.monotonic() + 20
        while not (busy := [one for one in recognisers if _is_at_work(one)]):
            assert time.monotonic() < until, "no recogniser had anything to do"
            time.sleep(0.002)
        busy[0].kill()

    def cut_off(self, spoken: str, *, after_s: float, ends_within_s: float = 90.0) -> Ended:
        """A call during which everything dies with its supervisor, and is started again at once."""
        call_id, page = self.begin(spoken)
        until = time.monotonic() + after_s
        while time.monotonic() < until:
            page.turn()
            time.sleep(TURN_S)
        everyone = family(self.stack.supervisor_pid)
        self.stack.kill_supervisor()
        self.stack.start()
        assert left_over(everyone) == []
        limit = time.monotonic() + ends_within_s
        while not _is_complete(page):
            page.turn()
            self._go_on_until(limit, page)
        return self.look_back(call_id, page)

    def hung_up(self, spoken: str, *, when: Callable[[Page], bool], ends_within_s: float = 90.0) -> Ended:
        """A call that the rep ends as soon as the page shows what is waited for."""
        call_id, page = self.begin(spoken)
        limit = time.monotonic() + ends_within_s
        has_pressed = False
        while not _is_complete(page):
            page.turn()
            if not has_pressed and when(page):
                has_pressed = True
                self.rep.call("POST", f"/api/calls/{call_id}/hangup")
            self._go_on_until(limit, page)
        assert has_pressed, "the call ended before"
        return self.look_back(call_id, page)

    def opted_out(self) -> dict[str, Any]:
        """A call to somebody who presses the key that refuses all calls, in the notice; the call once it is over, which nobody ended."""
        lead = {"first_name": "Opal", "last_name": "Out", "phone": OPTS_OUT_PHONE}
        lead_id = self.rep.call("POST", "/api/leads", lead, expect=201)["id"]
        call = self.rep.call("POST", "/api/calls", {"lead_id": lead_id}, key=str(uuid.uuid4()), expect=201)
        path = f"/api/calls/{call['id']}"
        ended: dict[str, Any] = self.rep.wait_for(
            lambda: held if (held := self.rep.call("GET", path))["ended_at"] else None, limit_s=60
        )
        assert ended["answered_at"] is not None
        assert self.rep.call("GET", f"{path}/segments")["items"] == []
        assert {leg["status"] for leg in self.legs_of(call["id"])} == {"completed"}
        assert self.rep.call("GET", f"/api/leads/{lead_id}")["suppressed"]
        again = self.rep.ask("POST", "/api/calls", {"lead_id": lead_id}, key=str(uuid.uuid4()))
        assert (again.status_code, again.json()["code"]) == (409, "lead_suppressed")
        return ended

    @staticmethod
    def _go_on_until(limit: float, page: Page) -> None:
        assert time.monotonic() < limit, f"the page still shows {page.call}, insights {page.insights.get('state')}"
        time.sleep(TURN_S)

    def look_back(self, call_id: str, page: Page, recovered: dict[str, float] | None = None) -> Ended:
        legs = self.legs_of(call_id)
        callee = next(leg for leg in legs if leg["parent_sid"])
        return Ended(
            call=self.rep.call("GET", f"/api/calls/{call_id}"),
            page=page,
            segments=self.rep.call("GET", f"/api/calls/{call_id}/segments")["items"],
            carrier_duration_s=callee["duration_s"],
            dialogue_began_ms=self._dialogue_began_ms(call_id, callee),
            recovered_s=recovered or {},
        )

    def legs_of(self, call_id: str) -> list[dict[str, Any]]:
        """The carrier's records of this call's legs."""
        with psycopg.connect(self.stack.env["DATABASE_URL"]) as connection:
            rows = connection.execute("SELECT sid FROM voice_callleg WHERE call_id = %s", [call_id]).fetchall()
        sids = {row[0] for row in rows}
        return [leg for leg in self.rep.sandbox("GET", "/sandbox/api/calls") if leg["sid"] in sids]

    def statement_of(self, call_id: str) -> list[dict[str, Any]]:
        entries = self.rep.call("GET", "/api/credits/statement?limit=200")["items"]
        return [entry for entry in entries if entry["reference"] == f"call:{call_id}"]

    def segments_searched(self, call_id: str) -> set[str]:
        """The segments in which questions look for this call's words."""
        query = (
            "SELECT unnest(segment_ids)::text FROM ai_passage JOIN ai_indexedcall ON ai_indexedcall.id = indexed_call_id"
            " WHERE call_id = %s"
        )
        with psycopg.connect(self.stack.env["DATABASE_URL"]) as connection:
            return {row[0] for row in connection.execute(query, [call_id]).fetchall()}

    def reconcile(self) -> str:
        """What the ledger's own check says of all its invariants. Raises CalledProcessError when one is broken."""
        command = [sys.executable, "manage.py", "reconcile"]
        environ = {**os.environ, **self.stack.env}
        return subprocess.run(
            command, cwd=PROJECT, env=environ, capture_output=True, text=True, check=True, timeout=60
        ).stdout

    def _joined(self, call_id: str) -> bool:
        return any(leg["bridged_at"] for leg in self.legs_of(call_id))

    def _dialogue_began_ms(self, call_id: str, callee: dict[str, Any]) -> int:
        with psycopg.connect(self.stack.env["DATABASE_URL"]) as connection:
            row = connection.execute("SELECT media_started_at FROM voice_call WHERE id = %s", [call_id]).fetchone()
        assert row is not None and row[0] is not None
        started_at: datetime = row[0]
        return round((datetime.fromisoformat(callee["bridged_at"]) - started_at).total_seconds() * 1000)


def _is_at_work(process: psutil.Process) -> bool:
    """Whether one of its threads runs, or waits for a processor."""
    threads = Path(f"/proc/{process.pid}/task").glob("*/stat")
    return any(thread.read_text().rpartition(")")[2].split()[0] == "R" for thread in threads)


def _is_complete(page: Page) -> bool:
    return bool(page.call.get("ended_at")) and page.insights.get("state") == "ready"
