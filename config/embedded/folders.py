"""Where one stack keeps its things below its data folder."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

# The kernel refuses unix socket paths of 108 bytes and more; the longest name in the folder is 20.
_LONGEST_RUN_FOLDER = 80


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders of one stack; all of them private to the user who runs it."""

    data: Path
    run: Path
    logs: Path
    postgres: Path

    @property
    def lock(self) -> Path:
        return self.data / "stack.lock"

    @property
    def state(self) -> Path:
        """JSON: what runs now, under which process ids and on which ports."""
        return self.data / "stack.json"

    @property
    def demo(self) -> Path:
        """How to sign in to the demo workspace, once that is made."""
        return self.data / "demo.txt"

    @property
    def secrets(self) -> Path:
        return self.data / "secrets.json"


def make(data_dir: Path) -> Folders:
    """Create what is missing. The sockets go elsewhere when `data_dir` is too long a path for the kernel.

    Raises OSError when a folder cannot be made, PermissionError when another user owns the sockets' folder.
    """
    data = data_dir.resolve()
    run = data / "run"
    if len(os.fsencode(run)) > _LONGEST_RUN_FOLDER:
        digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
        run = Path(tempfile.gettempdir()) / f"klosesales-{os.getuid()}-{digest}"
    folders = Folders(data=data, run=run, logs=data / "logs", postgres=data / "postgres")
    for folder in (folders.data, folders.run, folders.logs):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if run.stat().st_uid != os.getuid() or run.is_symlink():
        raise PermissionError(f"{run} belongs to another user; remove it or choose a shorter DATA_DIR.")
    return folders
