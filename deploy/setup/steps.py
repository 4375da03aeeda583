"""Running one step of the set-up: skipped when its inputs have not changed, shown while it works."""

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
CACHE = PROJECT / ".cache"
VENV = PROJECT / ".venv"
PYTHON = VENV / "bin" / "python"

_PROGRESS_INTERVAL_S = 5.0
_LINES_SHOWN = 15


class SetupFailed(Exception):
    """A step could not be done; the message says what to do about it."""


def say(message: str) -> None:
    print(f"setup: {message}", flush=True)


def _silence(_message: str) -> None:
    """Where nobody waits for it, progress is no news."""


def digest(*parts: str, files: Iterable[Path] = ()) -> str:
    """A fingerprint of texts and of files (their paths below the project and their bytes)."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part.encode() + b"\0")
    for file in files:
        whole.update(str(file.relative_to(PROJECT)).encode() + b"\0" + file.read_bytes() + b"\0")
    return whole.hexdigest()


def once(stamp: Path, fingerprint: str, work: Callable[[], None]) -> None:
    """Do the work unless the stamp says that it was done for the very same inputs."""
    if stamp.exists() and stamp.read_text() == fingerprint:
        return
    stamp.unlink(missing_ok=True)
    work()
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(fingerprint)


def run(
    command: list[str],
    *,
    what: str,
    counted: str = "",
    total: int = 0,
    cwd: Path = PROJECT,
    environ: Mapping[str, str] | None = None,
    quiet: bool = False,
) -> None:
    """Run a command, showing every few seconds that it works; its own output is shown only when it fails.

    quiet: say nothing unless it fails.
    counted: output lines that start with this word count as progress towards `total`.
    Raises SetupFailed.
    """
    tell = _silence if quiet else say
    tell(f"{what} ...")
    started = shown = time.monotonic()
    lines: list[str] = []
    done = 0
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=None if environ is None else {**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line.rstrip())
        done += bool(counted) and line.lstrip().startswith(counted)
        if lines[-1] and time.monotonic() - shown >= _PROGRESS_INTERVAL_S:
            shown = time.monotonic()
            tell(f"  {done} of {total}" if counted and total else f"  {lines[-1][:100]}")
    if process.wait() != 0:
        # Some tools say first what is wrong, and then explain at length how they are used.
        shortened = lines if len(lines) <= 2 * _LINES_SHOWN else [*lines[:_LINES_SHOWN], "...", *lines[-_LINES_SHOWN:]]
        print("\n".join(shortened), file=sys.stderr)
        raise SetupFailed(f"{what} failed; what it said is above.")
    tell(f"  done in {time.monotonic() - started:.0f} s")
