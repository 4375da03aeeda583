"""Ends what is over its term now, or tells what the clock will end and when."""

from argparse import ArgumentParser
from collections import Counter
from datetime import UTC, datetime
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from compliance.elements import ELEMENTS
from compliance.retention import expire, preview

DAYS_MAX: Final = 3_000
ROUNDS_MAX: Final = 100_000


class Command(BaseCommand):
    help = "Ends what is over its term, as the clock does by itself every minute; --preview only tells what will end and when."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--preview", action="store_true", help="change nothing; list counts by day (UTC) and kind")
        parser.add_argument("--days", type=int, default=1, help="how many days after today to look ahead; 1 by default")

    def handle(self, *args: Any, days: int, **options: Any) -> None:
        now = datetime.now(UTC)
        if not 0 <= days <= DAYS_MAX:
            raise CommandError(f"Give --days between 0 and {DAYS_MAX}.")
        if options["preview"]:
            due = preview(now=now, days=days)
            for each in due:
                self.stdout.write(f"{each.on.isoformat()}  {each.count:8}  {ELEMENTS[each.element].title}")
            self.stdout.write(f"{sum(each.count for each in due)} rows or calls end in these {days + 1} days.")
            return
        ended: Counter[str] = Counter()
        for _ in range(ROUNDS_MAX):
            round_ended = expire(now=now)
            ended += round_ended
            if not round_ended.total():
                break
        for element, count in sorted(ended.items()):
            self.stdout.write(f"{count:8}  {ELEMENTS[element].title}")
        self.stdout.write(f"{ended.total()} ended.")
