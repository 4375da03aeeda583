"""A backup that is restored brings nobody back: it serves nobody until everybody who was erased since is erased in it too."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from compliance import erasure, erasure_ledger
from identity.models import Membership, SocialIdentity
from identity.operations import add_member
from identity.schemas import SignUpIn
from processors.pseudonyms import pseudonym
from tests.compliance.restoring import Restored, back_up, drop_database, manage, restore, wait_until, web_upon
from tests.compliance.test_erasure import accounts, bytes_on_disk, plant
from tests.compliance.test_my_data import proved
from tests.identity.browser import form
from tests.identity.conftest import SUPPORT_DESK, SignIn
from tests.sandbox_fixture import Sandbox
from voice.models import Call

__all__ = ["accounts"]

NOW = datetime.now(UTC)
SOON = NOW + timedelta(hours=6)
CALLED = "+37060077777"
NAME = "klosesales_restored"
ERASED = ("zanzibel", "quxworthy", "brobdingnag", "37060012345", "struldbrugg", CALLED[1:])


@pytest.fixture
def backup(tmp_path: Path) -> Iterator[Path]:
    """Where a backup is put; the restored database goes with the test, and the tests' own has seen what that one entered."""
    yield tmp_path / "klosesales.dump"
    drop_database(NAME)
    erasure_ledger.note_seen(until=erasure_ledger.last_sequence())


@pytest.mark.policy("C6.2", "C7.3")
def test_a_restored_backup_serves_nobody_until_it_has_forgotten_whoever_was_erased_since(
    accounts: tuple[Membership, Membership], sign_in: SignIn, sandbox: Sandbox, backup: Path, tmp_path: Path
) -> None:
    leaving, control = accounts
    plant(control, "Struldbrugg", CALLED, 9)
    call = Call.objects.get(user=leaving.user)
    of_leaving, of_control = sign_in(leaving), sign_in(control)
    back_up(backup)

    # All of this happens after the backup.
    SocialIdentity.objects.create(user=leaving.user, provider="google", subject="g-1", created_at=NOW)
    called = proved(sandbox, CALLED)
    assert called.post("/api/my-data/calls", {"workspace": None, "allowed": False})[0] == 200
    assert called.post("/api/my-data/erasure", {"confirm": CALLED, "when": "now"})[0] == 202
    confirm = {"confirm": "zanzibel@quxworthy.example", "when": "now"}
    assert of_leaving.post("/api/privacy/erasure", confirm)[0] == 202
    assert erasure.run_due_erasures(now=SOON) == 2
    erasure_ledger.write_out(now=NOW)
    assert [word for word in ERASED if bytes_on_disk(word)] == []

    address = restore(backup, NAME)
    session, theirs = str(of_control.session_cookie), str(of_leaving.session_cookie)
    with web_upon(address, tmp_path / "web.log") as restored:
        assert all(word in restored.rows() for word in ERASED)
        status, said = restored.ready()
        assert (status, said["missing"]) == (503, ["erasures_not_replayed"])
        assert "manage.py replay_erasures" in said["detail"]
        for path in ("/api/session", "/api/leads", "/", f"/twilio/voice/{call.id}/status"):
            assert restored.get(path, session)[1]["code"] == "erasures_not_replayed"

        kill_halfway(restored)
        assert restored.ready()[0] == 503
        again = restored.start_command()
        output, _ = again.communicate(timeout=60)
        assert again.returncode == 0, output
        assert "erased once more" in output
        wait_until(lambda: restored.ready()[0] == 200, tmp_path / "web.log")

        rows = restored.rows()
        assert [word for word in ERASED if word in rows] == []
        assert [word for word in ERASED if bytes_on_disk(word)] == []
        assert "controlia" in rows and "laputania" in rows and bytes_on_disk("Laputania")
        assert restored.get("/api/session", theirs)[1]["state"] == "anonymous"
        leads = restored.get("/api/leads", session)[1]["items"]
        assert [lead["first_name"] for lead in leads] == ["Removed at the person's request", "Laputania"]

        # Nothing that comes late brings them back.
        refused = restored.post("/api/leads", {"first_name": "Struldbrugg", "phone": CALLED}, session)
        assert (refused[0], refused[1]["code"]) == (409, "lead_suppressed")
        late = {"CallSid": "CA" + "5" * 32, "CallStatus": "completed", "SequenceNumber": "9"}
        assert restored.callback(f"/twilio/voice/{call.id}/status", late) == 404
        with psycopg.connect(address) as database:
            buried = database.execute("SELECT kind FROM compliance_tombstone WHERE key = ANY(%s)", [keys_of(leaving)])
            assert {row[0] for row in buried} == {"user", "workspace", "social"}
            receipts = "SELECT state FROM compliance_request WHERE channel = 'restored'"
            assert {row[0] for row in database.execute(receipts)} == {"done"}
        assert "struldbrugg" not in restored.rows()


