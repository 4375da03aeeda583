"""Shows the versions of the prices, and adds one."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from ledger.models import RateCard
from ledger.operations import RateCardInvalid, add_rate_card


class Command(BaseCommand):
    help = "Without options lists every version of the prices; with them adds a version. A call keeps the one it began with."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--per-minute", type=int, metavar="MCREDITS", help="price of 60 s in milli-credits")
        parser.add_argument("--increment", type=int, metavar="SECONDS", help="what a call's length is rounded up to")
        parser.add_argument("--minimum", type=int, metavar="SECONDS", help="what an answered call costs at least")
        parser.add_argument("--ai-query", type=int, metavar="MCREDITS", help="price of one answered question")
        parser.add_argument("--from", dest="valid_from", metavar="TIME", help="ISO 8601 with a zone; now if left out")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = {name: options[name] for name in ("per_minute", "increment", "minimum", "ai_query")}
        if any(value is not None for value in wanted.values()):
            self._add(wanted, options["valid_from"])
        for card in RateCard.objects.order_by("version"):
            self.stdout.write(
                f"version {card.version} from {card.valid_from:%Y-%m-%d %H:%M} UTC: {card.mcredits_per_minute} milli-credits"
                f" a minute, by {card.increment_s} s, at least {card.minimum_s} s; a question"
                f" {card.ai_query_mcredits} milli-credits"
            )

    def _add(self, wanted: dict[str, int | None], valid_from: str | None) -> None:
        """What is left out stays as in the newest version."""
        now = timezone.now()
        try:
            at = parse_datetime(valid_from) if valid_from else now
        except ValueError:
            at = None
        if at is None or timezone.is_naive(at):
            raise CommandError(f"{valid_from!r} is no time with a zone, such as 2026-12-01T00:00:00+00:00.")
        try:
            add_rate_card(
                mcredits_per_minute=wanted["per_minute"],
                increment_s=wanted["increment"],
                minimum_s=wanted["minimum"],
                ai_query_mcredits=wanted["ai_query"],
                valid_from=at,
                now=now,
            )
        except RateCardInvalid as error:
            raise CommandError(error.message) from None
