"""What a person may ask for who cannot sign in, done by support after recognising the person. A deletion is only prepared: another of us
approves it at the desk."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from compliance import access, cases, second_person
from compliance.models import Case, PreparedDeletion
from compliance.stores import Subject
from identity.email_proof import account_of
from identity.models import User
from identity.personal_data import subject_of
from identity.staff import people
from processors.errors import DomainError


class Command(BaseCommand):
    help = "Exports everything that is held about an account, or prepares its deletion, after whoever asks was recognised. Either is audited."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "act", choices=("export", "erase"), help="export prints JSON; erase waits for another of you at the desk"
        )
        parser.add_argument("email", help="of the account")
        parser.add_argument(
            "--case", required=True, help="reference of the open case in which the person was recognised"
        )
        parser.add_argument("--by", required=True, help="the e-mail of the one of us who does it")

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
        if case.kind != "deletion":
            raise CommandError(f"Case {case.reference} asks for something else: `manage.py cases sort` changes that.")
        try:
            prepared = self._prepare(case.reference, subject, by, now)
        except DomainError as error:
            raise CommandError(error.message) from None
        for element, count in sorted(prepared.counts.items()):
            self.stdout.write(f"{count:>8}  {element}")
        self.stdout.write(
            f"It is prepared. Somebody else of you approves it at /staff, case {case.reference}; it begins after 3 days of grace then."
        )

    @staticmethod
    def _prepare(reference: str, subject: Subject, by: str, now: datetime) -> PreparedDeletion:
        with transaction.atomic():
            case = cases.locked_open(reference)
            prepared = second_person.prepare(case=case, subject=subject, by=by, now=now)
            cases.resume(reference=reference, by=by, now=now)
        return prepared

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
