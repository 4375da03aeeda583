"""SUPPRESSION_KEY is replaced while the product runs: whoever was known by a hash still is, and either database may be an old one.

Each test was seen red once, with the bug that it names.
"""

import hmac
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django.fixtures import Settings

from compliance import erasure, erasure_ledger, ledger_key, suppression
from compliance.keyed_tokens import receipt_token
from compliance.models import LedgerMark, Request, Suppression
from config.embedded.environment import PROJECT
from config.replayed import Door
from processors import hash_key
from processors.models import HashKey
from processors.pseudonyms import pseudonym
from tests.compliance.restoring import drop_database, make_database
from tests.identity.browser import Browser
from tests.identity.conftest import MakeAccount, SignIn
from tests.identity.social import go_through, meet, sign_up
from tests.opened import stored_rows
from tests.sandbox_fixture import Sandbox
from tests.voice.carrier import give_credit, new_lead

NOW = datetime.now(UTC)
SOON = NOW + timedelta(hours=6)
NEW = "c4d1" * 16
NUMBER = "+37060000001"
NAME = "erasures_of_another_key"
NOWHERE = "postgresql://nobody@127.0.0.1:1/none?host=/nowhere"
Told = Callable[..., str]


@pytest.fixture(autouse=True)
def former(settings: Settings, transactional_db: None) -> Iterator[str]:
    """The key of before; both databases are as they were afterwards."""
    ledger, key = settings.ERASURE_LEDGER_URL, settings.SUPPRESSION_KEY
    mark, ours = LedgerMark.objects.get(), in_database()
    yield key
    settings.ERASURE_LEDGER_URL, settings.SUPPRESSION_KEY, settings.SUPPRESSION_KEY_PREVIOUS = ledger, key, ""
    put_into_database(ours)
    LedgerMark.objects.all().delete()
    begin_anew()
    mark.sequence = erasure_ledger.last_sequence()
    mark.save(force_insert=True)
    ask_ledger("DELETE FROM erasure_hash_key")
    ledger_key.settle()
    drop_database(NAME)


@pytest.fixture
def replace(settings: Settings, former: str) -> Callable[[], None]:
    """As an operator does: the new key seals, the one of before opens too."""

    def put_first() -> None:
        settings.SUPPRESSION_KEY_PREVIOUS, settings.SUPPRESSION_KEY = former, NEW

    return put_first


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    def run(act: str) -> str:
        call_command("sealed", act)
        return "\n".join(line for line in capsys.readouterr().out.splitlines() if "SUPPRESSION_KEY" in line)

    return run


Replace = Callable[[], None]


def begin_anew() -> None:
    """As a process does that has read no key yet."""
    hash_key._opened.cache_clear()


def in_database() -> bytes:
    return bytes(HashKey.objects.get().__dict__["value"])


def put_into_database(sealed: bytes) -> None:
    hash_key.stored().update_or_create(id=1, defaults={"value": sealed})


def ask_ledger(statement: str, *values: object) -> None:
    with psycopg.connect(os.environ["ERASURE_LEDGER_URL"]) as database:
        database.execute(statement.encode(), values)


def in_ledger(settings: Settings) -> bytes:
    with psycopg.connect(settings.ERASURE_LEDGER_URL) as database:
        row = database.execute("SELECT sealed FROM erasure_hash_key").fetchone()
    return bytes(row[0]) if row else b""


def hashed_plainly(key: str, kind: str, value: object) -> str:
    """As every version before has hashed with SUPPRESSION_KEY."""
    return hmac.digest(bytes.fromhex(key), f"{kind}:{value}".encode(), "sha256").hex()


def ledger_of_before(settings: Settings, key: str) -> None:
    """One that a version without a key of hashes has made, tied to this database, which has none either."""
    settings.ERASURE_LEDGER_URL, identity = make_database(NAME), uuid4()
    with erasure_ledger.opened_ledger() as ledger:
        erasure_ledger.make_tables(ledger)
        ledger.execute("DROP TABLE erasure_hash_key")
        ledger.execute(
            "INSERT INTO erasure_ledger (id, key_check) VALUES (%s, %s)",
            [identity, hashed_plainly(key, "ledger", identity)],
        )
    HashKey.objects.all().delete()
    LedgerMark.objects.update(ledger=identity, sequence=0)
    begin_anew()


