"""Legal holds at the console: what was sealed under one, and placing one while nobody is served, as after a backup was restored. Both
stand in the audit log."""

import json
from argparse import ArgumentParser
from datetime import UTC, date, datetime
from typing import Any, get_args

from django.core.management.base import BaseCommand, CommandError

from compliance import holds
from compliance.cases import OPERATOR
from processors.errors import DomainError
from voice import holding
from voice.holding import HeldBy


class Command(BaseCommand):
    help = "open: prints what was sealed under an approved hold, as JSON, for the order that --order-id names. place: places one, and somebody at the desk approves it."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("act", choices=("open", "place"))
        parser.add_argument("reference", help="such as LH-0A1B2C3D; to place one, the account, number or call")
        parser.add_argument("--what", choices=get_args(HeldBy), help="what is held")
        parser.add_argument("--basis", default="")
        parser.add_argument("--order-id", default="")
        parser.add_argument("--reason", default="")
        for day in ("--review-on", "--ends-on", "--secret-until"):
            parser.add_argument(day, type=date.fromisoformat, help="such as 2027-03-31")

    def handle(self, *args: Any, act: str, reference: str, **options: Any) -> None:
        try:
            if act == "open":
                found = holds.opened(
                    reference=reference, order_id=options["order_id"], by=OPERATOR, now=datetime.now(UTC)
                )
                self.stdout.write(json.dumps(found, ensure_ascii=False, indent=2))
            else:
                self._place(reference, options)
        except DomainError as error:
            raise CommandError(error.message) from None

    def _place(self, which: str, options: dict[str, Any]) -> None:
        if not (options["what"] and options["review_on"] and options["ends_on"]):
            raise CommandError("Say --what, --review-on and --ends-on.")
        named = ("what", "basis", "order_id", "reason", "review_on", "ends_on", "secret_until")
        hold = holding.place(which=which, by=OPERATOR, now=datetime.now(UTC), **{name: options[name] for name in named})
        self.stdout.write(
            f"Hold {hold.reference} is in force; somebody has to approve it within {holds.APPROVAL.days} days."
        )
