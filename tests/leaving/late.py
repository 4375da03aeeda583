"""What comes late, when those whom it is about are erased: the carrier's callbacks, signed again, and jobs that waited in the queue."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx
import psycopg

from config.embedded.environment import PROJECT
from config.embedded.handle import Stack
from sandbox.signing import twilio_signature

# Kind of a stored callback -> the last part of the address to which the carrier sends it.
_PLACES: Final = {
    "agent": "agent",
    "leg": "status",
    "machine": "machine",
    "stream": "stream",
    "notice": "notice",
    "played": "notice/played",
    "after": "after",
}
# Hands every job that there is for these calls to the workers again, and the finished erasures; ends when none waits.
_QUEUED: Final = """
import sys, time
from huey.contrib.djhuey import HUEY
from compliance.models import Request
from compliance.tasks import run_one
from voice.tasks import BY_NAME

for call_id in sys.argv[1:]:
    for task in BY_NAME.values():
        task(call_id)
for request in Request.objects.filter(state="done"):
    run_one(str(request.id))
ends = time.monotonic() + 30
while HUEY.pending_count() and time.monotonic() < ends:
    time.sleep(0.1)
print(HUEY.pending_count())
"""
# Whoever took the last job has finished it by then: each finds no row and ends.
_LAST_JOB_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Late:
    """calls: ids of calls that will be erased. callbacks: address and form of each that came about them."""

    stack: Stack
    calls: Sequence[str]
    callbacks: Sequence[tuple[str, dict[str, str]]]

    @classmethod
    def of(cls, stack: Stack, calls: Sequence[str], *, number: str) -> "Late":
        """What is stored about these calls by now. number: of somebody who was called, which the carrier tells with everything."""
        query = "SELECT call_id::text, kind, params FROM voice_callback WHERE call_id = ANY(%s::uuid[]) ORDER BY received_at"
        with psycopg.connect(stack.env["DATABASE_URL"]) as connection:
            rows = connection.execute(query, (list(calls),)).fetchall()
        told = {"To": number, "Called": number, "From": number, "Caller": number}
        callbacks = [
            (f"{stack.url}/twilio/voice/{call_id}/{_PLACES[kind]}", told | params)
            for call_id, kind, params in rows
            if kind in _PLACES
        ]
        return cls(stack, calls, callbacks)

    def comes(self) -> dict[str, Any]:
        """kinds: of the callbacks that came again; answers: the statuses that they got; waiting: jobs that nobody took; rows: what is
        stored of these calls afterwards."""
        answers = set()
        for url, form in self.callbacks:
            headers = {"X-Twilio-Signature": twilio_signature(self.stack.env["TWILIO_AUTH_TOKEN"], url, form)}
            answers.add(httpx.post(url, data=form, headers=headers).status_code)
        done = subprocess.run(
            [sys.executable, "-c", f"import django; django.setup()\n{_QUEUED}", *self.calls],
            cwd=PROJECT,
            env={**os.environ, **self.stack.env},
            stdout=subprocess.PIPE,
            text=True,
            timeout=60,
            check=True,
        )
        time.sleep(_LAST_JOB_S)
        return {
            "kinds": sorted({url.partition("/twilio/voice/")[2].partition("/")[2] for url, _ in self.callbacks}),
            "answers": sorted(answers),
            "waiting": int(done.stdout.splitlines()[-1]),
            "rows": self._rows(),
        }

    def _rows(self) -> int:
        with psycopg.connect(self.stack.env["DATABASE_URL"]) as connection:
            query = (
                "SELECT (SELECT count(*) FROM voice_call WHERE id = ANY(%(calls)s::uuid[]))"
                " + (SELECT count(*) FROM voice_callback WHERE call_id = ANY(%(calls)s::uuid[]))"
                " + (SELECT count(*) FROM ai_indexedcall WHERE call_id = ANY(%(calls)s::uuid[]))"
            )
            row = connection.execute(query, {"calls": list(self.calls)}).fetchone()
        assert row is not None
        return int(row[0])
