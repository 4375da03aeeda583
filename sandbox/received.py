"""What the services were given: every field name, per service, and on being asked whether a text was in any value, so that a test can
prove what never left."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

# The oldest are forgotten; a scan says so.
_VALUES_MAX: Final = 20_000


class Received:
    """Counts of field names, and the values, which are in memory alone: they are shown to nobody and saved nowhere."""

    def __init__(self) -> None:
        self._requests: Counter[str] = Counter()
        self._fields: dict[str, Counter[str]] = {}
        # As a set that knows which is the oldest.
        self._values: dict[str, dict[str, None]] = {}
        self._is_whole = True
        self.messages_requests = 0
        self.sms_sent = 0

    def note(self, service: str, fields: Iterable[tuple[str, str]], *, path: str = "") -> None:
        """fields: names and values. path: of the address that was asked for, which may tell something too."""
        pairs = list(fields)
        self._note(service, [name for name, _ in pairs], [path, *(value for _, value in pairs)])

    def note_json(self, service: str, body: Any, *, path: str = "") -> None:
        self._note(service, paths(body), [path, *leaves(body)])

    def _note(self, service: str, names: Iterable[str], values: Iterable[str]) -> None:
        self._requests[service] += 1
        self._fields.setdefault(service, Counter()).update(names)
        kept = self._values.setdefault(service, {})
        kept.update(dict.fromkeys(value.casefold() for value in values))
        while len(kept) > _VALUES_MAX:
            del kept[next(iter(kept))]
            self._is_whole = False

    def as_json(self) -> dict[str, Any]:
        services = {
            service: {"requests": count, "fields": dict(sorted(self._fields[service].items()))}
            for service, count in sorted(self._requests.items())
        }
        return {"services": services, "messages_requests": self.messages_requests, "sms_sent": self.sms_sent}

    def scan(self, text: str) -> dict[str, Any]:
        """services: those that were given a value with this text in it, in whatever case. whole: whether no value is forgotten."""
        wanted = text.casefold()
        found = [service for service, values in self._values.items() if any(wanted in value for value in values)]
        return {"services": sorted(found), "whole": self._is_whole}


def paths(node: Any, prefix: str = "") -> list[str]:
    """Dotted names of all leaves: {"a": [{"b": 1}]} has "a[].b"."""
    if isinstance(node, Mapping):
        return [path for key, value in node.items() for path in paths(value, f"{prefix}.{key}" if prefix else str(key))]
    if isinstance(node, list):
        return sorted({path for entry in node for path in paths(entry, f"{prefix}[]")})
    return [prefix]


def leaves(node: Any) -> list[str]:
    """What stands at those names, as text."""
    if isinstance(node, Mapping):
        return [leaf for value in node.values() for leaf in leaves(value)]
    if isinstance(node, list):
        return [leaf for entry in node for leaf in leaves(entry)]
    return [str(node)]