def keys_of(member: Membership) -> list[str]:
    named = (("user", member.user_id), ("workspace", member.workspace_id), ("social", "google:g-1"))
    return [pseudonym(kind, value) for kind, value in named]


def kill_halfway(restored: Restored) -> None:
    """Kills the start command once it has erased the account, and before it has the number that was called."""
    with psycopg.connect(restored.address) as held:
        # What was said to the number, which the recall of its restriction does not touch.
        words = (
            "SELECT 1 FROM voice_transcriptsegment s JOIN voice_call c ON c.id = s.call_id JOIN voice_lead l ON l.id = c.lead_id"
            " WHERE l.phone_e164 = %s FOR UPDATE OF s"
        )
        assert held.execute(words, [CALLED]).rowcount > 0
        starting = restored.start_command()
        try:
            with psycopg.connect(restored.address, autocommit=True) as watching:
                done = "SELECT count(*) FROM compliance_request WHERE channel = 'restored' AND state = 'rewriting'"
                begun = (
                    "SELECT count(*) FROM compliance_erasurestep s JOIN compliance_request r ON r.id = s.request_id"
                    " WHERE r.channel = 'restored' AND r.state = 'running' AND s.name = 'carrier' AND s.state = 'done'"
                )
                wait_until(
                    lambda: watching.execute(done).fetchone() == (2,) and watching.execute(begun).fetchone() == (1,)
                )
        finally:
            starting.kill()
            starting.communicate()


def test_a_workspace_that_went_on_after_the_backup_is_not_ended_unasked(
    accounts: tuple[Membership, Membership], sign_in: SignIn, backup: Path, tmp_path: Path
) -> None:
    """Who went on with it came after the backup, so in the backup nobody but the erased person is in it."""
    leaving = accounts[0]
    browser = sign_in(leaving)
    erasure_ledger.note_asked()
    back_up(backup)
    colleague = SignUpIn.model_validate(form(email="late@quxworthy.example", mobile="+12025550184"))
    add_member(workspace_id=leaving.workspace_id, form=colleague, role="manager", client=SUPPORT_DESK, now=NOW)
    confirm = {"confirm": "zanzibel@quxworthy.example", "when": "now"}
    assert browser.post("/api/privacy/erasure", confirm)[0] == 202
    assert erasure.run_due_erasures(now=SOON) == 1

    address = restore(backup, NAME)
    with psycopg.connect(address) as database:
        # That the original had asked the ledger opens no door here, should that be away.
        row = database.execute(f"SELECT asked_in, ({erasure_ledger.PLACE}) FROM compliance_ledgermark").fetchone()  # noqa: S608
        assert row is not None and row[0] and row[0] != row[1]
    refused = manage(address, "replay_erasures")
    assert refused[0] == 1 and str(leaving.workspace_id) in refused[1] and "--end-workspaces" in refused[1]
    with psycopg.connect(address) as database:
        assert database.execute("SELECT count(*) FROM voice_lead").fetchone() == (2,)
    done = manage(address, "replay_erasures", "--end-workspaces")
    assert done[0] == 0, done[1]
    with psycopg.connect(address) as database:
        assert database.execute("SELECT count(*) FROM voice_lead").fetchone() == (1,)
