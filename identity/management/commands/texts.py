"""What support does when somebody writes to stop text messages, or to have them again."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance import consent
from identity import opt_out
from identity.models import User


class Command(BaseCommand):
    help = "Stops all text messages to an account, after whoever asks was recognised: signs out everywhere, blocks the sign-in."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("act", choices=("stop", "show"), help="to have them again, the person signs in and agrees")
        parser.add_argument("email", help="of the account")

    def handle(self, *args: Any, act: str, email: str, **options: Any) -> None:
        user = User.objects.filter(email=email.strip().lower(), mobile_verified_at__isnull=False).first()
        if user is None:
            raise CommandError("No account has this e-mail.")
        if act == "stop":
            opt_out.stop(user_id=user.id, way="support", client=opt_out.NO_CLIENT, now=datetime.now(UTC))
        agreed = "agreed to" if consent.holds(user_id=user.id, purpose="sms") else "stopped"
        carrier = ", at the carrier too" if user.texts_stopped_at else ""
        self.stdout.write(f"Text messages are {agreed}{carrier}.")
