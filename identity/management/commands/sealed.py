"""What is sealed in the database, and with which keys."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from compliance import ledger_key
from compliance.erasure_ledger import LedgerAway, LedgerStrange
from identity import social_entry
from processors import sealed_columns


class Command(BaseCommand):
    help = "Counts what each key seals, or seals everything anew with the newest ones, so that the older ones can go."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        acts.add_parser("status", help="how many values each key seals, and which keys can go")
        acts.add_parser(
            "renew", help="seals anew what is under an older key, or found by one; may be stopped and run again"
        )

    def handle(self, *args: Any, act: str, **_options: Any) -> None:
        try:
            left = self._renew() if act == "renew" else []
            missing = self._status()
        except (ImproperlyConfigured, sealed_columns.KeysWrong) as error:
            raise CommandError(str(error)) from None
        except (LedgerAway, LedgerStrange) as error:
            raise CommandError(error.message) from None
        if missing:
            raise CommandError(
                "Some values cannot be read. Put the missing keys back: behind the newest ones of the setting, or as that with _PREVIOUS."
            )
        if left:
            raise CommandError("Some values cannot be read, or stand twice; see above.")

    def _renew(self) -> list[str]:
        """Where the values are that stay as they are."""
        found: dict[str, sealed_columns.Renewal] = {}
        for renewal in sealed_columns.renew():
            self.stdout.write(
                f"{renewal.table}: {renewal.values} sealed anew; {renewal.looked_at} of {renewal.rows} rows looked at"
            )
            found[renewal.table] = renewal
        # The ledger's copy follows.
        ledger_key.settle()
        self.stdout.write(f"Sign-ups with Google or Facebook that wait, sealed anew: {social_entry.renew_waiting()}")
        left = [f"{place}: cannot be read" for renewal in found.values() for place in renewal.unreadable]
        left += [f"{place}: stands in another row too" for renewal in found.values() for place in renewal.twice]
        for line in left:
            self.stdout.write(line)
        return left

    def _status(self) -> int:
        """How many keys are missing."""
        missing = 0
        # Keys that something not counted below may be under.
        needed = {("LOOKUP_KEY", key_id) for key_id in sealed_columns.look_up_keys_in_use()}
        needed.add(("SUPPRESSION_KEY", ledger_key.key_id_in_ledger()))
        for use in sealed_columns.uses():
            name = f"{use.keys} {use.key_id}".rstrip() + f": {use.values} values"
            if use.place is None:
                missing += 1
                self.stdout.write(f"{name}; this key is not among the settings")
            elif use.place == 0:
                self.stdout.write(f"{name}; the newest key")
            else:
                may_go = not use.values and (use.keys, use.key_id) not in needed
                self.stdout.write(f"{name}; an older key, " + ("which can go" if may_go else "run `renew`"))
        return missing
