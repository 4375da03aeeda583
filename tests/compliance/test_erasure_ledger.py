"""The erasure ledger: what is entered, when, and what happens while it is away, lost, or another one."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.conf import settings as used
from django.core import mail
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from compliance import erasure, erasure_ledger, replaying, suppression
from compliance.elements import ELEMENTS
from compliance.erasure_ledger import COLUMNS, LedgerAway, LedgerStrange
from compliance.models import LedgerMark, LedgerNote, Request, Suppression, Tombstone
from config.replayed import Door
from identity import opt_out
from identity.models import Membership, StoppedNumber, User
from processors.pseudonyms import pseudonym
from tests.compliance.restoring import drop_database, make_database
from tests.compliance.test_erasure import accounts
from tests.compliance.test_my_data import proved
from tests.identity.conftest import MakeAccount, SignIn
from tests.sandbox_fixture import Sandbox
from voice.models import Lead

__all__ = ["accounts"]

NOW = datetime.now(UTC)
SOON = NOW + timedelta(hours=6)
NUMBER = "+37060000001"
NOWHERE = "postgresql://nobody@127.0.0.1:1/none?host=/nowhere"
NAME = "erasures_of_one_test"


@pytest.fixture
def ledger(settings: Settings, transactional_db: None) -> Iterator[str]:
    """A ledger of the test's own that knows nothing yet, tied to the database; returns its address."""
    kept = LedgerMark.objects.get()
    LedgerMark.objects.all().delete()
    settings.ERASURE_LEDGER_URL = make_database(NAME)
    replaying.prepare(now=NOW)
    yield settings.ERASURE_LEDGER_URL
    LedgerMark.objects.all().delete()
    kept.save(force_insert=True)
    drop_database(NAME)


def entered(columns: str = "kind") -> list[tuple[Any, ...]]:
    with psycopg.connect(used.ERASURE_LEDGER_URL) as database:
        query = f"SELECT {columns} FROM erasure_entry ORDER BY sequence"  # noqa: S608 - our own words
        return database.execute(query).fetchall()


def as_in_an_old_backup() -> None:
    """What a database knows that was backed up before anything was entered."""
    for model in (Tombstone, Suppression, StoppedNumber, LedgerNote):
        model.objects.all().delete()
    LedgerMark.objects.update(sequence=0)


@pytest.mark.policy("C0")
def test_every_column_of_the_ledger_is_declared_and_nothing_in_it_can_be_read(
    accounts: tuple[Membership, Membership], sign_in: SignIn, ledger: str
) -> None:
    with psycopg.connect(ledger) as database:
        query = "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'public'"
        assert {row[0] for row in database.execute(query)} == set(COLUMNS)
    assert set(COLUMNS.values()) <= set(ELEMENTS)
    ask(sign_in, accounts[0])
    assert erasure.run_due_erasures(now=SOON) == 1
    assert [kind for (kind,) in entered()] == ["user", "workspace", "erasure"]
    written = str(entered("kind, key, at, detail")).lower()
    assert pseudonym("user", accounts[0].user_id) in written and '"call": 1' not in written
    assert "'call': 1" in written and "'transcript': 199" in written
    for word in ("zanzibel", "brobdingnag", "12025550180", str(accounts[0].user_id), str(accounts[0].workspace_id)):
        assert word not in written


def ask(sign_in: SignIn, member: Membership) -> Request:
    answer = sign_in(member).post("/api/privacy/erasure", {"confirm": member.user.email, "when": "now"})
    assert answer[0] == 202
    return Request.objects.get()


@pytest.mark.policy("C6.2")
def test_while_the_ledger_is_away_nothing_is_erased_everything_else_goes_on_and_the_operator_is_told_once(
    accounts: tuple[Membership, Membership], sign_in: SignIn, ledger: str, settings: Settings
) -> None:
    door = Door()
    assert door.look() == ""
    request = ask(sign_in, accounts[0])
    settings.ERASURE_LEDGER_URL, settings.OPERATOR_EMAIL = NOWHERE, "operator@example.com"
    assert erasure.run_due_erasures(now=SOON) == 0
    request.refresh_from_db()
    step = request.steps.get(name=erasure.LEDGER)
    assert (request.state, step.state, step.error_type) == ("running", "failed", "LedgerAway")
    assert (
        User.objects.filter(id=accounts[0].user_id).exists() and Lead.objects.filter(first_name="Brobdingnag").exists()
    )

    # Who is served already still is, also by a process that begins now: this very database was found to have seen all of it.
    assert door.look() == "" and Door().look() == ""
    call_command("replay_erasures")
    LedgerMark.objects.update(asked_in="another server")
    assert door.look() == "" and Door().look() == "erasure_ledger_away"
    with pytest.raises(CommandError):
        call_command("replay_erasures")
    suppression.suppress(workspace_id=None, phone_e164=NUMBER, reason="asked", source="callee", now=NOW)
    assert suppression.suppressed_everywhere(phone_e164=NUMBER)
    waiting = LedgerNote.objects.count()
    for minutes in (1, 20, 21, 60):
        erasure_ledger.write_out_soon(now=datetime.now(UTC) + timedelta(hours=7, minutes=minutes))
    assert [each.to for each in mail.outbox if "erasure ledger" in each.subject] == [["operator@example.com"]]
    assert LedgerNote.objects.count() == waiting > 0

    settings.ERASURE_LEDGER_URL = ledger
    assert erasure.run_due_erasures(now=SOON + timedelta(days=1)) == 1
    assert not User.objects.filter(id=accounts[0].user_id).exists()
    assert [kind for (kind,) in entered()] == ["user", "workspace", "erasure", "suppression"]
    assert not LedgerNote.objects.exists() and erasure_ledger.unseen() == 0


