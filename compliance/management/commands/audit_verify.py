"""Checks the record of acts and says where it was tampered with."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.audit_check import SAID, HeadsUnreadable, verify


class Command(BaseCommand):
    help = "Checks every link of the audit log and every head noted outside the database; fails at the first that is wrong."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            verdict = verify()
        except HeadsUnreadable as problem:
            raise CommandError(str(problem)) from None
        if verdict.broken:
            raise CommandError(f"Record {verdict.broken.sequence}: {SAID[verdict.broken.fault]}.")
        self.stdout.write(
            f"All {verdict.links} records hold, and {verdict.heads} heads noted outside the database fit."
        )
