"""What a person may ask for who cannot sign in, done by support after recognising the person."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance import access, cases, requests
from compliance.case_models import Case
from compliance.keyed_tokens import receipt_token
from identity.email_proof import account_of
from identity.models import User
from identity.personal_data import subject_of
from identity.staff import people
from processors.errors import DomainError


class Command(BaseCommand):
    help = "Exports or erases everything that is held about an account, after whoever asks was recognised. Either is audited."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "act", choices=("export", "erase"), help="export prints JSON; erase begins after 3 days of grace"
        )
        parser.add_argument("email", help="of the account")
        parser.add_argument(
            "--case", required=True, help="reference of the open case in which the person was recognised"
        )
        parser.add_argument("--by", required=True, help="the e-mail of the one of us who does it")
        parser.add_argument("--now", action="store_true", help="erase without the grace")

    def handle(self, *args: Any, act: str, email: str, **options: Any) -> None:
        now = datetime.now(UTC)
        user = account_of(email, now=now)
        if user is None:
            raise CommandError("No account has this e-mail.")
        case = self._case(options["case"], user)
        by, subject = self._by(options["by"]), subject_of(user.id)
        if act == "export":
            for part in access.export(subject=subject, now=now, by=by, case=case.reference):
                self.stdout.write(part, ending="")
            self.stdout.write()
            return
        try:
            opened = requests.open_erasure(
                subject=subject, confirm=subject.email, at_once=options["now"], now=now, by=by
            )
        except DomainError as error:
            raise CommandError(error.message) from None
        receipt = f"/erased/{receipt_token(opened.id)}"
        self.stdout.write(f"It begins {opened.runs_at:%Y-%m-%d %H:%M} UTC. The receipt: {receipt}")

    @staticmethod
    def _by(email: str) -> str:
        try:
            return people.ref_of(email)
        except DomainError as error:
            raise CommandError(error.message) from None

    @staticmethod
    def _case(reference: str, user: User) -> Case:
        """Nobody looks at what is held about an account without a reason that is written down."""
        try:
            case = cases.of_reference(reference)
        except DomainError as error:
            raise CommandError(error.message) from None
        if case.closed_at is not None or case.proved_at is None or case.user_id != user.id:
            raise CommandError(
                f"Case {case.reference} is closed, or was not proved to be of this account: `manage.py cases prove` does that."
            )
        return case
