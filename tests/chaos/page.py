"""A page that shows one call: it believes the socket, and asks REST only for what the socket cannot know.

It does what frontend/src/live does: after a lost socket it comes back and asks for everything again; when an event's number
shows that one is missing, it asks for what came after the last one that it has.
"""

import time
from typing import Any

import httpx
from websockets.exceptions import WebSocketException

from sandbox.rep import Live, Rep, UnexpectedAnswer

RETRY_S = 0.5
# Set anew at every reading, so they differ between two readings of the same call.
OF_THE_MOMENT = ("as_of", "duration_s", "seconds_left", "speech")


class Page:
    """Turned by its owner's loop; holds what a person would see.

    losses: the close code of every socket that was lost, None when it just broke.
    """

    def __init__(self, rep: Rep, call_id: str) -> None:
        self._rep = rep
        self._call_id = call_id
        self._live: Live | None = None
        self._applied = 0
        self._retry_at = 0.0
        self._known = 0
        self._newest = 0
        self._whole = False
        self.segments: dict[str, dict[str, Any]] = {}
        self.call: dict[str, Any] = {}
        self.credits: dict[str, Any] = {}
        self.insights: dict[str, Any] = {}
        self.losses: list[int | None] = []
        self.interims = 0
        self.repeated = 0

    def turn(self) -> None:
        """Looks after the socket, applies what it brought, asks REST when that is needed."""
        if time.monotonic() < self._retry_at:
            return
        try:
            self._stay_connected()
            self._apply_new()
            if not self._whole:
                self._ask_for_everything()
            elif self._known < self._newest:
                self._catch_up()
        except (httpx.HTTPError, UnexpectedAnswer, WebSocketException, OSError):
            # The server is away for a moment, as a browser sees it; what is missing stays missing until the next turn.
            self._retry_at = time.monotonic() + RETRY_S

    def close(self) -> None:
        if self._live is not None:
            self._live.close()

    def truth(self) -> tuple[dict[str, Any], ...]:
        """What REST says now of all that the page shows."""
        return (
            {segment["id"]: segment for segment in self._segments_after(0)["items"]},
            _lasting(self._rep.call("GET", f"/api/calls/{self._call_id}")),
            self._rep.call("GET", "/api/credits"),
            self._rep.call("GET", f"/api/calls/{self._call_id}/insights"),
        )

    def shown(self) -> tuple[dict[str, Any], ...]:
        return self.segments, _lasting(self.call), self.credits, self.insights

    def _stay_connected(self) -> None:
        if self._live is not None and self._live.is_open:
            return
        if self._live is not None:
            self.losses.append(self._live.close_code)
            self._live = None
        self._whole = False
        live = self._rep.live().open()
        live.follow(self._call_id)
        self._live, self._applied = live, 0

    def _apply_new(self) -> None:
        assert self._live is not None
        events = self._live.events
        while self._applied < len(events):
            self._apply(events[self._applied].event)
            self._applied += 1

    def _apply(self, event: dict[str, Any]) -> None:
        match event["type"]:
            case "segment.added" | "segment.changed":
                segment = event["segment"]
                self.repeated += segment["id"] in self.segments
                self._show(segment)
                self._number(event["sequence"])
            case "call.changed":
                if event["call"]["sequence"] >= self.call.get("sequence", 0):
                    self.call = event["call"]
                self._number(event["call"]["sequence"])
            case "segment.interim":
                self.interims += 1
            case "balance.changed":
                if event["sequence"] >= self.credits.get("sequence", 0):
                    self.credits |= {name: event[name] for name in self.credits.keys() & event.keys()}
                    self._work_out_minutes()
            case "insights.ready":
                self.insights = self._rep.call("GET", f"/api/calls/{self._call_id}/insights")

    def _show(self, segment: dict[str, Any]) -> None:
        """A segment takes the place of those that it replaces."""
        for replaced in segment["replaces"]:
            self.segments.pop(replaced, None)
        self.segments[segment["id"]] = segment

    def _number(self, sequence: int) -> None:
        self._newest = max(self._newest, sequence)
        if self.call:
            self.call["sequence"] = max(self.call["sequence"], sequence)
        if sequence == self._known + 1:
            self._known = sequence

    def _work_out_minutes(self) -> None:
        if self.credits:
            per_minute = self.credits["rate"]["mcredits_per_minute"]
            self.credits["minutes_left"] = max(0, self.credits["available_mcredits"]) // per_minute

    def _ask_for_everything(self) -> None:
        self.call = self._rep.call("GET", f"/api/calls/{self._call_id}")
        self.credits = self._rep.call("GET", "/api/credits")
        self.insights = self._rep.call("GET", f"/api/calls/{self._call_id}/insights")
        self._catch_up()
        self._whole = True

    def _catch_up(self) -> None:
        page = self._segments_after(self._known)
        for segment in page["items"]:
            self._show(segment)
        self._known = max(self._known, page["latest_sequence"])

    def _segments_after(self, sequence: int) -> dict[str, Any]:
        page: dict[str, Any] = self._rep.call("GET", f"/api/calls/{self._call_id}/segments?after_sequence={sequence}")
        return page


def _lasting(call: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in call.items() if name not in OF_THE_MOMENT}
    if call.get("ended_at"):
        kept["duration_s"] = call["duration_s"]
    return kept