@pytest.mark.policy("C6.2")
def test_lists_of_who_must_not_be_called_or_written_to_come_back_as_they_were_last(
    ledger: str, make_account: MakeAccount
) -> None:
    person = make_account()
    workspace = uuid4()
    other, third = "+37060000002", "+37060000003"
    for number in (NUMBER, other):
        suppression.suppress(workspace_id=workspace, phone_e164=number, reason="asked", source="rep", now=NOW)
    suppression.suppress(workspace_id=None, phone_e164=third, reason="asked", source="callee", now=NOW)
    assert suppression.lift(workspace_id=workspace, phone_e164=other, source="callee", now=NOW + timedelta(hours=1))
    opt_out.stop_number(mobile_e164=person.user.mobile_e164, way="support", now=NOW)
    opt_out.stop_number(mobile_e164=other, way="support", now=NOW)
    opt_out.allow_number(mobile_e164=other, way="support", now=NOW + timedelta(hours=1))
    erasure_ledger.write_out(now=NOW)

    as_in_an_old_backup()
    User.objects.filter(id=person.user_id).update(texts_stopped_at=None)
    assert Door().look() == "erasures_not_replayed"
    # What comes back is the same however often it is begun.
    for _ in range(2):
        LedgerMark.objects.update(sequence=0)
        assert replaying.replay(now=SOON).waiting == {}
        assert suppression.is_suppressed(workspace_id=workspace, phone_e164=NUMBER)
        assert not suppression.is_suppressed(workspace_id=workspace, phone_e164=other)
        assert suppression.suppressed_everywhere(phone_e164=third)
        assert opt_out.is_stopped(person.user.mobile_e164) and not opt_out.is_stopped(other)
        assert Suppression.objects.filter(lifted_at__isnull=True).count() == 2
    assert Door().look() == ""


@pytest.mark.policy("C6.2")
def test_a_ledger_that_comes_later_is_told_of_callees_that_went_and_of_what_the_last_version_did(
    accounts: tuple[Membership, Membership], sandbox: Sandbox, ledger: str
) -> None:
    called = proved(sandbox, "+37060054321")
    assert called.post("/api/my-data/erasure", {"confirm": "+37060054321", "when": "now"})[0] == 202
    assert erasure.run_due_erasures(now=SOON) == 1
    first = entered("id, kind, key")
    assert ("erasure", pseudonym("phone", "+37060054321")) in [row[1:] for row in first]
    with psycopg.connect(ledger) as database:
        database.execute("DROP TABLE erasure_entry, erasure_ledger")
    call_command("replay_erasures", "--new-ledger")
    assert [row for row in entered("id, kind, key") if row[1] == "erasure"] == [
        row for row in first if row[1] == "erasure"
    ]

    # A process that knows no ledger writes without a note.
    Suppression.objects.create(
        number_key=pseudonym("phone", NUMBER), reason="asked", source="callee", created_at=NOW, last_asked_at=NOW
    )
    for _ in range(2):
        replaying.note_again(now=SOON - timedelta(hours=4))
        erasure_ledger.write_out(now=NOW)
        assert len([row for row in entered("kind, key") if row == ("suppression", pseudonym("phone", NUMBER))]) == 1


@pytest.mark.policy("C6.2")
def test_a_number_of_one_kind_is_never_taken_for_another_and_who_is_not_named_stays(
    accounts: tuple[Membership, Membership], ledger: str
) -> None:
    """Red when keyed hashes are compared across kinds: the control's ids stand in the ledger under every other kind."""
    control = accounts[1]
    mine = [str(control.user_id), str(control.workspace_id), "+37060054321", "controlia@staysworth.example"]
    others: tuple[tuple[erasure_ledger.Kind, str], ...] = (
        ("user", "workspace"),
        ("workspace", "user"),
        ("social", "user"),
        ("user", "phone"),
    )
    entries = [erasure_ledger.Entry(kind, pseudonym(of, value), NOW) for value in mine for kind, of in others]
    erasure_ledger.note(entries, now=NOW)
    erasure_ledger.write_out(now=NOW)
    as_in_an_old_backup()
    done = replaying.replay(now=SOON)
    assert (done.entries, done.people) == (len(entries), 0)
    assert Lead.objects.filter(phone_e164="+37060054321").exists() and User.objects.filter(id=control.user_id).exists()


