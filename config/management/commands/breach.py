"""The register of breaches of personal data, with the 72 hours in which the authority is to be told."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance import breaches
from compliance.cases import OPERATOR
from compliance.models import Breach
from processors.errors import DomainError

LISTED_MAX = 200


class Command(BaseCommand):
    help = "Records a breach, what is done about it and who was told. Name nobody: the texts are kept for years."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        acts.add_parser("list", help="all, the newest first")
        recorded = acts.add_parser("record", help="opens one; 72 hours run from when it was noticed")
        recorded.add_argument("what")
        recorded.add_argument("--noticed", help="when, in UTC, such as 2026-11-26T09:30; now, unless given")
        self._about_one(acts, "show")
        self._about_one(acts, "note").add_argument("text")
        told = self._about_one(acts, "told")
        told.add_argument("whom", choices=("authority", "people"))
        told.add_argument("how")
        closed = self._about_one(acts, "close")
        closed.add_argument("conclusion")
        closed.add_argument("--untold", default="", metavar="REASON", help="why the authority need not be told")

    @staticmethod
    def _about_one(acts: Any, name: str) -> ArgumentParser:
        parser: ArgumentParser = acts.add_parser(name)
        parser.add_argument("reference", help="such as BR-1A2B3C4D")
        return parser

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        now = datetime.now(UTC)
        try:
            found = self._do(act, options, now)
        except DomainError as error:
            raise CommandError(error.message) from None
        for breach in found:
            self._line(breach, now)
        if not found:
            self.stdout.write("No breach was recorded.")
        if act == "show":
            for entry in found[0].entries.order_by("at", "id"):
                self.stdout.write(f"\n{entry.at:%Y-%m-%d %H:%M} by {entry.author}\n{entry.text}")

    def _do(self, act: str, options: dict[str, Any], now: datetime) -> list[Breach]:
        if act == "list":
            return list(Breach.objects.order_by("-noticed_at", "-id")[:LISTED_MAX])
        if act == "record":
            noticed_at = _moment(options["noticed"]) if options["noticed"] else now
            return [breaches.record(what=options["what"], noticed_at=noticed_at, by=OPERATOR, now=now)]
        reference = options["reference"]
        if act == "show":
            return [breaches.of_reference(reference)]
        if act == "note":
            return [breaches.note(reference=reference, text=options["text"], by=OPERATOR, now=now)]
        if act == "told":
            whom, how = options["whom"], options["how"]
            return [breaches.told(reference=reference, whom=whom, how=how, by=OPERATOR, now=now)]
        conclusion, untold = options["conclusion"], options["untold"]
        return [breaches.close(reference=reference, conclusion=conclusion, untold_reason=untold, by=OPERATOR, now=now)]

    def _line(self, breach: Breach, now: datetime) -> None:
        left_h = int((breaches.due_at(breach) - now).total_seconds() // 3600)
        state = "closed" if breach.closed_at else f"{left_h} of 72 hours left"
        if breach.told_authority_at:
            state = f"authority told {breach.told_authority_at:%Y-%m-%d %H:%M}" + (
                ", closed" if breach.closed_at else ""
            )
        people = f", people told {breach.told_people_at:%Y-%m-%d %H:%M}" if breach.told_people_at else ""
        self.stdout.write(
            f"{breach.reference}  noticed {breach.noticed_at:%Y-%m-%d %H:%M}  {state}{people}: {breach.what}"
            + (f" - {breach.conclusion}" if breach.conclusion else "")
            + (f" - the authority was not told: {breach.untold_reason}" if breach.untold_reason else "")
        )


def _moment(text: str) -> datetime:
    """Raises CommandError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError("Give the time as 2026-11-26T09:30, in UTC.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
