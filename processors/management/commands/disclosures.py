"""Counts what left the machine, by day, recipient and class of data."""

from argparse import ArgumentParser
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from processors import register
from processors.queries import GROUP_MIN, disclosed

DAYS_MAX: Final = 1_900


class Command(BaseCommand):
    help = "Counts disclosures by day, recipient and class of data, the newest day first. Tells of nobody by name or number."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, default=30, help="how many days up to and with the last; 30 by default")
        parser.add_argument("--until", type=date.fromisoformat, help="the last day, YYYY-MM-DD; today by default")
        parser.add_argument("--processor", help="one recipient's key, such as twilio")

    def handle(self, *args: Any, days: int, until: date | None, processor: str | None, **options: Any) -> None:
        if not 1 <= days <= DAYS_MAX:
            raise CommandError(f"Give --days between 1 and {DAYS_MAX}.")
        if processor is not None and processor not in {each.key for each in register.PROCESSORS}:
            known = ", ".join(each.key for each in register.PROCESSORS)
            raise CommandError(f"There is no recipient {processor}. Choose one of {known}.")
        last = until or datetime.now(UTC).date()
        rows = list(disclosed(since=last - timedelta(days=days - 1), until=last, processor=processor))
        self.stdout.write(f"{'day':10}  {'recipient':12}  {'class of data':20}  {'requests':>8}  {'people':>6}")
        for row in rows:
            requests, people = ("few", f"<{GROUP_MIN}") if row.people is None else (row.requests, row.people)
            self.stdout.write(
                f"{row.day.isoformat()}  {row.processor:12}  {row.data_class:20}  {requests:>8}  {people:>6}"
            )
        self.stdout.write(f"{len({row.day for row in rows})} days with disclosures among {days}.")
