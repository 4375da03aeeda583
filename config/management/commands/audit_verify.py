"""Checks the record of acts and says where it was tampered with."""

from argparse import ArgumentParser
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from compliance.audit_check import SAID, HeadsUnreadable, heads_of, verify
from compliance.models import AuditEvent
from identity.staff import look_check

# The clock notes a head every ten minutes.
NOTED_WITHIN: Final = timedelta(hours=1)


class Command(BaseCommand):
    help = (
        "Checks every link of the audit log, every look that it tells of and every head noted outside the database; fails at the"
        " first that is wrong."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--heads", type=Path, help="a log of the product that was kept elsewhere, or its heads.jsonl"
        )

    def handle(self, *args: Any, heads: Path | None, **options: Any) -> None:
        if heads is not None and not heads.exists():
            raise CommandError(f"There is no file {heads}.")
        try:
            kept = list(heads_of(heads)) if heads else []
            if heads and not kept:
                raise CommandError(f"No head was noted in {heads}.")
            verdict = verify(kept=kept)
        except HeadsUnreadable as problem:
            raise CommandError(str(problem)) from None
        if verdict.broken:
            raise CommandError(f"Record {verdict.broken.sequence}: {SAID[verdict.broken.fault]}.{_restored()}")
        if exchanged := look_check.first_wrong(now=timezone.now()):
            raise CommandError(f"Record {exchanged.sequence}: {look_check.SAID[exchanged.fault]}.{_restored()}")
        if not verdict.heads and verdict.oldest_at and verdict.oldest_at < timezone.now() - NOTED_WITHIN:
            raise CommandError(
                f"All {verdict.links} records hold among themselves, but no head noted outside the database is left: a record"
                " written anew from the first on would look the same. Give --heads with a log that was kept elsewhere."
            )
        self.stdout.write(
            f"All {verdict.links} records hold, and {verdict.heads} heads noted outside the database fit,"
            f" {len(kept)} of them kept elsewhere."
        )


def _restored() -> str:
    """A backup that was restored cuts the record, and looks like tampering; it leaves a record itself, once erasures were replayed."""
    link = AuditEvent.objects.filter(action="erasures.replayed").order_by("-sequence").first()
    if link is None:
        return ""
    return (
        f" A backup was restored: record {link.sequence} of {link.at:%Y-%m-%d %H:%M} UTC says that erasures were replayed on it."
        " Heads that were noted before belong to records which the backup does not hold; docs/backups.md says what to do with them."
    )
