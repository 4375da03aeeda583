"""Support's desk without a page: reading and answering what people ask about their data. Everything is audited."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any, get_args

from django.core.management.base import BaseCommand, CommandError

from compliance import audit, cases
from compliance.cases import OPERATOR, Kind
from compliance.models import Case
from identity.staff.opened_cases import open_by_support
from identity.staff.people_named import whose
from processors.errors import DomainError
from voice import carrying_out, restricting

LISTED_MAX = 200


class Command(BaseCommand):
    help = "Lists, shows, sorts, proves, pauses and closes cases, those that are due first."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        listed = acts.add_parser("list", help="those that are open, due first")
        listed.add_argument("--all", action="store_true", help="the answered too")
        opened = acts.add_parser("open", help="writes down what somebody asked of you")
        opened.add_argument("kind", choices=get_args(Kind))
        opened.add_argument("contact", help="the person's e-mail address or number")
        opened.add_argument("words", help="what the person said")
        self._about_one(acts, "show", help="everything that is kept of one")
        self._about_one(acts, "note", help="keeps a note").add_argument("text")
        self._about_one(acts, "sort", help="says what is wanted").add_argument("kind", choices=get_args(Kind))
        proved = self._about_one(acts, "prove", help="notes that you have recognised who asks")
        proved.add_argument("--whose", default="", help="the e-mail of the account, or the number, whose data is meant")
        self._about_one(acts, "pause", help="notes what it waits for; the last day stays").add_argument("reason")
        self._about_one(acts, "resume", help="goes on with it")
        restricted = self._about_one(
            acts, "restrict", help="has everything about the person used for nothing, until it is lifted"
        )
        restricted.add_argument(
            "--number", default="", help="the number that was proved, where the person wrote a mail"
        )
        self._about_one(acts, "lift", help="ends that, by a decision that says why").add_argument("reason")
        closed = self._about_one(acts, "close", help="answers it; the answer is mailed to who proved to be the person")
        closed.add_argument("outcome", choices=("done", "refused", "taken_back"))
        closed.add_argument("answer")

    @staticmethod
    def _about_one(acts: Any, name: str, **options: Any) -> ArgumentParser:
        parser: ArgumentParser = acts.add_parser(name, **options)
        parser.add_argument("reference", help="such as KS-7QF2-9DKX-M4TA")
        return parser

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        now = datetime.now(UTC)
        try:
            if act == "list":
                self._list(now, everything=options["all"])
            elif act == "open":
                opened = open_by_support(
                    kind=options["kind"], contact=options["contact"], words=options["words"], by=OPERATOR, now=now
                )
                self._line(opened, now)
            elif act == "show":
                self._show(cases.read(reference=options["reference"], by=OPERATOR, now=now))
            else:
                self._line(self._do(act, options, now), now)
        except DomainError as error:
            raise CommandError(error.message) from None

    def _do(self, act: str, options: dict[str, Any], now: datetime) -> Case:
        reference = options["reference"]
        if act == "note":
            return cases.note(reference=reference, text=options["text"], by=OPERATOR, now=now)
        if act == "sort":
            return cases.sort(reference=reference, kind=options["kind"], by=OPERATOR, now=now)
        if act == "pause":
            return cases.pause(reference=reference, reason=options["reason"], by=OPERATOR, now=now)
        if act == "resume":
            return cases.resume(reference=reference, by=OPERATOR, now=now)
        if act in ("restrict", "lift"):
            case = cases.of_reference(reference)
            if act == "restrict":
                number = whose(options["number"], now=now).phone_e164
                restricting.restrict(case=case, by=OPERATOR, now=now, phone_e164=number)
            else:
                restricting.lift(case=case, reason=options["reason"], by=OPERATOR, now=now)
            return case
        if act == "prove":
            named = whose(options["whose"], now=now)
            return cases.prove(
                reference=reference, by=OPERATOR, now=now, user_id=named.user_id, phone_e164=named.phone_e164
            )
        return carrying_out.close(
            reference=reference, outcome=options["outcome"], answer=options["answer"], by=OPERATOR, now=now
        )

    def _list(self, now: datetime, *, everything: bool) -> None:
        found = Case.objects.order_by("due_on", "id")
        if not everything:
            found = found.exclude(state="closed")
        rows = list(found[:LISTED_MAX])
        audit.record(
            workspace_id=None,
            actor_ref=OPERATOR,
            action="cases.listed",
            target="cases",
            detail={"count": len(rows)},
            now=now,
        )
        for case in rows:
            self._line(case, now)
        if not rows:
            self.stdout.write("No case waits for an answer.")

    def _line(self, case: Case, now: datetime) -> None:
        left = f"{(case.due_on - now.date()).days} days left" if case.is_open else case.outcome
        proof = f"proved by {case.proved_by}" if case.proved_by else "not proved"
        waits = f", waits: {case.pause_reason}" if case.pause_reason else ""
        self.stdout.write(
            f"{case.reference}  {case.kind}  {case.state}  due {case.due_on} ({left})  by {case.channel}, {proof}{waits}"
        )

    def _show(self, case: Case) -> None:
        self._line(case, datetime.now(UTC))
        self.stdout.write(f"From: {case.contact or 'no address kept'}; came {case.opened_at:%Y-%m-%d %H:%M} UTC")
        if case.joined_to is not None:
            self.stdout.write(f"Answered together with {case.joined_to.reference}")
        for other in case.joined.order_by("opened_at"):
            self.stdout.write(f"Answers {other.reference} too, {'proved' if other.proved_at else 'not proved'}")
        if case.erasure is not None:
            self.stdout.write(f"Erasure: {case.erasure.state}, runs {case.erasure.runs_at:%Y-%m-%d %H:%M} UTC")
        for entry in case.entries.order_by("at", "id"):
            self.stdout.write(f"\n{entry.at:%Y-%m-%d %H:%M} {entry.kind} by {entry.author}\n{entry.text}")
