"""The limit's programs: compiled where there is a C compiler."""

import shutil
import subprocess
import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent


class NoCompiler(RuntimeError):
    """A program of this benchmark is in C, and this machine has no compiler for it; the message says what to install."""


def fanout_command(folder: Path) -> tuple[list[str], str]:
    """The command without its arguments, and what it is. Raises CalledProcessError when the compiler fails."""
    if _compiler() is None:
        return [sys.executable, "-m", "bench.native.writer"], "asyncio (no C compiler here)"
    return [str(compiled("fanout", folder))], "C, epoll"


def compiled(name: str, folder: Path) -> Path:
    """The program made from NAME.c. Raises NoCompiler, and CalledProcessError when the compiler fails."""
    compiler = _compiler()
    if compiler is None:
        raise NoCompiler("This benchmark needs a C compiler: install gcc or clang.")
    program = folder / f"native-{name}"
    subprocess.run([compiler, "-O2", "-Wall", "-Werror", "-o", str(program), str(_HERE / f"{name}.c")], check=True)
    return program


def _compiler() -> str | None:
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
