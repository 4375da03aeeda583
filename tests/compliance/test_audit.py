"""The record of acts: nobody changes it unseen, not even who can write to the database."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from compliance import audit, audit_check
from compliance.audit import Action
from compliance.audit_check import Broken
from compliance.models import AuditEvent, AuditHead
from config.logs import JsonLines
from tests.compliance.ends import end

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
ACTIONS: tuple[Action, ...] = ("team.invited", "team.joined", "team.left")

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, settings: Any) -> Path:
    settings.DATA_DIR = tmp_path
    return tmp_path


def record(action: Action) -> AuditEvent:
    return audit.record(workspace_id=None, actor_ref="a", action=action, target="t", detail={"n": 1}, now=NOW)


def three() -> list[AuditEvent]:
    return [record(action) for action in ACTIONS]


@contextmanager
def someone_with_the_keys_to_the_database() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE compliance_auditevent DISABLE TRIGGER audit_append_only")
        yield
        cursor.execute("ALTER TABLE compliance_auditevent ENABLE TRIGGER audit_append_only")


def hash_anew(first: int) -> None:
    """As somebody would who knows how the chain is made."""
    events = list(AuditEvent.objects.order_by("sequence"))
    for before, event in zip([None, *events], events, strict=False):
        if event.sequence >= first:
            event.previous_hash = before.hash if before else ""
            event.hash = audit.hash_of(event)
            event.save()
    AuditHead.objects.update(sequence=events[-1].sequence, hash=events[-1].hash)


def test_an_untouched_record_holds() -> None:
    assert audit_check.verify().broken is None
    three()
    audit_check.note_head(now=NOW)
    record("team.renamed")
    verdict = audit_check.verify()
    assert (verdict.links, verdict.heads, verdict.broken) == (4, 1, None)


def test_the_database_refuses_to_change_or_delete_a_link() -> None:
    event = record("team.invited")
    with pytest.raises(DatabaseError), transaction.atomic():
        AuditEvent.objects.filter(id=event.id).update(action="nothing happened")
    with pytest.raises(DatabaseError), transaction.atomic():
        event.delete()
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE compliance_auditevent")


@pytest.mark.parametrize("column", [field.attname for field in AuditEvent._meta.concrete_fields])
def test_a_changed_link_is_found(column: str) -> None:
    """Every column that the table has: a new one asks here for another value that it takes. Red when a hash leaves one out."""
    second = three()[1]
    other: dict[str, object] = {
        "id": uuid4(),
        "sequence": 9,
        "at": NOW + timedelta(microseconds=1),
        "workspace_id": uuid4(),
        "detail": {"n": 2},
        **dict.fromkeys(("actor_ref", "action", "target", "previous_hash", "hash"), "b"),
    }
    with someone_with_the_keys_to_the_database():
        AuditEvent.objects.filter(id=second.id).update(**{column: other[column]})
    faults: dict[str, audit_check.Fault] = {"sequence": "missing", "previous_hash": "not_chained"}
    assert audit_check.verify().broken == Broken(2, faults.get(column, "changed"))


def test_links_that_were_written_before_their_id_was_hashed_still_hold() -> None:
    """Their hashes stand in heads that were noted elsewhere, so they are not written anew."""
    content = ["", 1, "2026-03-01T12:00:00.000000+00:00", None, "a", "team.joined", "t", {"n": 1}]
    written = hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()
    first = record("team.joined")
    with someone_with_the_keys_to_the_database():
        AuditEvent.objects.filter(id=first.id).update(hash=written)
        AuditHead.objects.update(hash=written)
    record("team.left")
    assert audit_check.verify().broken is None
    with someone_with_the_keys_to_the_database():
        AuditEvent.objects.filter(id=first.id).update(target="u")
    assert audit_check.verify().broken == Broken(1, "changed")


@pytest.mark.parametrize(("missing", "fault"), [(1, "missing"), (2, "missing"), (3, "cut")])
def test_a_deleted_link_is_found_wherever_it_stood(missing: int, fault: audit_check.Fault) -> None:
    three()
    with someone_with_the_keys_to_the_database():
        AuditEvent.objects.filter(sequence=missing).delete()
    assert audit_check.verify().broken == Broken(missing, fault)


def test_links_that_changed_places_are_found() -> None:
    first, second, _ = three()
    with someone_with_the_keys_to_the_database():
        for event, sequence in ((first, 9), (second, 1), (first, 2)):
            AuditEvent.objects.filter(id=event.id).update(sequence=sequence)
    assert audit_check.verify().broken == Broken(1, "not_chained")


def test_a_chain_hashed_anew_no_longer_fits_the_head_noted_outside() -> None:
    events = three()
    audit_check.note_head(now=NOW)
    with someone_with_the_keys_to_the_database():
        AuditEvent.objects.filter(id=events[0].id).update(detail={"n": 2})
        hash_anew(first=1)
    assert audit_check.verify().broken == Broken(3, "rewritten")


def test_a_tail_cut_off_together_with_the_head_is_found_by_the_head_noted_outside() -> None:
    three()
    audit_check.note_head(now=NOW)
    with someone_with_the_keys_to_the_database():
        AuditEvent.objects.filter(sequence__gte=2).delete()
        hash_anew(first=1)
    assert audit_check.verify().broken == Broken(2, "cut")


def old_and_new() -> list[AuditEvent]:
    """Two links whose term is over, and one whose is not; each head was noted in its time."""
    events = []
    for at in (LONG_AGO, LONG_AGO + timedelta(hours=1), datetime.now(UTC)):
        events.append(
            audit.record(workspace_id=None, actor_ref="a", action="team.joined", target="t", detail={}, now=at)
        )
        audit_check.note_head(now=at)
    return events


@pytest.mark.policy("C6.1")
def test_links_whose_term_is_over_go_from_the_beginning_and_the_rest_holds() -> None:
    *_, last = old_and_new()
    assert end("audit", now=datetime.now(UTC)) == 2
    assert list(AuditEvent.objects.all()) == [last]
    verdict = audit_check.verify()
    assert (verdict.links, verdict.broken) == (1, None)
    record("team.renamed")
    audit_check.note_head(now=datetime.now(UTC))
    assert audit_check.verify().broken is None
    assert end("audit", now=datetime.now(UTC)) == 0


def test_younger_links_that_went_with_them_are_found() -> None:
    """As somebody would who hides a younger act behind the term."""
    events = old_and_new()
    record("team.renamed")
    audit_check.note_head(now=datetime.now(UTC))
    with someone_with_the_keys_to_the_database():
        AuditEvent.objects.filter(sequence__lte=3).delete()
        AuditHead.objects.update(ended_sequence=3, ended_hash=events[2].hash)
    assert audit_check.verify().broken == Broken(3, "cut")


def test_another_beginning_than_the_noted_one_is_found() -> None:
    old_and_new()
    assert end("audit", now=datetime.now(UTC)) == 2
    AuditHead.objects.update(ended_hash="0" * 64)
    assert audit_check.verify().broken == Broken(2, "rewritten")


def test_a_head_is_noted_once_in_a_file_and_in_the_log(data_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    audit_check.note_head(now=NOW)
    assert not (data_dir / audit_check.HEADS_FILE).exists()
    last = three()[-1]
    caplog.set_level("INFO")
    for _ in range(2):
        audit_check.note_head(now=NOW)
    lines = (data_dir / audit_check.HEADS_FILE).read_text().splitlines()
    assert [json.loads(line) for line in lines] == [{"at": NOW.isoformat(), "sequence": 3, "hash": last.hash}]
    logged = [each for each in caplog.records if each.message == "audit head"]
    assert [(each.sequence, each.hash) for each in logged] == [(3, last.hash)]  # type: ignore[attr-defined]


def test_each_link_is_told_to_the_log_when_it_is_kept_so_that_a_tail_cut_off_at_once_is_missed_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, django_capture_on_commit_callbacks: Any
) -> None:
    """Nobody noted a head meanwhile, and the head's row is set back together with the links."""
    caplog.set_level("INFO")
    with django_capture_on_commit_callbacks(execute=True):
        three()
    kept = tmp_path / "kept.log"
    kept.write_text("".join(JsonLines().format(each) + "\n" for each in caplog.records))
    call_command("audit_verify", heads=kept)
    with someone_with_the_keys_to_the_database():
        AuditEvent.objects.filter(sequence=3).delete()
        hash_anew(first=1)
    assert audit_check.verify().broken is None
    with pytest.raises(CommandError, match=r"^Record 3: the records from here to the noted end are not there"):
        call_command("audit_verify", heads=kept)


