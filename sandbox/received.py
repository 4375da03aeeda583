"""What the services were given: every field name, per service, so that a test can prove what never left."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any


class Received:
    """Counts of field names; values are never kept here."""

    def __init__(self) -> None:
        self._requests: Counter[str] = Counter()
        self._fields: dict[str, Counter[str]] = {}
        self.messages_requests = 0
        self.sms_sent = 0

    def note(self, service: str, fields: Iterable[str]) -> None:
        self._requests[service] += 1
        self._fields.setdefault(service, Counter()).update(fields)

    def note_json(self, service: str, body: Any) -> None:
        self.note(service, paths(body))

    def as_json(self) -> dict[str, Any]:
        services = {
            service: {"requests": count, "fields": dict(sorted(self._fields[service].items()))}
            for service, count in sorted(self._requests.items())
        }
        return {"services": services, "messages_requests": self.messages_requests, "sms_sent": self.sms_sent}


def paths(node: Any, prefix: str = "") -> list[str]:
    """Dotted names of all leaves: {"a": [{"b": 1}]} has "a[].b"."""
    if isinstance(node, Mapping):
        return [path for key, value in node.items() for path in paths(value, f"{prefix}.{key}" if prefix else str(key))]
    if isinstance(node, list):
        return sorted({path for entry in node for path in paths(entry, f"{prefix}[]")})
    return [prefix]
