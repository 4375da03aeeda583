"""A new mobile number for who has lost the phone, after support recognised the person otherwise."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from identity import mobile_change
from identity.contact import parse_mobile
from identity.email_proof import account_of
from identity.staff import people
from processors.errors import DomainError


class Command(BaseCommand):
    help = "Sets an account's mobile number; it is signed out everywhere, and the next sign-in proves the new phone."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", help="of the account")
        parser.add_argument("mobile", help="such as +12025550123")
        parser.add_argument("--by", required=True, help="the e-mail of the one of us who recognised the person")

    def handle(self, *args: Any, email: str, mobile: str, by: str, **options: Any) -> None:
        now = datetime.now(UTC)
        user = account_of(email, now=now)
        if user is None:
            raise CommandError("No account has this e-mail.")
        try:
            mobile_change.replace(user_id=user.id, mobile_e164=parse_mobile(mobile), by=people.ref_of(by), now=now)
        except DomainError as error:
            raise CommandError(error.message) from None
        self.stdout.write("The number is changed. The person is signed out everywhere and was told by mail.")
