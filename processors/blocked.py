"""Reports of attempts that were refused: an error line at once, a row as soon as one can be written.

The refusal usually ends the transaction it happened in, and the guard must not touch the database at all; so a report
that cannot be a row yet is a line in a file below DATA_DIR/egress, and `collect` turns those into rows.
"""

import json
import logging
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from django.db import DatabaseError, connection

from processors.models import BlockedEgress

logger = logging.getLogger(__name__)

REASONS: Final = frozenset(
    {
        "host_not_listed",
        "endpoint_not_listed",
        "field_not_listed",
        "value_not_listed",
        "body_unreadable",
        "not_in_policy",
    }
)
SUFFIX: Final = ".blocked"
FILE_BYTES_MAX: Final = 1_048_576


@dataclass(frozen=True, slots=True)
class Attempt:
    """What was tried. Names only, never a value that was to be sent."""

    host: str
    reason: str
    port: int | None = None
    processor: str = ""
    endpoint: str = ""
    field: str = ""


def log(attempt: Attempt) -> None:
    logger.error("egress blocked", extra={k: v for k, v in asdict(attempt).items() if v not in ("", None)})


def report(attempt: Attempt, *, folder: Path, now: datetime) -> None:
    """Logs, and writes the row unless a surrounding transaction would take it back."""
    log(attempt)
    if any(not getattr(block, "_from_testcase", False) for block in connection.atomic_blocks):
        append(attempt, folder=folder, now=now)
        return
    try:
        BlockedEgress.objects.create(at=now, **_columns(attempt))
    except DatabaseError:
        append(attempt, folder=folder, now=now)


def append(attempt: Attempt, *, folder: Path, now: datetime) -> None:
    """Adds a line to this process's file; says so in the log when the file is full or cannot be written."""
    path = folder / f"{os.getpid()}{SUFFIX}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > FILE_BYTES_MAX:
            logger.error("blocked egress not kept, file full")
            return
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"at": now.isoformat(), **asdict(attempt)}) + "\n")
    except OSError as error:
        logger.error("blocked egress not kept", extra={"error_type": type(error).__name__})


def collect(*, folder: Path) -> int:
    """Turns the files' lines into rows; returns how many. A file is taken by renaming it, so two collectors
    never share one."""
    rows = []
    taken = []
    for path in sorted(folder.glob(f"*{SUFFIX}")) + sorted(folder.glob("*.taken")):
        target = path if path.suffix == ".taken" else path.with_suffix(f".{datetime.now(UTC):%H%M%S%f}.taken")
        try:
            path.rename(target)
            rows += [BlockedEgress(**line) for line in _lines(target)]
        except FileNotFoundError:
            continue  # Another collector took it.
        taken.append(target)
    BlockedEgress.objects.bulk_create(rows)
    for path in taken:
        path.unlink(missing_ok=True)
    return len(rows)


def _lines(path: Path) -> Iterator[dict[str, object]]:
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            line = json.loads(text)
            yield {"at": datetime.fromisoformat(line.pop("at")), **_columns(Attempt(**line))}
        except (ValueError, TypeError, KeyError):
            # A process that died in the middle of a line; its error line is in the log.
            logger.warning("blocked egress line unreadable")


def _columns(attempt: Attempt) -> dict[str, object]:
    return {
        name: value[:64] if isinstance(value, str) and name != "host" else value
        for name, value in asdict(attempt).items()
    }
