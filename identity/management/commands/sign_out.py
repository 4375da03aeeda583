"""Ends sessions in an emergency."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from identity.email_proof import account_of
from identity.models import User
from identity.operations import sign_out_everywhere


class Command(BaseCommand):
    help = "Signs out one account everywhere, or everybody; API keys of theirs end too. Passwords stay as they are."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        whom = parser.add_mutually_exclusive_group(required=True)
        whom.add_argument("email", nargs="?", help="of the account")
        whom.add_argument("--everybody", action="store_true")

    def handle(self, *args: Any, email: str | None, everybody: bool, **options: Any) -> None:
        users, now = User.objects.all(), datetime.now(UTC)
        if not everybody:
            # Somebody who has got in may have changed it.
            named = account_of(email or "", now=now)
            if named is None:
                raise CommandError("No account has this e-mail.")
            users = users.filter(id=named.id)
        ended = sum(sign_out_everywhere(user_id=user_id, now=now) for user_id in users.values_list("id", flat=True))
        self.stdout.write(f"{ended} sessions and keys have ended.")
