"""Says what lies in the folders of backups, and what of it is older than people are told. Exit code 1 when something is."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from compliance import backups


class Command(BaseCommand):
    help = "Looks at folders of backups and archived logs: whether something is older than people are told. Deletes nothing."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folders", nargs="*", help="those of BACKUP_FOLDERS, unless given")

    def handle(self, *args: Any, folders: list[str], **options: Any) -> None:
        named = folders or settings.BACKUP_FOLDERS
        if not named:
            raise CommandError("No folder is named. Set BACKUP_FOLDERS, or give the folders here.")
        found = backups.looked_at(named, now=datetime.now(UTC))
        oldest = f", the oldest of {found.oldest:%Y-%m-%d}" if found.oldest else ""
        self.stdout.write(f"{found.files} files{oldest}; kept for {backups.KEPT_FOR.days} days at most.")
        if found.over or found.unread:
            raise CommandError(f"{found.over} files are older, and {found.unread} folders could not be read.")
