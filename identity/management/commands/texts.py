"""What support does when somebody writes to stop text messages, or to have them again."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance import consent
from identity import opt_out
from identity.contact import MobileInvalid, parse_mobile
from identity.models import User


class Command(BaseCommand):
    help = "Stops all text messages to a phone, after whoever asks was recognised, and signs out everybody who uses it."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("act", choices=("stop", "allow", "show"))
        parser.add_argument("whom", help="the phone, such as +12025550123, or the e-mail of an account")

    def handle(self, *args: Any, act: str, whom: str, **options: Any) -> None:
        mobile = self._mobile(whom.strip())
        if act == "stop":
            opt_out.stop_number(mobile_e164=mobile, way="support", now=datetime.now(UTC))
        elif act == "allow":
            opt_out.allow_number(mobile_e164=mobile, now=datetime.now(UTC))
        users = list(User.objects.filter(mobile_e164=mobile).values_list("id", flat=True))
        agreed = sum(consent.holds(user_id=user_id, purpose="sms") for user_id in users)
        phone = "is left alone" if opt_out.is_stopped(mobile) else "may be written to"
        self.stdout.write(f"The phone {phone}; {agreed} of {len(users)} who use it agree to text messages.")

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
