"""Lists the notifications of Paddle that wait for a person, and resolves them."""

import re
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from ledger.models import PaddleEvent
from ledger.operations import dismiss_event, grant_event, retry_event
from processors.errors import DomainError

LISTED_MAX = 200
# The audit cannot be erased, so nobody's name may get into it by a sentence.
_CODE = re.compile(r"[a-z0-9_-]{2,60}")


def _code(text: str) -> str:
    if not _CODE.fullmatch(text):
        raise ArgumentTypeError("use 2 to 60 small letters, digits, - and _")
    return text


class Command(BaseCommand):
    help = "Lists the notifications of Paddle that wait for a person; retry, grant or dismiss one by its id."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_subparsers(dest="what")
        retry = what.add_parser("retry", help="apply it as if it came now, such as after its pack was put on sale")
        grant = what.add_parser("grant", help="credit a purchase by hand, once")
        dismiss = what.add_parser("dismiss", help="take it off the list; nothing is booked")
        for each in (retry, grant, dismiss):
            each.add_argument("event_id")
        grant.add_argument("--mcredits", type=int, required=True, help="milli-credits: 1 credit is 1000")
        for each in (grant, dismiss):
            each.add_argument(
                "--reason", required=True, type=_code, help="a code or a ticket's number, kept in the audit"
            )

    def handle(self, *args: Any, what: str | None, **options: Any) -> None:
        now = timezone.now()
        try:
            match what:
                case "retry":
                    self.stdout.write(f"It is {retry_event(event_id=options['event_id'], now=now)} now.")
                case "grant":
                    chosen = {name: options[name] for name in ("event_id", "mcredits", "reason")}
                    grant_event(**chosen, now=now)
                    self.stdout.write("Granted.")
                case "dismiss":
                    dismiss_event(event_id=options["event_id"], reason=options["reason"], now=now)
                    self.stdout.write("Dismissed.")
                case _:
                    self._list()
        except DomainError as error:
            raise CommandError(error.message) from None

    def _list(self) -> None:
        waiting = PaddleEvent.objects.filter(state="needs_person").order_by("received_at")
        for event in waiting[:LISTED_MAX]:
            facts = (event.event_id, event.event_type, event.transaction_id, event.problem)
            self.stdout.write(f"{event.received_at.isoformat(timespec='seconds')} {' '.join(facts)}")
        self.stdout.write(f"{waiting.count()} wait for a person.")
