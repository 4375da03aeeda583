"""What the books must say, worked out from the carrier's records alone, beside what they do say."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import psycopg

from config.embedded.environment import PROJECT
from config.embedded.handle import Stack
from tests.chaos.ledger.rep import STUCK_AFTER_S, Caller, Done

# What the second meter and the late one say.
HELPERS_LOG: Final = "helpers.log"
# As the logs name what a constraint refused.
_REFUSALS = ("IntegrityError", "Overtaken")
_CHARGED = (
    "SELECT reference, -sum(effect_mcredits)::bigint FROM ledger_entry WHERE reference = ANY (%s) GROUP BY reference"
)
_TWICE = """
SELECT reference, ordinal, count(*) FROM ledger_entry WHERE reference = ANY (%s) AND kind = 'charge'
GROUP BY reference, ordinal HAVING count(*) > 1
"""
_OPEN = """
SELECT reference FROM ledger_hold WHERE reference = ANY (%s) AND (state IN ('active', 'expired') OR remaining_mcredits > 0)
"""


@dataclass(slots=True)
class Findings:
    """By call: in words what is wrong with it."""

    lost: dict[str, str] = field(default_factory=dict)
    doubled: dict[str, str] = field(default_factory=dict)
    stuck: dict[str, str] = field(default_factory=dict)

    def in_words(self) -> Iterator[str]:
        for kind in ("lost", "doubled", "stuck"):
            yield from (f"{kind}: {call} {what}" for call, what in getattr(self, kind).items())


class Books:
    """The oracle of every call and of what each workspace has left. To be made before anybody has called."""

    def __init__(self, stack: Stack, crew: Sequence[Caller], *, mcredits_per_s: int) -> None:
        self._stack = stack
        self._mcredits_per_s = mcredits_per_s
        self._owners = {caller.workspace_id: caller for caller in reversed(crew)}
        self._due = {
            workspace: int(caller.rep.call("GET", "/api/credits")["available_mcredits"])
            for workspace, caller in self._owners.items()
        }

    def compare(self, done: Sequence[Done], *, patience_s: float) -> Findings:
        """News of a call's length may still be on their way, so what is wrong has to stay wrong."""
        for each in done:
            self._due[each.workspace_id] -= self._price(each)
        until = time.monotonic() + patience_s
        while True:
            found = self._look(done)
            if not list(found.in_words()) or time.monotonic() > until:
                return found
            time.sleep(0.5)

    def broken_invariants(self) -> list[str]:
        """What `make reconcile` says of the whole ledger."""
        command = [sys.executable, "manage.py", "reconcile"]
        environ = {**os.environ, **self._stack.env}
        checked = subprocess.run(command, cwd=PROJECT, env=environ, capture_output=True, text=True, timeout=120)
        return [] if checked.returncode == 0 else [checked.stdout + checked.stderr]

    def refused_by_constraints(self) -> list[str]:
        """Work that a constraint of the database had to stop: it is the last guard, and was never to be reached."""
        logs = [*(self._stack.data_dir / "logs").glob("*.log*"), self._stack.data_dir / HELPERS_LOG]
        return [
            f"{log.name}: {line[:300]}"
            for log in sorted(logs)
            for line in log.read_text(errors="replace").splitlines()
            if any(refusal in line for refusal in _REFUSALS)
        ]

    def _look(self, done: Sequence[Done]) -> Findings:
        found = Findings()
        references = {f"call:{each.call_id}": each for each in done}
        asked = [list(references)]
        with psycopg.connect(self._stack.env["DATABASE_URL"]) as connection:
            charged: dict[str, int] = dict(connection.execute(_CHARGED, asked).fetchall())
            twice = connection.execute(_TWICE, asked).fetchall()
            still_open = connection.execute(_OPEN, asked).fetchall()
        for reference, each in references.items():
            price, booked = self._price(each), charged.get(reference, 0)
            if each.agent_legs > 1:
                found.doubled[each.call_id] = f"was dialled {each.agent_legs} times"
            elif booked > price:
                found.doubled[each.call_id] = f"costs {price} and was charged {booked}"
            elif booked < price:
                found.lost[each.call_id] = f"costs {price} and was charged {booked}"
            if each.settled_after_s is None:
                found.stuck[each.call_id] = f"was not settled within {STUCK_AFTER_S:g} s"
        for reference, ordinal, times in twice:
            found.doubled[references[reference].call_id] = f"second {ordinal} was charged {times} times"
        for (reference,) in still_open:
            found.stuck[references[reference].call_id] = "still holds credit"
        for workspace, caller in self._owners.items():
            shown = caller.rep.call("GET", "/api/credits")
            left, due = int(shown["available_mcredits"]), self._due[workspace]
            if left != due or shown["held_mcredits"] or shown["debt_mcredits"]:
                kind = found.lost if left > due else found.doubled
                kind[f"workspace {workspace}"] = f"should have {due} left: {json.dumps(shown)}"
        return found

    def _price(self, each: Done) -> int:
        return (each.carrier_s or 0) * self._mcredits_per_s
