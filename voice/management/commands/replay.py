"""Rebuilds every call and every charge from the stored callbacks, and says what the tables hold otherwise."""

import json
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from voice.replay import Difference, Tally, replay

SHOWN_MAX: Final = 20


class Command(BaseCommand):
    help = "Compares every call and charge with what the stored callbacks make of it; fails and names the first row that differs."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        self._shown = 0
        tally = replay(differs=self._differs)
        for line in _words(tally):
            self.stdout.write(line)
        summary = {
            "calls": tally.calls,
            "callbacks": tally.callbacks,
            "differences": tally.differences,
            "ok": not tally.differences,
        }
        self.stdout.write(json.dumps(summary))
        if tally.differences:
            raise CommandError(f"{tally.differences} rows differ.")

    def _differs(self, difference: Difference) -> None:
        if self._shown < SHOWN_MAX:
            first = "" if self._shown else "First difference: "
            self.stderr.write(f"{first}{difference}")
        self._shown += 1


def _words(tally: Tally) -> list[str]:
    """What cannot be rebuilt, or was taken as it is."""
    told = (
        (tally.waiting, "callbacks are stored and not applied yet; the clock applies them."),
        (tally.unpaid, "calls were charged less than they cost, since there was no more credit."),
        (tally.erased, "calls were erased; of their charges only the sums were compared."),
        (tally.older, "calls are older than the numbering of callbacks and were not compared."),
    )
    return [f"{count} {words}" for count, words in told if count]
