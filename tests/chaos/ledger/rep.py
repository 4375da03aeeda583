"""One rep who calls, talks for a while and hangs up, whatever dies meanwhile."""

import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Any, Final

import httpx

from sandbox.rep import Rep, UnexpectedAnswer

# From the moment in which a call is asked to end to its settlement.
STUCK_AFTER_S: Final = 60.0
# A page is told; these ask, thirty of them, and what they ask is not to take the machine from what is looked at.
_POLL_S: Final = 1.0
_PLACED_WITHIN_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Done:
    """A call that is over. agent_legs: how often the carrier was asked for it. carrier_s: None if nobody answered.

    settled_after_s: since it was asked to end; None if that did not happen in time.
    """

    workspace_id: str
    call_id: str
    agent_legs: int
    carrier_s: int | None
    settled_after_s: float | None


class Caller:
    """A rep with a lead of their own; one call at a time."""

    def __init__(self, rep: Rep, *, workspace_id: str, mobile: str, lead_phone: str) -> None:
        self.rep = rep
        self.workspace_id = workspace_id
        self._mobile = mobile
        self._lead_phone = lead_phone
        lead = {"first_name": "Lead", "last_name": "Chaos", "company": "Chaos Ltd", "phone": lead_phone}
        self._lead_id = rep.call("POST", "/api/leads", lead, expect=201)["id"]
        for phone in (mobile, lead_phone):
            rep.sandbox("POST", f"/sandbox/api/phones/{phone}", {"behaviour": "answer", "answer_after_s": 0.2})

    def call(self, chance: Random) -> Done:
        """From the click to the settlement. Raises UnexpectedAnswer when the product forgets the call or refuses it."""
        before = self._legs(self._mobile)
        call_id = self._until(self._placer(str(uuid.uuid4())), _PLACED_WITHIN_S)["id"]
        talk_until = time.monotonic() + chance.uniform(1.5, 6.0)
        by = chance.choice(("callee", "rep", "page"))
        while time.monotonic() < talk_until and not self._ended(call_id):
            time.sleep(_POLL_S)
        began = time.monotonic()
        self._hang_up(call_id, by)
        settled = self._settled(call_id, began)
        agents = [leg for leg in self._legs(self._mobile) if leg["sid"] not in {old["sid"] for old in before}]
        sids = {leg["sid"] for leg in agents}
        callees = [leg for leg in self._legs(self._lead_phone) if leg["parent_sid"] in sids and leg["answered_at"]]
        return Done(
            workspace_id=self.workspace_id,
            call_id=call_id,
            agent_legs=len(agents),
            carrier_s=sum(leg["duration_s"] for leg in callees) if callees else None,
            settled_after_s=round(time.monotonic() - began, 1) if settled else None,
        )

    def _placer(self, key: str) -> Callable[[], dict[str, Any] | None]:
        def place() -> dict[str, Any] | None:
            response = self.rep.ask("POST", "/api/calls", {"lead_id": self._lead_id}, key=key)
            if response.status_code >= 500:
                return None
            if response.status_code not in (200, 201):
                raise UnexpectedAnswer(f"POST /api/calls: {response.status_code} {response.text[:300]}")
            placed: dict[str, Any] = response.json()
            return placed

        return place

    def _ended(self, call_id: str) -> bool:
        response = self._try("GET", f"/api/calls/{call_id}")
        return bool(response and response.get("ended_at"))

    def _hang_up(self, call_id: str, by: str) -> None:
        """Where somebody holds a telephone, there; else on the page, again and again while the product is away."""
        sids = [
            leg["sid"]
            for leg in self._legs(self._lead_phone if by == "callee" else self._mobile)
            if not leg["ended_at"]
        ]
        if by == "page" or not sids:
            self._until(lambda: self._try("POST", f"/api/calls/{call_id}/hangup"), STUCK_AFTER_S)
            return
        with suppress(httpx.HTTPStatusError):
            # It may have ended in this moment.
            self.rep.sandbox("POST", f"/sandbox/api/calls/{sids[-1]}/hangup")

    def _settled(self, call_id: str, began: float) -> bool:
        while time.monotonic() < began + STUCK_AFTER_S:
            receipt = self._try("GET", f"/api/calls/{call_id}/receipt")
            if receipt and receipt["settled"]:
                return True
            time.sleep(_POLL_S)
        return False

    def _legs(self, phone: str) -> list[dict[str, Any]]:
        legs: list[dict[str, Any]] = self.rep.sandbox("GET", "/sandbox/api/calls", params={"to": phone})
        return legs

    def _try(self, method: str, path: str) -> dict[str, Any] | None:
        """The answer, or None while the product is away or the thing is not there yet."""
        try:
            response = self.rep.ask(method, path)
        except httpx.HTTPError:
            return None
        return response.json() if response.status_code == 200 else None

    def _until(self, attempt: Callable[[], dict[str, Any] | None], limit_s: float) -> dict[str, Any]:
        until = time.monotonic() + limit_s
        while True:
            try:
                if answer := attempt():
                    found: dict[str, Any] = answer
                    return found
            except httpx.HTTPError:
                pass
            if time.monotonic() > until:
                raise UnexpectedAnswer(f"the product was away for {limit_s:g} s")
            time.sleep(_POLL_S)
