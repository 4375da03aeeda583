"""Who of our own people may come in at /staff, done by whoever runs the server."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from identity.staff import people
from identity.staff.models import StaffMember
from identity.staff.permissions import STAFF_ROLES
from processors.errors import DomainError


class Command(BaseCommand):
    help = "Adds, resets and disables people of our own. add and reset print a one-time link, good for 24 hours."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        add = acts.add_parser("add", help="a new account; the link sets password and second factor")
        add.add_argument("email")
        add.add_argument("first_name", help="what customers read when this person looked into their workspace")
        add.add_argument("role", choices=STAFF_ROLES)
        for act, what in (
            ("reset", "a new link; password, second factor, recovery codes and sessions are gone"),
            ("disable", "ends every session and look; reset brings the account back"),
        ):
            acts.add_parser(act, help=what).add_argument("email")
        acts.add_parser("list", help="everybody, with role and state")

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        now = datetime.now(UTC)
        try:
            if act == "add":
                name = str(options["first_name"])
                self._link(people.add(email=options["email"], first_name=name, role=options["role"], now=now))
            elif act == "reset":
                self._link(people.reset(email=options["email"], now=now))
            elif act == "disable":
                known = StaffMember.objects.filter(email=str(options["email"]).strip().lower())
                people.disable(member_id=known.values_list("id", flat=True).first(), by=None, now=now)
                self.stdout.write("Disabled; every session and look has ended.")
            else:
                self._list()
        except DomainError as error:
            raise CommandError(error.message) from None

    def _link(self, token: str) -> None:
        # After the #, so that no server on the way ever writes it into a log.
        self.stdout.write(f"Good once, for 24 hours: {settings.PUBLIC_URL}/staff/enrol#{token}")

    def _list(self) -> None:
        for member in sorted(StaffMember.objects.all(), key=lambda member: member.email):
            state = "disabled" if member.disabled_at else "active" if member.enrolled_at else "invited"
            self.stdout.write(f"{member.email}  {member.role}  {state}")
