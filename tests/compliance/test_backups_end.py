"""Backups end with the term that people are told of, or the operator is told that they do not.

Planted bugs that this catches: a look that counts no file as over its term; a file, or a folder of them, that is deleted while its
folder is looked through makes that count as unread.
"""

import os
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from compliance import backups
from compliance.elements import ELEMENTS
from compliance.models import BackupLook
from config.management.commands.clock import LANES
from tests.sandbox_fixture import Sandbox
from tests.staff.ours import at_desk

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC)
OPERATOR = "operator@klosesales.example"


@pytest.fixture
def kept(tmp_path: Path, settings: Settings) -> Path:
    """A folder with a dump and a piece of the archived log, both of yesterday."""
    settings.BACKUP_FOLDERS = [str(tmp_path)]
    write(tmp_path / "klosesales.dump", days_ago=1)
    write(tmp_path / "wal" / "000000010000000000000001", days_ago=1)
    return tmp_path


def write(file: Path, *, days_ago: float) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"rows")
    at = (NOW - timedelta(days=days_ago)).timestamp()
    os.utime(file, (at, at))


@pytest.mark.policy("C6.1", "C6.2")
def test_one_that_is_older_than_people_are_told_is_found_and_told_once_a_day(
    kept: Path, sandbox: Sandbox, settings: Settings
) -> None:
    settings.EMAIL_BACKEND, settings.OPERATOR_EMAIL = "django.core.mail.backends.smtp.EmailBackend", OPERATOR
    assert backups.KEPT_FOR.days == ELEMENTS["backup"].retention_days == 21
    ada = at_desk("admin", "Ada")
    assert ada.get("/api/staff/reviews")[1]["backups"] is None
    backups.look(now=NOW)
    shown = ada.get("/api/staff/reviews")[1]["backups"]
    assert (shown["files"], shown["over"], shown["unread"], backups.tell_of_old_backups(now=NOW)) == (2, 0, 0, 0)
    call_command("backups", stdout=StringIO())
    write(kept / "wal" / "000000010000000000000000", days_ago=22.1)
    backups.look(now=NOW + timedelta(hours=1))
    shown = ada.get("/api/staff/reviews")[1]["backups"]
    assert (shown["files"], shown["over"], shown["kept_days"]) == (3, 1, 21)
    later = NOW + timedelta(hours=2)
    assert [backups.tell_of_old_backups(now=later) for _ in range(2)] == [1, 0]
    [mail] = sandbox.ask("GET", "/mails", to=OPERATOR)
    assert mail["subject"] == "Backups are kept longer than people are told" and "1 files" in mail["text"]
    with pytest.raises(CommandError, match="1 files are older"):
        call_command("backups", str(kept), stdout=StringIO())


def test_a_folder_that_is_not_there_is_told_too(kept: Path, settings: Settings) -> None:
    settings.BACKUP_FOLDERS = [str(kept), str(kept / "nowhere")]
    look = backups.look(now=NOW)
    assert look is not None and (look.files, look.over, look.unread) == (2, 0, 1)
    assert backups.tell_of_old_backups(now=NOW) == 1


def test_a_file_that_is_deleted_while_its_folder_is_looked_through_is_passed_over(tmp_path: Path) -> None:
    for number in range(3):
        write(tmp_path / f"{number}.dump", days_ago=1)
    looking = backups.written_at(tmp_path)
    next(looking)
    # The names of all three are read by now.
    for file in tmp_path.iterdir():
        file.unlink()
    assert list(looking) == []


def test_a_folder_of_files_that_is_deleted_meanwhile_is_passed_over_too(tmp_path: Path) -> None:
    for day in range(3):
        (tmp_path / f"base-{day}").mkdir()
        write(tmp_path / f"base-{day}" / "base.tar", days_ago=1)
    looking = backups.written_at(tmp_path)
    next(looking)
    for file in tmp_path.glob("*/base.tar"):
        file.unlink()
    for folder in tmp_path.iterdir():
        folder.rmdir()
    assert list(looking) == []


def test_the_clock_looks_where_a_folder_is_named_and_forgets_old_looks(kept: Path, settings: Settings) -> None:
    assert {backups.look, backups.tell_of_old_backups} <= {each for rounds in LANES.values() for _, each in rounds}
    backups.look(now=NOW - timedelta(days=31))
    backups.look(now=NOW)
    assert BackupLook.objects.count() == 1
    settings.BACKUP_FOLDERS = []
    assert backups.look(now=NOW) is None
