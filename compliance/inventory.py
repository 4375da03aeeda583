"""Comparing what is declared with what there is: model fields, Redis keys, files, log fields.

Every package declares its fields in `personal_data.INVENTORY`; what nobody declared fails a test.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Final

from compliance.elements import ELEMENTS

__all__ = ["ELEMENTS", "FILES", "QUEUED_FOR", "REDIS_KEYS", "undeclared_fields", "undeclared_names"]

# Key pattern -> element. Patterns as of fnmatch.
REDIS_KEYS: Final[dict[str, str]] = {
    "klose:group:*": "queue",
    "klose:specific.*": "queue",
    "klose*!": "queue",
    "klose*!$inflight": "queue",
    "klosespecific.*": "queue",
    "huey.*klose*": "queue",
}

# So long a task waits that nobody takes; then it is over, and what is still due the clock hands over again.
QUEUED_FOR: Final = timedelta(days=ELEMENTS["queue"].retention_days or 0)

# Path below DATA_DIR -> element.
FILES: Final[dict[str, str]] = {
    "postgres/*": "backup",
    "postgres.new/*": "none",
    "run/*": "none",
    "logs/*": "log_id",
    "egress/*": "none",
    "audit/*": "none",
    "stack.json": "none",
    "stack.lock": "none",
    "secrets.json": "none",
    "models/*": "none",
    "sandbox/*": "none",
}


def undeclared_fields(*, actual: Iterable[str], inventories: Sequence[Mapping[str, str]]) -> list[str]:
    """What differs between the models' fields ("app.Model.field") and the inventories, each as a sentence to
    act on."""
    declared: dict[str, str] = {}
    found = []
    for inventory in inventories:
        for field, element in inventory.items():
            if field in declared:
                found.append(f"{field} is declared twice; keep one.")
            if element not in ELEMENTS:
                found.append(
                    f'{field} is declared as "{element}", which is not a key of compliance.inventory.ELEMENTS.'
                )
            declared[field] = element
    fields = set(actual)
    for field in sorted(fields - declared.keys()):
        app = field.split(".")[0]
        found.append(f'{field} is not declared: add "{field}": "<element>" to INVENTORY in {app}/personal_data.py.')
    found.extend(
        f"{field} is declared and does not exist; remove it from {field.split('.')[0]}/personal_data.py."
        for field in sorted(declared.keys() - fields)
    )
    return found


def undeclared_names(*, actual: Iterable[str], patterns: Mapping[str, str]) -> list[str]:
    """The Redis keys or file paths that no pattern declares."""
    return sorted(name for name in actual if not any(fnmatchcase(name, pattern) for pattern in patterns))
