"""What support does when somebody writes to stop text messages, or to have them again."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance import consent
from identity import opt_out
from identity.contact import MobileInvalid, parse_mobile
from identity.models import User
from identity.staff import people
from processors.errors import DomainError
from voice import text_loss


class Command(BaseCommand):
    help = "Stops all text messages to a phone, after whoever asks was recognised, and signs out everybody who uses it."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("act", choices=("stop", "allow", "show"))
        parser.add_argument("whom", help="the phone, such as +12025550123, or the e-mail of an account")
        parser.add_argument("--by", help="the e-mail of the one of us who stops or allows them")
        parser.add_argument("--yes", action="store_true", help="stop them without asking, for scripts")

    def handle(self, *args: Any, act: str, whom: str, by: str | None, yes: bool, **options: Any) -> None:
        mobile = self._mobile(whom.strip())
        now = datetime.now(UTC)
        if act == "stop":
            ours = self._ours(by)
            self._demand_yes(mobile, yes, now)
            opt_out.stop_number(mobile_e164=mobile, way="support", now=now, by=ours)
        elif act == "allow":
            opt_out.allow_number(mobile_e164=mobile, way="support", now=now, by=self._ours(by))
        users = list(User.objects.filter(mobile_e164=mobile).values_list("id", flat=True))
        agreed = sum(consent.holds(user_id=user_id, purpose="sms") for user_id in users)
        phone = "is left alone" if opt_out.is_stopped(mobile) else "may be written to"
        self.stdout.write(f"The phone {phone}; {agreed} of {len(users)} who use it agree to text messages.")

    def _demand_yes(self, mobile_e164: str, is_sure: bool, now: datetime) -> None:
        """Says what will be lost, which whoever asked has to be told before. Raises CommandError."""
        self.stdout.write(
            "Whoever uses this phone is signed out at once, and cannot sign in before one of us allows texts again and they agree."
        )
        for lost in text_loss.of_phone(mobile_e164, now=now):
            left = lost.available_mcredits / 1000
            self.stdout.write(
                f"Out of reach for the {lost.role} role in {lost.workspace_name}: its calls, and {left:,g} credits."
            )
        if is_sure:
            return
        self.stdout.write("Stop the text messages? Type yes.")
        try:
            typed = input()
        except EOFError:
            typed = ""
        if typed.strip().lower() != "yes":
            raise CommandError("Nothing was stopped. Type yes, or add --yes in a script.")

    @staticmethod
    def _ours(by: str | None) -> str:
        """Raises CommandError."""
        if not by:
            raise CommandError("Add --by and the e-mail of the one of us who does it.")
        try:
            return people.ref_of(by)
        except DomainError as error:
            raise CommandError(error.message) from None

    @staticmethod
    def _mobile(whom: str) -> str:
        if "@" in whom:
            user = User.objects.filter(email=whom.lower(), mobile_verified_at__isnull=False).first()
            if user is None:
                raise CommandError("No account has this e-mail.")
            return user.mobile_e164
        try:
            return parse_mobile(whom)
        except MobileInvalid as error:
            raise CommandError(error.message) from None
