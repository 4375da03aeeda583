"""What processes write is kept in bounded files, and errors are passed on."""

import time
from pathlib import Path

import pytest

from compliance.elements import ELEMENTS
from config.embedded.logfile import LogFile


def test_a_log_is_bounded_and_keeps_the_newest_lines(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "web.log", lambda line: None)
    for number in range(400):
        log.feed(b"%06d " % number + b"x" * 60_000 + b"\n")
    log.close()
    files = sorted(file for file in tmp_path.iterdir() if file.suffix != ".begun")
    assert [file.name for file in files] == ["web.log", "web.log.1"]
    assert sum(file.stat().st_size for file in files) < 11_000_000
    assert b"\n000399 " in b"\n" + files[0].read_bytes() + files[1].read_bytes()


@pytest.mark.policy("C6.1")
def test_no_line_is_kept_for_longer_than_the_term_of_logs(tmp_path: Path) -> None:
    begun = tmp_path / "web.log.begun"
    for line in (b"first\n", b"second\n", b"third\n"):
        # Restarts in between do not make a file young.
        log = LogFile(tmp_path / "web.log", lambda line: None)
        log.feed(line)
        log.close()
        half = ELEMENTS["log_id"].retention_days or 0
        begun.write_text(str(time.time() - half / 2 * 86_400 - 60))
    log = LogFile(tmp_path / "web.log", lambda line: None)
    log.feed(b"fourth\n")
    kept = (tmp_path / "web.log").read_bytes() + (tmp_path / "web.log.1").read_bytes()
    log.close()
    assert b"first" not in kept and b"second" not in kept and kept.endswith(b"fourth\n")


def test_errors_are_passed_on_whole_however_they_arrive(tmp_path: Path) -> None:
    errors: list[str] = []
    log = LogFile(tmp_path / "web.log", errors.append)
    for block in (b'{"level":"INFO"}\n{"lev', b'el":"ERROR","message":"broken"}\n', b"LOG:  fine\nFATAL:  gone\n"):
        log.feed(block)
    log.close()
    assert errors == ['{"level":"ERROR","message":"broken"}', "FATAL:  gone"]


def test_the_reason_of_the_last_error_is_kept_whatever_is_written_after_it(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "web.log", lambda line: None)
    log.feed(b'{"levelname":"ERROR","reason":"the first"}\n{"levelname":"ERROR","reason":"no model"}\n')
    log.feed(b"Traceback (most recent call last):\n" + b"  somewhere\n" * 100 + b'{"levelname":"ERROR"}\n')
    log.close()
    assert log.reason == "no model"


def test_a_line_without_an_end_does_not_grow_in_memory(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "web.log", lambda line: None)
    for _ in range(4):
        log.feed(b"y" * 40_000)
    assert (tmp_path / "web.log").stat().st_size > 60_000
    log.close()
    assert log.tail().count("y") == 160_000


def test_a_full_disk_costs_lines_and_ends_nothing(tmp_path: Path) -> None:
    """Red when a log that cannot be written ends its supervisor, and with it everything."""
    errors: list[str] = []
    (tmp_path / "web.log").symlink_to("/dev/full")
    log = LogFile(tmp_path / "web.log", errors.append)
    for line in (b"first\n", b"second\n"):
        log.feed(line)
    log.close()
    assert errors == ["The log web.log loses lines: No space left on device"]
    assert log.tail() == "first\nsecond"
