"""The limit's program: compiled where there is a C compiler, else the Python one."""

import shutil
import subprocess
import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent


def fanout_command(folder: Path) -> tuple[list[str], str]:
    """The command without its arguments, and what it is. Raises CalledProcessError when the compiler fails."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return [sys.executable, "-m", "bench.native.writer"], "asyncio (no C compiler here)"
    program = folder / "fanout"
    subprocess.run([compiler, "-O2", "-Wall", "-Werror", "-o", str(program), str(_HERE / "fanout.c")], check=True)
    return [str(program)], "C, epoll"
