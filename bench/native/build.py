"""The limit's programs, compiled as the set-up compiles the product's own."""

import subprocess
from pathlib import Path

from deploy.setup.native import compiler

_HERE = Path(__file__).resolve().parent
_OPTIONS = ["-O2", "-Wall", "-Werror"]


def compiled(name: str, folder: Path) -> Path:
    """The program made from NAME.c. Raises CalledProcessError when it fails, SetupFailed when there is no compiler to be had."""
    program = folder / f"native-{name}"
    subprocess.run([*compiler(), *_OPTIONS, "-o", str(program), str(_HERE / f"{name}.c")], check=True)
    return program
