"""Whether the record of acts is still what was written down: link by link, its end, and against heads noted elsewhere.

Whoever can write to the database could hash a chain of their own from the first link on. Heads that were noted outside the
database no longer fit such a chain, nor one that was cut.
"""

import json
import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Final, Literal

from django.conf import settings

from compliance.audit import hash_of
from compliance.models import AuditEvent, AuditHead

logger = logging.getLogger(__name__)

HEADS_FILE: Final = "audit/heads.jsonl"

Fault = Literal["missing", "changed", "not_chained", "cut", "rewritten"]
SAID: Final[dict[Fault, str]] = {
    "missing": "the record with this number is not there",
    "changed": "the record does not say what it said when it was written",
    "not_chained": "the record does not follow the one before it",
    "cut": "the records from here to the noted end are not there",
    "rewritten": "the record is another one than when its hash was noted outside the database",
}


@dataclass(frozen=True, slots=True)
class Head:
    """Where the record ended at a moment. at: ISO 8601; sequence: 0 while it is empty; hash: of the last link."""

    at: str
    sequence: int
    hash: str


@dataclass(frozen=True, slots=True)
class Broken:
    """The first record that does not hold."""

    sequence: int
    fault: Fault


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was looked at: links, and heads that had been noted. broken: None when everything holds."""

    links: int
    heads: int
    broken: Broken | None


class HeadsUnreadable(RuntimeError):
    """The file of noted heads was tampered with or damaged; permanent until somebody looks. Names the line."""


def verify() -> Verdict:
    """Reads all of the record, in order, in flat memory. Raises HeadsUnreadable."""
    noted = {head.sequence: head.hash for head in noted_heads(_heads_file())}
    # Read before the links: those that are written meanwhile only make the record longer.
    end = AuditHead.objects.first()
    ends = [noted, {end.sequence: end.hash}] if end else [noted]
    expected, previous = 1, ""
    for event in AuditEvent.objects.order_by("sequence").iterator(chunk_size=1_000):
        fault = _fault(event, expected, previous, ends)
        if fault:
            return Verdict(links=expected - 1, heads=len(noted), broken=Broken(expected, fault))
        expected, previous = expected + 1, event.hash
    cut = Broken(expected, "cut") if max(chain(*ends), default=0) >= expected else None
    return Verdict(links=expected - 1, heads=len(noted), broken=cut)


def note_head(*, now: datetime) -> None:
    """Notes where the record ends, if it has grown since, in a file below DATA_DIR and in the log.

    The log is what an operator sends elsewhere, so a head is there even when the whole machine falls into wrong hands.
    """
    head = AuditHead.objects.first()
    file = _heads_file()
    last = max((noted.sequence for noted in noted_heads(file)), default=0)
    if head is None or head.sequence <= last:
        return
    noted = Head(at=now.isoformat(timespec="seconds"), sequence=head.sequence, hash=head.hash)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as lines:
        lines.write(json.dumps(asdict(noted)) + "\n")
    logger.info("audit head", extra={"sequence": noted.sequence, "hash": noted.hash})


def noted_heads(file: Path) -> Iterator[Head]:
    """Raises HeadsUnreadable."""
    if not file.exists():
        return
    with file.open() as lines:
        for number, line in enumerate(lines, start=1):
            try:
                fields = json.loads(line)
                yield Head(at=str(fields["at"]), sequence=int(fields["sequence"]), hash=str(fields["hash"]))
            except (ValueError, KeyError, TypeError):
                raise HeadsUnreadable(f"Line {number} of {file} is not a noted head.") from None


def _fault(event: AuditEvent, expected: int, previous: str, ends: list[dict[int, str]]) -> Fault | None:
    if event.sequence != expected:
        return "missing"
    if event.previous_hash != previous:
        return "not_chained"
    if event.hash != hash_of(event):
        return "changed"
    return "rewritten" if any(known.get(expected, event.hash) != event.hash for known in ends) else None


def _heads_file() -> Path:
    return Path(settings.DATA_DIR) / HEADS_FILE
