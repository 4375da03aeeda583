"""Keeps somebody out of their account, or lets them in again."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from identity.models import BLOCK_REASONS
from identity.staff import blocking, people
from processors.errors import DomainError


class Command(BaseCommand):
    help = (
        "Blocks an account, which signs it out everywhere and ends its API keys, or takes that back. Either is audited."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        block, unblock = acts.add_parser("block"), acts.add_parser("unblock")
        for act in (block, unblock):
            act.add_argument("email", help="of the account")
            act.add_argument("--by", required=True, help="the e-mail of the one of us who decides")
        block.add_argument("--reason", required=True, choices=[name for name, _ in BLOCK_REASONS])

    def handle(self, *args: Any, act: str, email: str, **options: Any) -> None:
        now = datetime.now(UTC)
        try:
            by = people.ref_of(options["by"])
            if act == "block":
                blocking.block(email=email, reason=options["reason"], by=by, now=now)
                self.stdout.write("Blocked; every session and API key has ended.")
                return
            blocking.unblock(email=email, by=by, now=now)
            self.stdout.write("The person may sign in again.")
        except DomainError as error:
            raise CommandError(error.message) from None
