"""Packages that one benchmark needs and the product does not: in an environment of their own, made the first time."""

import subprocess
import sys
import venv
from pathlib import Path

from bench.machine import PROJECT
from bench.report import say


def python_with(name: str, requirements: Path, what: str) -> Path:
    """The interpreter of `.cache/NAME`, in which the requirements (exact versions, with hashes) are installed.

    Raises CalledProcessError when they cannot be installed.
    """
    folder = PROJECT / ".cache" / name
    python = folder / "bin" / "python"
    complete = folder / ".complete"
    wanted = requirements.read_text()
    if not complete.exists() or complete.read_text() != wanted:
        say(f"installing {what}, for this benchmark only")
        venv.create(folder, clear=True, with_pip=True)
        install = [str(python), "-m", "pip", "install", "-q", "-q", "-q", "--require-hashes", "-r", str(requirements)]
        subprocess.run(install, check=True, stdout=sys.stderr)
        complete.write_text(wanted)
    return python
