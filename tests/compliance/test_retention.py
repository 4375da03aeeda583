"""Whatever the inventory gives a term ends with it, by one job, and what that job ends next is told beforehand."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import uuid4

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection

from compliance import consent, retention, suppression, tombstones
from compliance.deadlines import deadline
from compliance.elements import ELEMENTS
from compliance.models import ConsentEvent, PolicyReceipt, Request, Suppression, Tombstone
from compliance.retention import Rule, delete_rows, expire, preview, rules
from compliance.stores import all_inventories
from config import personal_data
from config.management.commands.clock import LANES
from identity.models import AccessEvent, Invitation, Membership, OtpAttempt, StoppedNumber
from identity.sessions import SIGNED_IN_FOR
from processors.models import Disclosure
from tests.compliance.ends import end
from tests.identity.browser import Browser
from tests.identity.conftest import MakeAccount, SignIn

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 7, 15, 12, tzinfo=UTC)
DAY = timedelta(days=1)
# What ends in another way than by a row's end, and why there is nothing for the job to do.
OTHERWISE: Final[Mapping[str, str]] = {
    "audio": "never stored",
    "card": "never stored",
    "queue": "Valkey's own expiry, see realtime/leftovers.py",
    "log_id": "config/embedded/logfile.py",
    "backup": "the operator's own",
}
# What no row can be old enough for yet; from this year on the test below wants a rule.
FIRST_DUE: Final[Mapping[str, int]] = {"ledger": 2034, "payment": 2034}


def unended(inventories: Sequence[Mapping[str, str]], known: Sequence[Rule], *, year: int) -> list[str]:
    """Fields with a term that nothing ends, each as a sentence to act on."""
    shortest: dict[str, int] = {}
    for rule in known:
        for model in rule.models:
            ends_after = ELEMENTS[rule.element].retention_days or 0
            shortest[model] = min(ends_after, shortest.get(model, ends_after))
    found = []
    for field, element in sorted(pair for inventory in inventories for pair in inventory.items()):
        days, model = ELEMENTS[element].retention_days, field.rsplit(".", 1)[0]
        if days is None or element in OTHERWISE or year < FIRST_DUE.get(element, 0):
            continue
        if shortest.get(model, days + 1) > days:
            found.append(f"{field} is {element}, kept {days} days, and no rule of retention ends {model}.")
    return found


@pytest.mark.policy("C6.1")
def test_every_field_with_a_term_is_ended_by_a_rule() -> None:
    assert unended(all_inventories(), rules(), year=datetime.now(UTC).year) == []
    models = {model._meta.label for model in apps.get_models()}
    assert {model for rule in rules() for model in rule.models} <= models


@pytest.mark.policy("C6.1")
def test_a_planted_field_with_a_term_that_no_rule_ends_is_found() -> None:
    planted = {"voice.Lead.shoe_size": "access_event"}
    assert unended([*all_inventories(), planted], rules(), year=2026) == [
        "voice.Lead.shoe_size is access_event, kept 365 days, and no rule of retention ends voice.Lead."
    ]
    without = [rule for rule in rules() if rule.element != "otp_attempt"]
    assert any("identity.OtpAttempt" in each for each in unended(all_inventories(), without, year=2026))
    assert any("ledger.Entry" in each for each in unended(all_inventories(), rules(), year=2034))


def test_a_session_is_made_for_the_term_that_people_read() -> None:
    assert timedelta(days=ELEMENTS["session"].retention_days or 0) == SIGNED_IN_FOR


def test_all_that_goes_with_a_calls_text_has_its_term() -> None:
    days = {ELEMENTS[element].retention_days for element in ("transcript", "embedding", "insight", "ai_query")}
    assert len(days) == 1


def test_the_clock_runs_the_one_job_and_no_other() -> None:
    names = {work.__name__ for rounds in LANES.values() for _, work in rounds}
    assert retention.expire in {work for rounds in LANES.values() for _, work in rounds}
    assert {name for name in names if name.startswith("expire")} == {"expire", "expire_leftovers"}


def plant(at: datetime) -> None:
    """One of each that compliance and processors keep for years."""
    user = uuid4()
    suppression.suppress(workspace_id=None, phone_e164="+37060000001", reason="asked", source="rep", now=at)
    tombstones.bury(kind="call", values=[uuid4()], now=at)
    StoppedNumber.objects.create(number_key=uuid4().hex, stopped_at=at)
    Disclosure.objects.create(
        day=at.date(), processor="twilio", endpoint="calls.create", data_classes=["phone"], person="p", count=1
    )
    consent.grant(user_id=user, purpose="sms", policy_version="1", ip=None, now=at)
    PolicyReceipt.objects.create(version="1", user_id=user, person="p", channel="app", text_hash="h", at=at)
    Request.objects.create(
        kind="erasure",
        state="done",
        channel="self",
        person=uuid4().hex,
        opened_at=at,
        due_on=deadline(at.date()),
        runs_at=at,
        finished_at=at,
        next_attempt_at=at,
        receipt_hash=uuid4().hex,
    )


@pytest.mark.policy("C6.1")
def test_what_is_kept_for_years_ends_when_they_are_over_and_not_before() -> None:
    plant(NOW)
    kept = (Suppression, Tombstone, StoppedNumber, Disclosure, Request)

    def left() -> list[int]:
        return [model._base_manager.count() for model in kept]

    expire(now=NOW + 364 * DAY)
    assert left() == [1, 1, 1, 1, 1]
    expire(now=NOW + 365 * DAY)
    assert left() == [1, 1, 1, 1, 0]
    expire(now=NOW + 1_825 * DAY)
    assert left() == [1, 1, 1, 1, 0]
    expire(now=NOW + 1_827 * DAY)
    assert left() == [0, 0, 0, 0, 0]
    assert ConsentEvent.objects.count() == PolicyReceipt.objects.count() == 1


@pytest.mark.policy("C6.1")
def test_proofs_stay_with_an_account_and_for_three_years_after_it() -> None:
    """The database itself refuses to delete a younger one, whatever the job believes the time to be."""
    ended_at = datetime.now(UTC) - 1_096 * DAY
    plant(NOW)
    for proofs in (ConsentEvent.objects.all(), PolicyReceipt.objects.all()):
        proofs.update(user_id=None, unlinked_at=ended_at + DAY)
    assert end("consent", now=datetime.now(UTC)) == end("policy_notice", now=datetime.now(UTC)) == 0
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        for table in ("consentevent", "policyreceipt"):
            cursor.execute(f"UPDATE compliance_{table} SET unlinked_at = %s", [ended_at])  # noqa: S608 - our own
        cursor.execute("SET session_replication_role = DEFAULT")
    assert end("consent", now=datetime.now(UTC)) == end("policy_notice", now=datetime.now(UTC)) == 1


def test_a_rule_that_fails_holds_up_no_other_and_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_ids: object, _now: datetime) -> int:
        raise LookupError

    plant(NOW)
    broken = Rule("suppression", (), Suppression.objects.all, "created_at", fail)
    monkeypatch.setattr(personal_data, "RETENTION", (broken, *rules()))
    assert expire(now=NOW + 1_827 * DAY)["suppression"] == 2
    assert [each.message for each in caplog.records] == ["retention failed for one kind"]


def test_a_round_is_bounded_and_the_next_goes_on() -> None:
    tombstones.bury(kind="call", values=[uuid4() for _ in range(5)], now=NOW)
    rule = Rule("erasure_ledger", (), Tombstone.objects.all, "erased_at", delete_rows(Tombstone), at_once_max=2)
    assert [rule.end(now=NOW + 1_826 * DAY) for _ in range(4)] == [2, 2, 1, 0]


@pytest.mark.policy("C6.1")
def test_what_ends_tomorrow_is_told_today_and_is_what_then_ends(make_account: MakeAccount, sign_in: SignIn) -> None:
    sign_in(make_account())
    now = datetime.now(UTC)
    for model, term in ((OtpAttempt, 90), (AccessEvent, 365)):
        model._base_manager.update(at=now - (term - 1) * DAY)
    plant(now - 1_826 * DAY)
    due = {(each.element, each.on - now.date()): each.count for each in preview(now=now, days=1)}
    attempts, traces = OtpAttempt.objects.count(), AccessEvent.objects.count()
    assert attempts and traces
    assert due == {
        # With what of the do-not-call list has not reached the ledger.
        ("erasure_ledger", 0 * DAY): 2,
        ("request", 0 * DAY): 1,
        ("suppression", 0 * DAY): 2,
        ("disclosure", DAY): 1,
        ("otp_attempt", DAY): attempts,
        ("access_event", DAY): traces,
    }
    today = expire(now=now)
    assert +today == {"erasure_ledger": 2, "request": 1, "suppression": 2}
    tomorrow = expire(now=now + DAY)
    assert +tomorrow == {"disclosure": 1, "otp_attempt": attempts, "access_event": traces}
    assert preview(now=now + DAY, days=0) == []


def test_the_command_tells_and_ends_nothing_when_it_is_asked_to_tell(capsys: pytest.CaptureFixture[str]) -> None:
    plant(datetime.now(UTC) - 1_826 * DAY)
    call_command("retention", preview=True)
    told = capsys.readouterr().out.splitlines()
    assert told[-1] == "6 rows or calls end in these 2 days." and len(told) == 5
    assert Suppression.objects.count() == 1
    with pytest.raises(CommandError, match="between 0 and"):
        call_command("retention", preview=True, days=-1)
    call_command("retention")
    assert capsys.readouterr().out.splitlines()[-1] == "5 ended."
    assert not Suppression.objects.exists()


@pytest.mark.policy("C6.1")
def test_the_owner_sees_what_of_the_workspace_ends_next_and_nothing_of_another(
    make_account: MakeAccount, sign_in: SignIn
) -> None:
    owner = make_account()
    other = make_account(email="other@example.com", mobile="+1 202 555 0111")
    now = datetime.now(UTC)

    def invite(member: Membership, email: str, age: timedelta) -> None:
        at = now - age
        Invitation.objects.get_queryset().create(
            workspace_id=member.workspace_id, email=email, role="rep", created_at=at, expires_at=at, next_at=at
        )

    invite(owner, "a@example.com", 29 * DAY)
    invite(owner, "b@example.com", 29 * DAY)
    invite(owner, "c@example.com", timedelta(0))
    invite(other, "d@example.com", 29 * DAY)
    page: Browser = sign_in(owner)
    status, shown = page.get("/api/privacy/expiring")
    assert status == 200
    tomorrow, month = (str((now + days * DAY).date()) for days in (1, 30))
    title = ELEMENTS["invitation"].title
    assert shown["items"] == [
        {"on": tomorrow, "element": "invitation", "title": title, "count": 2},
        {"on": month, "element": "invitation", "title": title, "count": 1},
    ]
