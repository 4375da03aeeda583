"""Checks the books and says what is wrong with them."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from ledger.reconcile import INVARIANTS, violations


class Command(BaseCommand):
    help = "Checks every invariant of the ledger; fails and names the first offending row of each that is broken."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        broken = list(violations(now=timezone.now()))
        for violation in broken:
            row = ", ".join(f"{column}={value}" for column, value in violation.row.items())
            self.stderr.write(f"{violation.invariant}: broken at {row}")
        if broken:
            raise CommandError(f"{len(broken)} of {len(INVARIANTS)} invariants are broken.")
        self.stdout.write(f"All {len(INVARIANTS)} invariants hold.")