@pytest.mark.parametrize("log", ["web.log", "worker.log.1"])
def test_a_tail_cut_off_a_moment_ago_is_missed_in_the_logs_of_this_machine(
    log: str, data_dir: Path, caplog: pytest.LogCaptureFixture, django_capture_on_commit_callbacks: Any
) -> None:
    """Nobody noted a head meanwhile, nobody names a log, and the head's row is set back together with the links."""
    caplog.set_level("INFO")
    with django_capture_on_commit_callbacks(execute=True):
        three()
    (data_dir / "logs").mkdir()
    lines = ["2026-03-01 12:00:00 UTC LOG:  ready", *(JsonLines().format(each) for each in caplog.records), '{"mess']
    (data_dir / "logs" / log).write_text("\n".join(lines))
    call_command("audit_verify")
    with someone_with_the_keys_to_the_database():
        AuditEvent.objects.filter(sequence=3).delete()
        hash_anew(first=1)
    with pytest.raises(CommandError, match=r"^Record 3: the records from here to the noted end are not there"):
        call_command("audit_verify")


def test_the_command_says_where_it_is_broken(capsys: pytest.CaptureFixture[str], data_dir: Path) -> None:
    events = three()
    audit_check.note_head(now=NOW)
    call_command("audit_verify")
    assert (
        capsys.readouterr().out
        == "All 3 records hold, and 1 heads noted outside the database fit, 0 of them kept elsewhere.\n"
    )
    with someone_with_the_keys_to_the_database():
        AuditEvent.objects.filter(id=events[1].id).update(actor_ref="b")
    with pytest.raises(CommandError, match=r"^Record 2: the record does not say what it said"):
        call_command("audit_verify")
    (data_dir / audit_check.HEADS_FILE).write_text('{"at": "", "sequence": "three", "hash": ""}\n')
    with pytest.raises(CommandError, match=r"^Line 1 of .* is not a noted head"):
        call_command("audit_verify")