def test_whoever_must_not_be_called_or_come_back_is_known_under_the_new_key_and_receipts_hold(
    make_account: MakeAccount, sign_in: SignIn, sandbox: Sandbox, browser: Browser, replace: Replace, settings: Settings
) -> None:
    """Red when the key of the hashes follows from SUPPRESSION_KEY, or is made anew by `renew`."""
    caller = make_account()
    give_credit(caller, 50_000)
    lead = new_lead(caller)
    suppression.suppress(workspace_id=None, phone_e164=str(lead.phone_e164), reason="asked", source="callee", now=NOW)
    person = meet(sandbox, "google", email="bea@example.com")
    sign_up(browser, sandbox, "google", person, mobile="+12025550177")
    asked = browser.post("/api/privacy/erasure", {"confirm": "bea@example.com", "when": "now"})[1]
    assert erasure.run_due_erasures(now=SOON) == 1
    receipt = "/api/erasure-receipts/" + asked["receipt_path"].rsplit("/", 1)[1]
    signed, page = browser.get(receipt)[1]["signed"], sign_in(caller)
    assert signed["genuine"]

    def all_is_as_it_was(address: str) -> None:
        dialled = page.post("/api/calls", {"lead_id": str(lead.id)}, **{"Idempotency-Key": address})
        assert (dialled[0], dialled[1]["code"]) == (409, "lead_suppressed")
        back = Browser(address)
        assert go_through(back, "google", person)[1]["refused"] == "social_erased"
        assert receipt.endswith(receipt_token(Request.objects.get().id)) and back.get(receipt)[1]["signed"] == signed
        text_and_signature = {"text": signed["text"], "signature": signed["signature"]}
        assert back.post("/api/erasure-receipts/check", text_and_signature)[1]["genuine"]
        call_command("audit_verify")
        assert erasure_ledger.unseen() == 0

    replace()
    all_is_as_it_was("203.0.113.31")
    call_command("sealed", "renew")
    settings.SUPPRESSION_KEY_PREVIOUS = ""
    all_is_as_it_was("203.0.113.32")


def test_without_the_former_key_nobody_is_served_until_the_rest_is_renewed(
    replace: Replace, settings: Settings, former: str, told: Told
) -> None:
    """Red when a door opens without the key, when `renew` leaves the ledger's copy, or `status` does not look at it."""
    suppression.suppress(workspace_id=None, phone_e164=NUMBER, reason="asked", source="callee", now=NOW)
    known_as = Suppression.objects.get().number_key
    replace()
    assert "1 values; an older key, run `renew`" in told("status")
    settings.SUPPRESSION_KEY_PREVIOUS = ""
    assert Door().look() == "suppression_key_wrong"
    with pytest.raises(CommandError, match=r"Set that key as SUPPRESSION_KEY_PREVIOUS until `manage.py sealed renew`"):
        call_command("replay_erasures")
    # Nor while the ledger is away, though this very database was found to have seen all of it.
    erasure_ledger.note_asked()
    there, settings.ERASURE_LEDGER_URL = settings.ERASURE_LEDGER_URL, NOWHERE
    assert Door().look() == "suppression_key_wrong"
    with pytest.raises(CommandError, match="another SUPPRESSION_KEY"):
        call_command("replay_erasures")

    settings.SUPPRESSION_KEY_PREVIOUS, settings.ERASURE_LEDGER_URL = former, there
    assert Door().look() == ""
    in_ledger_before = in_ledger(settings)
    said = told("renew")
    assert "1 values; the newest key" in said and "0 values; an older key, which can go" in said
    assert in_ledger(settings) == in_database() != in_ledger_before
    # A copy in the ledger that is older keeps the former key, too.
    ask_ledger("UPDATE erasure_hash_key SET sealed = %s", in_ledger_before)
    assert "0 values; an older key, run `renew`" in told("status")
    told("renew")
    settings.SUPPRESSION_KEY_PREVIOUS = ""
    begin_anew()
    call_command("replay_erasures")
    assert Door().look() == "" and pseudonym("phone", NUMBER) == known_as
    settings.SUPPRESSION_KEY = former
    assert Door().look() == "suppression_key_wrong"


