"""What was sealed under a legal hold, for whoever has to produce it. That it was opened stands in the audit log."""

import json
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance import holds
from compliance.cases import OPERATOR
from processors.errors import DomainError


class Command(BaseCommand):
    help = "Prints what was sealed under a hold before it was erased, as JSON."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("act", choices=("open",))
        parser.add_argument("reference", help="such as LH-0A1B2C3D")

    def handle(self, *args: Any, reference: str, **options: Any) -> None:
        try:
            found = holds.opened(reference=reference, by=OPERATOR, now=datetime.now(UTC))
        except DomainError as error:
            raise CommandError(error.message) from None
        self.stdout.write(json.dumps(found, ensure_ascii=False, indent=2))
