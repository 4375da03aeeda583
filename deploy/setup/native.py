"""What is compiled on this machine: by its own C compiler, or else by the one that a PyPI wheel brings."""

import shutil
import subprocess
from pathlib import Path

from deploy.setup.steps import CACHE, PYTHON, digest, once, run
from voice.native import COMPILED, SOURCES

_OPTIONS = ["-O2", "-Wall", "-Wextra", "-fstack-protector-strong", "-shared", "-fPIC"]
_WHEEL = CACHE / "c-compiler"
_WHEEL_LOCK = Path(__file__).with_name("requirements-compiler.txt")


def install() -> None:
    """Write the compiled reader. Raises SetupFailed."""
    if COMPILED.exists() and _loads():
        return
    COMPILED.parent.mkdir(parents=True, exist_ok=True)
    new = COMPILED.with_suffix(".new")
    sources = [str(each) for each in sorted(SOURCES.glob("*.c"))]
    run([*compiler(), *_OPTIONS, "-o", str(new), *sources], what="Compiling the media sockets' reader")
    for each in COMPILED.parent.glob("*.so"):
        # A process that has an old one loaded keeps it.
        each.unlink()
    new.rename(COMPILED)
    # Nearly half a gigabyte, for a second's work.
    shutil.rmtree(_WHEEL, ignore_errors=True)


def _loads() -> bool:
    """It may be another machine's, or cut off."""
    load = [str(PYTHON), "-c", "import ctypes, sys; ctypes.CDLL(sys.argv[1])", str(COMPILED)]
    return subprocess.run(load, capture_output=True, check=False).returncode == 0


def compiler() -> list[str]:
    """The command of a C compiler. Raises SetupFailed when none can be had."""
    for name in ("cc", "gcc", "clang"):
        if shutil.which(name) and _makes_libraries(name):
            return [name]
    once(_WHEEL / ".complete", digest(files=[_WHEEL_LOCK]), _fetch_wheel)
    return [
        "env",
        f"PYTHONPATH={_WHEEL}",
        f"ZIG_GLOBAL_CACHE_DIR={_WHEEL / 'zig-cache'}",
        str(PYTHON),
        "-m",
        "ziglang",
        "cc",
        # Not what this processor alone can do.
        "-mcpu=baseline",
    ]


def _makes_libraries(name: str) -> bool:
    """Some machines have a compiler and not all that goes with it."""
    command = [name, *_OPTIONS, "-o", "/dev/null", "-x", "c", "-"]
    return subprocess.run(command, input=b"#include <stdlib.h>\n", capture_output=True, check=False).returncode == 0


def _fetch_wheel() -> None:
    shutil.rmtree(_WHEEL, ignore_errors=True)
    run(
        [
            *(str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar=off"),
            *("--require-hashes", "--only-binary=:all:", "--target", str(_WHEEL), "-r", str(_WHEEL_LOCK)),
        ],
        what="Fetching a C compiler, since this machine has none",
        environ={"PIP_ROOT_USER_ACTION": "ignore"},
    )
