"""What is sealed in the database, and with which keys."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from identity import social_entry
from processors import sealed_columns


class Command(BaseCommand):
    help = "Counts what each key seals, or seals everything anew with the newest ones, so that the older ones can go."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        acts.add_parser("status", help="how many values each key seals, and which keys can go")
        renew = acts.add_parser("renew", help="seals anew what is under an older key; may be stopped and run again")
        renew.add_argument(
            "--all", action="store_true", help="everything, for a new LOOKUP_KEY; while nothing else runs"
        )

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        try:
            unreadable = self._renew(everything=options["all"]) if act == "renew" else []
            missing = self._status()
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from None
        if missing:
            raise CommandError("Some values cannot be read. Put the missing keys back behind the newest ones.")
        if unreadable:
            raise CommandError("Some values were changed, or belong elsewhere, and cannot be read; see above.")

    def _renew(self, *, everything: bool) -> list[str]:
        """Where the values are that do not open."""
        if everything:
            # An erasure looks for them by the blind index that they keep.
            ended = social_entry.forget_waiting()
            self.stdout.write(f"Sign-ups with Google or Facebook that have to begin again: {ended}")
        found: dict[str, list[str]] = {}
        for table, done, unreadable in sealed_columns.renew(everything=everything):
            self.stdout.write(f"{table}: {done} sealed anew")
            found[table] = unreadable
        places = [place for unreadable in found.values() for place in unreadable]
        for place in places:
            self.stdout.write(f"{place}: cannot be read")
        return places

    def _status(self) -> int:
        """How many keys are missing."""
        missing = 0
        for use in sealed_columns.uses():
            name = f"{use.keys} {use.key_id.hex()}: {use.values} values"
            if use.place is None:
                missing += 1
                self.stdout.write(f"{name}; this key is not among the settings")
            elif use.place == 0:
                self.stdout.write(f"{name}; the newest key")
            else:
                self.stdout.write(f"{name}; an older key, " + ("run `renew`" if use.values else "which can go"))
        return missing