def test_a_new_database_beside_an_old_ledger_takes_over_what_that_knows(ledger: str, transactional_db: None) -> None:
    suppression.suppress(workspace_id=None, phone_e164=NUMBER, reason="asked", source="callee", now=NOW)
    erasure_ledger.write_out(now=NOW)
    as_in_an_old_backup()
    LedgerMark.objects.all().delete()
    assert Door().look() == "erasure_ledger_strange"
    call_command("replay_erasures")
    assert suppression.suppressed_everywhere(phone_e164=NUMBER) and Door().look() == ""


def test_a_ledger_that_is_not_the_databases_own_or_lost_its_end_is_refused_until_the_operator_says_so(
    ledger: str, settings: Settings
) -> None:
    suppression.suppress(workspace_id=None, phone_e164=NUMBER, reason="asked", source="callee", now=NOW)
    erasure_ledger.write_out(now=NOW)
    lost = {
        "The end of the erasure ledger is missing": "DELETE FROM erasure_entry; UPDATE erasure_ledger SET last_sequence = 0",
        "is not the ledger that this database belongs with": "DROP TABLE erasure_entry, erasure_ledger",
    }
    for said, damage in lost.items():
        with psycopg.connect(ledger) as database:
            database.execute(damage.encode())
        assert Door().look() in ("erasure_ledger_strange", "erasure_ledger_away")
        with pytest.raises(CommandError, match=said):
            call_command("replay_erasures")
        erasure_ledger.note([erasure_ledger.Entry("user", said[:64], NOW)], now=NOW)
        with pytest.raises((LedgerAway, LedgerStrange)):
            erasure_ledger.write_out(now=NOW)
        call_command("replay_erasures", "--new-ledger")
        assert Door().look() == "" and ("suppression",) in entered() and not LedgerNote.objects.exists()
    settings.SUPPRESSION_KEY = "0e" * 32
    with pytest.raises(CommandError, match="another SUPPRESSION_KEY"):
        call_command("replay_erasures")


@pytest.mark.policy("C6.1")
def test_entries_go_when_their_term_is_over_and_not_before(ledger: str) -> None:
    suppression.suppress(workspace_id=None, phone_e164=NUMBER, reason="asked", source="callee", now=NOW)
    erasure_ledger.write_out(now=NOW)
    term = timedelta(days=ELEMENTS["erasure_ledger"].retention_days or 0)
    assert erasure_ledger.expire(now=NOW + term - timedelta(seconds=1)) == 0
    assert erasure_ledger.expire(now=NOW + term) == 1
    # What is gone was seen all the same.
    assert entered() == [] and erasure_ledger.unseen() == 0 and Door().look() == ""


def test_who_dies_between_the_ledgers_commit_and_the_databases_enters_nothing_twice(ledger: str) -> None:
    suppression.suppress(workspace_id=None, phone_e164=NUMBER, reason="asked", source="callee", now=NOW)
    notes = list(LedgerNote.objects.values())
    assert erasure_ledger.write_out(now=NOW) == 1
    LedgerNote.objects.bulk_create(LedgerNote(**each) for each in notes)
    LedgerMark.objects.update(sequence=0)
    assert erasure_ledger.unseen() == 1
    erasure_ledger.write_out(now=NOW)
    assert (len(entered()), erasure_ledger.unseen()) == (1, 0)


def test_a_backup_put_in_the_place_of_a_running_database_shuts_the_door_again(ledger: str) -> None:
    door = Door()
    suppression.suppress(workspace_id=None, phone_e164=NUMBER, reason="asked", source="callee", now=NOW)
    erasure_ledger.write_out(now=NOW)
    assert door.look() == ""
    as_in_an_old_backup()
    assert door.look() == "erasures_not_replayed"
    assert replaying.replay(now=SOON).entries == 1
    assert door.look() == ""


def test_the_record_of_acts_that_a_restored_backup_cut_is_said_to_be_cut_by_it(ledger: str, tmp_path: Path) -> None:
    suppression.suppress(workspace_id=None, phone_e164=NUMBER, reason="asked", source="callee", now=NOW)
    erasure_ledger.write_out(now=NOW)
    heads = tmp_path / "heads.jsonl"
    heads.write_text(json.dumps({"at": NOW.isoformat(), "sequence": 900, "hash": "0" * 64}) + "\n")
    with pytest.raises(CommandError) as cut:
        call_command("audit_verify", "--heads", str(heads))
    assert "A backup was restored" not in str(cut.value)
    as_in_an_old_backup()
    assert replaying.replay(now=SOON).entries == 1
    with pytest.raises(CommandError, match="A backup was restored: record 1 of"):
        call_command("audit_verify", "--heads", str(heads))


def test_without_an_address_nothing_is_entered_and_it_is_said_why(settings: Settings, transactional_db: None) -> None:
    settings.ERASURE_LEDGER_URL = ""
    with pytest.raises(LedgerAway, match="ERASURE_LEDGER_URL"):
        erasure_ledger.unseen()
