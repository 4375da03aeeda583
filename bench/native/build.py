"""The limit's programs, compiled: by the machine's C compiler, or else by the one that a PyPI wheel brings."""

import shutil
import subprocess
from pathlib import Path

from bench.apart import python_with

_HERE = Path(__file__).resolve().parent
_OPTIONS = ["-O2", "-Wall", "-Werror"]


def compiled(name: str, folder: Path) -> Path:
    """The program made from NAME.c. Raises CalledProcessError when there is no compiler to be had, or it fails."""
    program = folder / f"native-{name}"
    subprocess.run([*_compiler(), *_OPTIONS, "-o", str(program), str(_HERE / f"{name}.c")], check=True)
    return program


def _compiler() -> list[str]:
    for name in ("cc", "gcc", "clang"):
        if shutil.which(name):
            return [name]
    python = python_with("c-compiler", _HERE / "compiler.txt", "a C compiler")
    return [str(python), "-m", "ziglang", "cc"]
