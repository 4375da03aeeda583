"""Proves that the carrier is set up: account, numbers, our addresses, and one call if a number is given."""

import json
import os
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from config import configuration
from voice import carrier_check, scripted_call, scripted_findings, twilio
from voice.findings import Finding
from voice.phones import PhoneInvalid, PhoneNotCallable, parse_phone

LOOKED_EVERY_S: Final = 0.25
WITHIN_S: Final = 90
# What is wrong with other settings hinders no call.
_OF_THE_CARRIER: Final = ("TWILIO_", "PUBLIC_URL", "MEDIA_SOCKET_URL")
_MARKS: Final = {"ok": "ok     ", "failed": "FAILED ", "skipped": "skipped"}


class Command(BaseCommand):
    help = "Checks everything that a call needs at Twilio and before our own door; says of each failure what to change where."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--call", metavar="NUMBER", help="also rings this telephone once, such as +12025550123")
        parser.add_argument("--json", action="store_true", help="one JSON object in the place of lines")
        parser.add_argument(
            "--within", type=int, default=WITHIN_S, metavar="S", help="how long the call may take, seconds"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        number = _number(options["call"]) if options["call"] else None
        found = []
        for finding in _findings(number, options["within"]):
            found.append(finding)
            if not options["json"]:
                self._say(finding)
        failed = sum(finding.outcome == "failed" for finding in found)
        if options["json"]:
            self.stdout.write(json.dumps({"ok": not failed, "checks": [asdict(finding) for finding in found]}))
        if failed:
            raise CommandError(f"{failed} of {len(found)} checks failed.")

    def _say(self, finding: Finding) -> None:
        line = f"{_MARKS[finding.outcome]}  {finding.check}: {finding.said}"
        if finding.remedy:
            line += f" {finding.remedy}"
        self.stdout.write(line + (f" [{finding.setting}]" if finding.setting else ""))
        self.stdout.flush()


def _number(text: str) -> str:
    try:
        return parse_phone(text).e164
    except (PhoneInvalid, PhoneNotCallable) as error:
        raise CommandError(error.message) from None


def _findings(number: str | None, within_s: int) -> Iterator[Finding]:
    wrong = [each for each in configuration.problems(os.environ) if each.setting.startswith(_OF_THE_CARRIER)]
    if wrong:
        # With such settings nothing may leave the machine.
        for each in wrong:
            yield Finding(
                "settings",
                "failed",
                f"{each.setting} {each.wrong}.",
                f"{each.remedy[0].upper()}{each.remedy[1:]}.",
                each.setting,
            )
        return
    failed = False
    for finding in carrier_check.findings():
        failed |= finding.outcome == "failed"
        yield finding
    if number is None:
        yield Finding("test_call", "skipped", "No number was given; --call +12025550123 rings that telephone once.")
    elif failed:
        yield Finding("test_call", "skipped", "Mend what failed first; nothing was dialled.")
    else:
        yield from _called(number, within_s)


def _called(number: str, within_s: int) -> Iterator[Finding]:
    try:
        placed = scripted_call.place(to_e164=number, now=datetime.now(UTC))
    except (twilio.CarrierRefused, twilio.CarrierSilent) as error:
        yield scripted_findings.not_placed(error)
        return
    try:
        until = time.monotonic() + within_s
        while not (came := scripted_call.came(call_id=placed.call_id)).is_over and time.monotonic() < until:
            time.sleep(LOOKED_EVERY_S)
    finally:
        # What cannot be ended now ends within a minute, by the carrier's own time limit.
        with suppress(twilio.CarrierRefused, twilio.CarrierSilent):
            scripted_call.forget(placed)
    yield from scripted_findings.findings(came, within_s=within_s)
