"""The register of breaches and its 72 hours."""

import logging
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import override_settings

from compliance import audit_check, breaches
from compliance.models import AuditEvent, Breach
from tests.compliance.ends import end
from tests.sandbox_fixture import Sandbox

pytestmark = [pytest.mark.django_db, pytest.mark.policy("C5.1-4")]


@pytest.fixture(autouse=True)
def _mail_goes_to_the_sandbox(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"


def breach(*words: str) -> str:
    out = StringIO()
    call_command("breach", *words, stdout=out)
    return out.getvalue()


def recorded(*more: str) -> str:
    return breach("record", "A laptop with a copy was lost.", *more).split()[0]


@override_settings(OPERATOR_EMAIL="desk@klose.example")
def test_the_operator_is_told_until_the_authority_is_and_daily_once_its_72_hours_are_over(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    late, in_time = recorded(), recorded()
    now = datetime.now(UTC)
    told = []
    with caplog.at_level(logging.ERROR):
        for hour in range(125):
            if hour == 30:
                breach("told", in_time, "authority", "by its form")
            told += [hour] * breaches.raise_breach_alerts(now=now + timedelta(hours=hour, minutes=1))
    assert told == [24, 24, 48, 66, 72, 96, 120]
    # After days in which nothing ran, it is told once of today; and never of one that is closed.
    assert breaches.raise_breach_alerts(now=now + timedelta(days=10, minutes=1)) == 1
    breach("close", late, "It was found.", "--untold", "Nobody could have read it.")
    assert breaches.raise_breach_alerts(now=now + timedelta(days=12)) == 0
    assert breaches.send_breach_alerts(now=now + timedelta(days=12)) == 8
    assert breaches.send_breach_alerts(now=now + timedelta(days=13)) == 0
    subjects = [mail["subject"] for mail in sandbox.ask("GET", "/mails", to="desk@klose.example")]
    assert sorted(subjects) == sorted(
        [f"Breach {late}: {hours} of 72 hours have passed" for hours in (24, 48, 66, 72)]
        + [f"Breach {late}: its 72 hours ran out {hours} hours ago" for hours in (24, 48, 168)]
        + [f"Breach {in_time}: 24 of 72 hours have passed"]
    )
    assert len([record for record in caplog.records if record.message == "breach is not told"]) == 8


def test_of_a_breach_that_is_recorded_days_late_the_operator_is_told_once() -> None:
    now = datetime.now(UTC)
    recorded("--noticed", f"{now - timedelta(days=4, hours=7):%Y-%m-%d %H:%M}")
    assert [breaches.raise_breach_alerts(now=now) for _ in range(3)] == [1, 0, 0]


def test_the_clock_runs_from_when_it_was_noticed_and_nothing_changes_after_the_end() -> None:
    now = datetime.now(UTC)
    noticed = (now - timedelta(hours=70)).replace(second=0, microsecond=0)
    reference = recorded("--noticed", noticed.replace(tzinfo=None).isoformat())
    assert breaches.due_at(Breach.objects.get()) == noticed + timedelta(hours=72)
    assert "1 of 72 hours left" in breach("list")
    for wrong, why in ((["--noticed", "2999-01-01"], "in the future"), (["--noticed", "yesterday"], "Give the time")):
        with pytest.raises(CommandError, match=why):
            recorded(*wrong)
    breach("note", reference, "The disk was encrypted; card 4111 1111 1111 1111 is not on it.")
    breach("told", reference, "people", "by mail")
    with pytest.raises(CommandError, match="in a few words"):
        breach("close", reference, " ")
    with pytest.raises(CommandError, match="The authority was not told"):
        breach("close", reference, "It is over.")
    with pytest.raises(IntegrityError, match="breach_closed_told_or_says_why_not"), transaction.atomic():
        Breach.objects.update(closed_at=now, conclusion="It is over.")
    breach("close", reference, "It is over.", "--untold", "No risk: the disk cannot be read.")
    with pytest.raises(CommandError, match="is closed"):
        breach("told", reference, "authority", "late")
    shown = breach("show", reference.lower())
    assert "the authority was not told: No risk: the disk cannot be read." in shown
    assert "Told the people: by mail" in shown and "[card number removed]" in shown
    with pytest.raises(CommandError, match="No breach has"):
        breach("show", "BR-00000000")
    acts = AuditEvent.objects.filter(target=reference).order_by("sequence").values_list("action", flat=True)
    assert list(acts) == ["breach.recorded", "breach.noted", "breach.told", "breach.closed"]
    assert audit_check.verify().broken is None
    assert end("breach", now=now + timedelta(days=1_825)) == 0
    assert end("breach", now=now + timedelta(days=1_830)) == 1
    assert Breach.objects.count() == 0