def test_a_start_with_a_key_that_opens_nothing_ends_with_what_to_do() -> None:
    """Red when the start passes over the key of the hashes, or ends with a traceback."""
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
    environ = {**os.environ, "DATABASE_URL": database.geturl(), "SUPPRESSION_KEY": NEW}
    command = [sys.executable, "-m", "config.embedded.prepare"]
    ended = subprocess.run(command, cwd=PROJECT, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "another SUPPRESSION_KEY" in ended.stderr and "Set that key as" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("backup", ["of-before-the-change", "of-before-the-upgrade"])
def test_a_backup_asks_for_no_key_that_the_ledger_does_without_and_the_replay_finds_people(
    backup: str, replace: Replace, settings: Settings
) -> None:
    """Red when a start looks into one place only."""
    sealed_before = in_database()
    replace()
    call_command("sealed", "renew")
    suppression.suppress(workspace_id=None, phone_e164=NUMBER, reason="asked", source="callee", now=NOW)
    erasure_ledger.write_out(now=NOW)
    settings.SUPPRESSION_KEY_PREVIOUS = ""

    seen_until = erasure_ledger.last_sequence() - 1
    Suppression.objects.all().delete()
    LedgerMark.objects.update(sequence=seen_until, asked_in="")
    if backup == "of-before-the-change":
        put_into_database(sealed_before)
    else:
        HashKey.objects.all().delete()
    begin_anew()
    assert Door().look() == "suppression_key_wrong"
    call_command("replay_erasures")
    assert suppression.suppressed_everywhere(phone_e164=NUMBER) and Door().look() == ""
    assert in_database() == in_ledger(settings) != sealed_before


def test_a_ledger_that_was_lost_or_is_older_than_the_change_is_given_the_key_again(
    replace: Replace, settings: Settings
) -> None:
    """Red when the ledger's copy is taken although the database's is the newer one, and when none is put into a new ledger."""
    older, known_as = in_database(), pseudonym("phone", NUMBER)
    replace()
    call_command("sealed", "renew")
    newest = in_database()
    ask_ledger("UPDATE erasure_hash_key SET sealed = %s", older)
    call_command("replay_erasures")
    assert in_ledger(settings) == in_database() == newest

    settings.SUPPRESSION_KEY_PREVIOUS = ""
    ask_ledger("UPDATE erasure_hash_key SET sealed = %s", older)
    call_command("replay_erasures")
    assert in_ledger(settings) == in_database() == newest
    settings.ERASURE_LEDGER_URL = make_database(NAME)
    with pytest.raises(CommandError, match="is not the ledger that this database belongs with"):
        call_command("replay_erasures")
    call_command("replay_erasures", "--new-ledger")
    begin_anew()
    assert in_ledger(settings) == newest and pseudonym("phone", NUMBER) == known_as


def test_what_hashed_before_an_upgrade_goes_on_hashing_also_when_the_key_is_replaced_at_once(
    settings: Settings, former: str, replace: Replace
) -> None:
    """Red when an upgrade makes a new key, and so nobody is found any more, or takes the new SUPPRESSION_KEY for the one of before."""

    def put_behind() -> None:
        settings.SUPPRESSION_KEY, settings.SUPPRESSION_KEY_PREVIOUS = former, NEW

    acts: list[Replace | None] = [None, put_behind, replace]
    for act in acts:
        ledger_of_before(settings, former)
        if act:
            act()
        call_command("replay_erasures")
        assert pseudonym("phone", NUMBER) == hashed_plainly(former, "phone", NUMBER)
        drop_database(NAME)
    ledger_of_before(settings, "0e" * 32)
    with pytest.raises(CommandError, match=r"written with another SUPPRESSION_KEY. Put that key back, or"):
        call_command("replay_erasures")
    assert not HashKey.objects.exists()


def test_who_begins_gets_a_key_that_no_setting_tells_and_a_copy_of_both_databases_does_not_either(
    settings: Settings, former: str, make_account: MakeAccount
) -> None:
    """Red when a new installation hashes with SUPPRESSION_KEY itself, or when the key is stored as it is."""
    HashKey.objects.all().delete()
    LedgerMark.objects.all().delete()
    settings.ERASURE_LEDGER_URL = make_database(NAME)
    begin_anew()
    call_command("replay_erasures")
    key, sealed = hash_key.hash_key().hex(), in_database()
    assert key != former
    assert in_ledger(settings) == sealed and key not in stored_rows()
    assert not any(secret in sealed for each in (key, former) for secret in (each.encode(), bytes.fromhex(each)))

    # Where somebody has an account the product has begun, whatever else is missing.
    make_account()
    HashKey.objects.all().delete()
    LedgerMark.objects.all().delete()
    drop_database(NAME)
    settings.ERASURE_LEDGER_URL = make_database(NAME)
    begin_anew()
    settings.SUPPRESSION_KEY_PREVIOUS = NEW
    with pytest.raises(CommandError, match="without SUPPRESSION_KEY_PREVIOUS"):
        call_command("replay_erasures")
    settings.SUPPRESSION_KEY_PREVIOUS = ""
    call_command("replay_erasures")
    assert hash_key.hash_key().hex() == former


def test_the_ledger_of_another_installation_is_refused_and_each_keeps_its_key(
    settings: Settings, former: str, replace: Replace
) -> None:
    """Red when `--new-ledger` writes this database's key into whatever ledger is named, or takes a newer one from there."""
    ours, mark = in_database(), LedgerMark.objects.get()
    ledger_of_before(settings, former)
    replace()
    call_command("replay_erasures")
    theirs = in_ledger(settings)
    put_into_database(ours)
    LedgerMark.objects.update(ledger=mark.ledger)
    begin_anew()
    with pytest.raises(CommandError, match="another SUPPRESSION_KEY"):
        call_command("replay_erasures", "--new-ledger")
    assert in_ledger(settings) == theirs != ours == in_database()
