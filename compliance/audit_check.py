"""Whether the record of acts is still what was written down: link by link, its end, and against heads noted elsewhere.

Whoever can write to the database could hash a chain of their own from the first link on. Heads that were noted outside the
database no longer fit such a chain, nor one that was cut: those that the clock notes, and those of each link in the logs of this
machine's processes, so that not even what was cut off a moment ago is missed. Links whose term is over go from the beginning; a head that was
noted later than that term allows tells when others went.
"""

import json
import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from django.conf import settings
from django.db.models import Q

from compliance.audit import holds
from compliance.elements import ELEMENTS
from compliance.models import AuditEvent, AuditHead

logger = logging.getLogger(__name__)

HEADS_FILE: Final = "audit/heads.jsonl"
# Of each process the log and the older one before it, below DATA_DIR (config/embedded/logfile.py).
_LOGS: Final = ("logs/*.log.1", "logs/*.log")
NOTED: Final = "audit head"
# How much later than its links a head may be noted, at most.
NOTED_LATE: Final = timedelta(days=1)
_HEAD_KEYS: Final = {"at", "sequence", "hash"}

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
    """What was looked at: links, heads that had been noted, when the oldest link was written. broken: None when all holds."""

    links: int
    heads: int
    oldest_at: datetime | None
    broken: Broken | None


class HeadsUnreadable(RuntimeError):
    """A noted head cannot be read: the file was damaged or tampered with. Names the line."""


def verify(*, kept: Iterable[Head] = ()) -> Verdict:
    """Reads all of the record, in order, in flat memory. kept: heads that were kept on another machine.

    Raises HeadsUnreadable.
    """
    outside = [*heads_of(_heads_file()), *_told_here(), *kept]
    # Read before the links: those that are written meanwhile only make the record longer.
    end = AuditHead.objects.first()
    ends: dict[int, set[str]] = {}
    for head in outside:
        ends.setdefault(head.sequence, set()).add(head.hash)
    if end is not None:
        ends.setdefault(end.sequence, set()).add(end.hash)
    if end is not None and end.ended_sequence:
        ends.setdefault(end.ended_sequence, set()).add(end.ended_hash)
        if early := _ended_too_early(end, outside, ends):
            return Verdict(0, len(outside), None, early)
    expected, previous, oldest = (end.ended_sequence + 1, end.ended_hash, None) if end else (1, "", None)
    before = expected
    for event in AuditEvent.objects.order_by("sequence").iterator(chunk_size=1_000):
        fault = _fault(event, expected, previous, ends)
        if fault:
            return Verdict(expected - before, len(outside), oldest, Broken(expected, fault))
        expected, previous, oldest = expected + 1, event.hash, oldest or event.at
    cut = Broken(expected, "cut") if max(ends, default=0) >= expected else None
    return Verdict(expected - before, len(outside), oldest, cut)


def note_head(*, now: datetime) -> None:
    """Notes where the record ends, if it has grown since, in the log and in a file below DATA_DIR.

    The log is what an operator sends elsewhere, so a head is there even when the whole machine falls into wrong hands; each link told it
    by itself when it was written, see `audit.record`. A record that no longer holds what was noted last is told at once, as an error.
    """
    head = AuditHead.objects.first()
    file = _heads_file()
    last = max(heads_of(file), key=lambda noted: noted.sequence, default=None)
    known = Q(sequence=last.sequence, hash=last.hash) if last else Q()
    ended = last and head and (head.ended_sequence, head.ended_hash) == (last.sequence, last.hash)
    if last is not None and not ended and not AuditEvent.objects.filter(known).exists():
        logger.error("the audit log is broken", extra={"sequence": last.sequence})
        return
    if head is None or head.sequence <= (last.sequence if last else 0):
        return
    noted = Head(at=now.isoformat(timespec="seconds"), sequence=head.sequence, hash=head.hash)
    logger.info("audit head", extra={"sequence": noted.sequence, "hash": noted.hash})
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+") as lines:
        if lines.tell() and not _ends_whole(file):
            # A line that broke off, as at a full disk, stays alone on its own.
            lines.write("\n")
        lines.write(json.dumps(asdict(noted)) + "\n")
        lines.flush()
        os.fsync(lines.fileno())


def heads_of(file: Path) -> Iterator[Head]:
    """The heads in a file of ours, or in a log that was kept: lines of anything else are passed over.

    Raises HeadsUnreadable: a whole line that looks like a head and is none.
    """
    if not file.exists():
        return
    with file.open(errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            if NOTED not in line and '"hash"' not in line:
                continue
            try:
                fields = json.loads(line)
            except ValueError:
                # It broke off, or is no line of ours.
                continue
            if not isinstance(fields, dict) or (fields.get("message") != NOTED and fields.keys() != _HEAD_KEYS):
                continue
            try:
                yield Head(at=str(fields["at"]), sequence=int(fields["sequence"]), hash=str(fields["hash"]))
            except (ValueError, KeyError, TypeError):
                raise HeadsUnreadable(f"Line {number} of {file} is not a noted head.") from None


def _ended_too_early(end: AuditHead, outside: Iterable[Head], ends: dict[int, set[str]]) -> Broken | None:
    """Whether links went from the beginning that cannot be as old as their term, or of which another hash was noted."""
    if len(ends[end.ended_sequence]) > 1:
        return Broken(end.ended_sequence, "rewritten")
    noted = [(datetime.fromisoformat(head.at), head.sequence) for head in outside if head.at]
    if not noted:
        return None
    # The clock notes a head every ten minutes, later than its links and later still when it was away.
    allowed = max(noted)[0] - timedelta(days=ELEMENTS["audit"].retention_days or 0) + NOTED_LATE
    early = sorted(sequence for at, sequence in noted if sequence <= end.ended_sequence and at > allowed)
    return Broken(early[0], "cut") if early else None


def _ends_whole(file: Path) -> bool:
    return file.read_bytes()[-1:] == b"\n"


def _fault(event: AuditEvent, expected: int, previous: str, ends: dict[int, set[str]]) -> Fault | None:
    if event.sequence != expected:
        return "missing"
    if event.previous_hash != previous:
        return "not_chained"
    if not holds(event):
        return "changed"
    return "rewritten" if ends.get(expected, set()) - {event.hash} else None


def _heads_file() -> Path:
    return Path(settings.DATA_DIR) / HEADS_FILE


def _told_here() -> Iterator[Head]:
    """What this machine's own processes have told, as far back as their logs go. Raises HeadsUnreadable."""
    for pattern in _LOGS:
        for file in sorted(Path(settings.DATA_DIR).glob(pattern)):
            yield from heads_of(file)
