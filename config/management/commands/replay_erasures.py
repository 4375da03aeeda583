"""Brings a restored database to what the erasure ledger knows; the start of the product does it by itself (docs/backups.md)."""

import time
from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from compliance import replaying
from compliance.erasure_ledger import LedgerAway, LedgerStrange
from compliance.replaying import HoldsUnknown, Permitted, Replayed, WorkspacesWouldEnd
from ledger import operations as ledger
from processors.sealed_columns import KeysWrong
from voice import reconcile, submission

# For carriers, sellers and calls that the backup takes for live.
WAIT_S: Final = 60.0
ROUND_S: Final = 2.0


class Command(BaseCommand):
    help = "Erases once more what a restored backup brought back, before anybody is served. May be killed and repeated at any time."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--wait", type=float, default=WAIT_S, help="how many seconds to wait for Twilio and Paddle")
        parser.add_argument(
            "--finish-later",
            action="store_true",
            help="serve although erasures still wait for Twilio or Paddle; the workers go on with them",
        )
        parser.add_argument(
            "--end-workspaces",
            action="store_true",
            help="also end workspaces in which the backup knows nobody but people who were erased after it",
        )
        parser.add_argument(
            "--without-holds",
            action="store_true",
            help="also erase for good what was under a legal hold that the backup does not know",
        )
        parser.add_argument(
            "--new-ledger",
            action="store_true",
            help="the ledger that belongs with this database is lost: go on with the one that ERASURE_LEDGER_URL names",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if not options["new_ledger"] and replaying.may_go_on_without():
                self.stdout.write(
                    "The erasure ledger is away; this database had seen all of it since its server began, and goes on."
                )
                return
            replaying.prepare(now=timezone.now(), is_new=options["new_ledger"])
            permitted = Permitted(options["end_workspaces"], options["without_holds"])
            done = self._replay(options["wait"], permitted, options["finish_later"])
        except (LedgerAway, LedgerStrange, WorkspacesWouldEnd, HoldsUnknown) as error:
            raise CommandError(error.message) from None
        except KeysWrong as error:
            raise CommandError(str(error)) from None
        if done.entries:
            self.stdout.write(
                f"The erasure ledger held {done.entries} entries that this database had not seen;"
                f" {done.people} people and workspaces were erased once more."
            )
        if done.waiting:
            waits = ", ".join(f"{count} for {what}" for what, count in sorted(done.waiting.items()))
            if not options["finish_later"]:
                raise CommandError(
                    f"Erasures are not finished, and nobody is served before they are. They wait: {waits}. Start once more, or"
                    " run `manage.py replay_erasures --finish-later`."
                )
            self.stdout.write(f"The workers go on with what waits: {waits}.")

    @staticmethod
    def _replay(wait_s: float, permitted: Permitted, finish_later: bool) -> Replayed:
        """Rounds until nothing waits any more, or for long enough."""
        until = time.monotonic() + wait_s
        while True:
            last = time.monotonic() + ROUND_S >= until
            done = replaying.replay(now=timezone.now(), permitted=permitted, finish_later=finish_later and last)
            if not done.waiting or last:
                return done
            time.sleep(ROUND_S)
            # What clock and workers would do meanwhile, were they allowed to run.
            for work in (
                submission.resolve_unknown,
                reconcile.ask_about_all,
                reconcile.reconcile_calls,
                reconcile.sweep_hangups,
                ledger.cancel_subscriptions,
            ):
                work(now=timezone.now())