def test_without_any_noted_head_an_old_record_is_not_called_sound(data_dir: Path) -> None:
    three()
    with pytest.raises(CommandError, match="no head noted outside the database is left"):
        call_command("audit_verify")


def test_a_log_that_was_kept_elsewhere_finds_a_chain_hashed_anew(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The heads on this machine went with the record that they would have betrayed."""
    events = three()
    audit_check.note_head(now=NOW)
    (data_dir / audit_check.HEADS_FILE).unlink()
    log = tmp_path / "kept.log"
    head = {"at": NOW.isoformat(), "message": "audit head", "sequence": 3, "hash": events[2].hash}
    other = {"at": NOW.isoformat(), "message": "segment", "sequence": 9}
    log.write_text(json.dumps({"log": "anything", "stream": "stdout"}) + "\n")
    with pytest.raises(CommandError, match="No head was noted"):
        call_command("audit_verify", heads=log)
    log.write_text("".join(json.dumps(line) + "\n" for line in (other, head)) + "broken off")
    call_command("audit_verify", heads=log)
    assert "1 heads noted outside the database fit, 1 of them kept elsewhere" in capsys.readouterr().out
    with someone_with_the_keys_to_the_database():
        AuditEvent.objects.filter(id=events[0].id).update(detail={"n": 2})
        hash_anew(first=1)
    with pytest.raises(CommandError, match=r"^Record 3: the record is another one"):
        call_command("audit_verify", heads=log)
    with pytest.raises(CommandError, match="There is no file"):
        call_command("audit_verify", heads=tmp_path / "nothing")


def test_the_clock_tells_at_once_when_what_it_noted_is_gone(caplog: pytest.LogCaptureFixture) -> None:
    three()
    audit_check.note_head(now=NOW)
    with someone_with_the_keys_to_the_database():
        AuditEvent.objects.filter(sequence__gte=2).delete()
        hash_anew(first=1)
    audit_check.note_head(now=NOW)
    assert [each.message for each in caplog.records if each.levelname == "ERROR"] == ["the audit log is broken"]


def test_a_line_that_broke_off_is_passed_over_and_noting_goes_on(data_dir: Path) -> None:
    three()
    audit_check.note_head(now=NOW)
    file = data_dir / audit_check.HEADS_FILE
    with file.open("a") as lines:
        lines.write('{"at": "2026-03-01T12:00:00+00:00", "sequ')
    record("team.renamed")
    audit_check.note_head(now=NOW)
    verdict = audit_check.verify()
    assert (verdict.heads, verdict.broken) == (2, None)
