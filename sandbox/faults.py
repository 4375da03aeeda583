"""Faults on demand: what the network and the services do on a bad day, one request at a time."""

import itertools
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

TARGETS = (
    "twilio.callbacks",
    "twilio.rest",
    "twilio.stream",
    "twilio.transcription",
    "paddle.webhooks",
    "paddle.rest",
    "verify",
    "google.rest",
    "facebook.rest",
)
KINDS = (
    "delay",
    "duplicate",
    "reorder",
    "drop",
    "error",
    "timeout_after_accept",
    "error_after_accept",
    "wrong_sid",
    "garbage",
    "lost_socket",
)
# What each target can be made to do; anything else would silently never happen, so it is refused.
ALLOWED: Mapping[str, frozenset[str]] = {
    "twilio.callbacks": frozenset({"delay", "duplicate", "reorder", "drop", "error", "timeout_after_accept"}),
    "paddle.webhooks": frozenset({"delay", "duplicate", "reorder", "drop", "error", "timeout_after_accept"}),
    "twilio.rest": frozenset(
        {"delay", "drop", "error", "timeout_after_accept", "error_after_accept", "wrong_sid", "garbage"}
    ),
    "paddle.rest": frozenset({"delay", "drop", "error", "timeout_after_accept"}),
    "verify": frozenset({"delay", "drop", "error", "timeout_after_accept"}),
    "google.rest": frozenset({"error"}),
    "facebook.rest": frozenset({"error"}),
    "twilio.stream": frozenset({"delay", "duplicate", "reorder", "drop", "error", "lost_socket"}),
    "twilio.transcription": frozenset({"delay", "drop", "error"}),
}


class FaultInvalid(ValueError):
    """The fault asked for does not exist; the message lists what does."""


@dataclass(slots=True)
class Fault:
    """value: ms for delay, reorder and lost_socket; copies for duplicate; HTTP status or code for error and error_after_accept;
    for wrong_sid and garbage which one, see `sandbox.twilio.lies`.

    count: how many more times it strikes, -1 for always. match: strikes only where these fields have these values.
    """

    id: int
    target: str
    kind: str
    value: int
    count: int
    match: dict[str, str] = field(default_factory=dict)
    struck: int = 0


class Faults:
    """The faults in force, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._ids = itertools.count(1)

    def add(self, wanted: Mapping[str, Any]) -> Fault:
        """:raises FaultInvalid: for a target, kind or number that does not exist."""
        target, kind = str(wanted.get("target", "")), str(wanted.get("kind", ""))
        if target not in ALLOWED:
            raise FaultInvalid(f"No target {target!r}; use one of {', '.join(TARGETS)}.")
        if kind not in ALLOWED[target]:
            raise FaultInvalid(f"{target} has no fault {kind!r}; use one of {', '.join(sorted(ALLOWED[target]))}.")
        match = wanted.get("match") or {}
        if not isinstance(match, dict):
            raise FaultInvalid("match must be an object of field names and values.")
        try:
            value, count = int(wanted.get("value") or 0), int(wanted.get("count", 1))
        except (TypeError, ValueError):
            raise FaultInvalid("value and count must be whole numbers.") from None
        texts = {str(name): str(expected) for name, expected in match.items()}
        fault = Fault(next(self._ids), target, kind, value, count, texts)
        self._faults.append(fault)
        return fault

    def strike(self, target: str, fields: Mapping[str, str], *kinds: str) -> Fault | None:
        """The next fault of `kinds` for `target` that matches `fields`; it is used up by being returned."""
        for fault in self._faults:
            if fault.target != target or fault.kind not in kinds or fault.count == 0:
                continue
            if all(fields.get(name) == expected for name, expected in fault.match.items()):
                fault.struck += 1
                if fault.count > 0:
                    fault.count -= 1
                return fault
        return None

    def clear(self) -> None:
        self._faults.clear()

    def listed(self) -> list[dict[str, Any]]:
        return [asdict(fault) for fault in self._faults]
