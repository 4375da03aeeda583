"""Backups and archived logs end with the term that people are told of: what lies in their folders is looked at, and what is older is
told to the operator. The product makes no backups and deletes none; whatever makes them does (docs/backups.md).
"""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from django.conf import settings

from compliance.elements import ELEMENTS
from compliance.models import BackupLook
from processors.operator_mails import Written, to_operator

logger = logging.getLogger(__name__)

KEPT_FOR: Final = timedelta(days=ELEMENTS["backup"].retention_days or 0)
# The programs that delete run once a day, and take their time.
GRACE: Final = timedelta(days=1)
TOLD_EVERY: Final = timedelta(days=1)
LOOKS_KEPT_FOR: Final = timedelta(days=30)
_SUBJECT: Final = "Backups are kept longer than people are told"
_TEXT: Final = (
    "People are told that backups and archived logs end after {days} days. {files} files in the folders of BACKUP_FOLDERS are older; the"
    " oldest is of {oldest}. {unread} of these folders could not be read.\n\nWhat was erased since is still in them. Delete the old ones,"
    " and find out why whatever makes them did not (docs/backups.md): {url}/staff/reviews\n"
)


@dataclass(slots=True)
class Found:
    """files: regular files below the folders. over: how many of them are older than KEPT_FOR and GRACE. unread: folders that are not
    there or cannot be read. oldest: when the oldest file was written last."""

    files: int = 0
    over: int = 0
    unread: int = 0
    oldest: datetime | None = None


def looked_at(folders: Sequence[str], *, now: datetime) -> Found:
    """What lies in these folders, by when each file was written last."""
    found = Found()
    for folder in folders:
        try:
            for at in written_at(Path(folder)):
                found.files += 1
                found.over += at < now - KEPT_FOR - GRACE
                found.oldest = at if found.oldest is None else min(found.oldest, at)
        except OSError as error:
            found.unread += 1
            logger.warning("folder of backups not read", extra={"error_type": type(error).__name__})
    return found


def look(*, now: datetime) -> BackupLook | None:
    """Looks once more and keeps what was found for the page of reviews; None where no folder is named."""
    if not settings.BACKUP_FOLDERS:
        return None
    found = looked_at(settings.BACKUP_FOLDERS, now=now)
    BackupLook.objects.filter(looked_at__lt=now - LOOKS_KEPT_FOR).delete()
    if found.over or found.unread:
        logger.error("backups are kept longer than promised", extra={"count": found.over + found.unread})
    return BackupLook.objects.create(
        looked_at=now, files=found.files, over=found.over, unread=found.unread, oldest_at=found.oldest
    )


def newest() -> BackupLook | None:
    return BackupLook.objects.order_by("-looked_at").first()


def tell_of_old_backups(*, now: datetime) -> int:
    """One mail a day while the last look found something over its term, or nothing to look at; returns how many were sent."""
    last = newest()
    if last is None or not (last.over or last.unread):
        return 0
    if BackupLook.objects.filter(told_at__gt=now - TOLD_EVERY).exists():
        return 0
    text = _TEXT.format(
        days=KEPT_FOR.days,
        files=last.over,
        oldest=f"{last.oldest_at:%-d %B %Y}" if last.oldest_at else "no day",
        unread=last.unread,
        url=settings.PUBLIC_URL,
    )
    if not to_operator(Written(_SUBJECT, text), kind="backups_over", row_id=last.id, attempt=1):
        return 0
    return BackupLook.objects.filter(id=last.id).update(told_at=now)


def written_at(folder: Path) -> Iterator[datetime]:
    """When each regular file here and below was written last. A file or a folder below that goes meanwhile is passed over: whatever
    deletes old ones does its work.

    :raises OSError: this folder is not there, or it or one below is not to be read.
    """
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                with suppress(FileNotFoundError):
                    yield from written_at(Path(entry.path))
            elif entry.is_file(follow_symlinks=False):
                try:
                    written = entry.stat(follow_symlinks=False).st_mtime
                except FileNotFoundError:
                    continue
                yield datetime.fromtimestamp(written, UTC)
