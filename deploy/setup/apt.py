"""Debian packages: installed by root, or unpacked into a folder of the project by anyone else."""

import os
import shutil
import subprocess
from pathlib import Path

from deploy.setup.steps import SetupFailed, run


def is_root() -> bool:
    return os.geteuid() == 0


def install(packages: list[str], *, what: str) -> None:
    """Install into the system; needs root. Raises SetupFailed."""
    _demand_apt(packages)
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update", "-q"], what="Reading the lists of Debian packages", environ=quiet)
    options = ["-y", "-q", "--no-install-recommends"]
    run(["apt-get", "install", *options, *packages], what=what, environ=quiet)


def unpack(packages: list[str], folder: Path, *, what: str) -> Path:
    """Put packages and those of their dependencies that the system lacks into a folder, without root.

    apt keeps its state below the folder and never installs; no script of a package is run. Returns the root
    of the unpacked tree. Raises SetupFailed.
    """
    _demand_apt(packages)
    tree = folder / "root"
    shutil.rmtree(folder, ignore_errors=True)
    for made in (tree, folder / "state/lists/partial", folder / "cache/archives/partial", folder / "log"):
        made.mkdir(parents=True)
    options = {
        "Dir::State": folder / "state",
        "Dir::State::lists": folder / "state/lists",
        "Dir::State::status": Path("/var/lib/dpkg/status"),
        "Dir::Cache": folder / "cache",
        "Dir::Log": folder / "log",
        # Only the system's own folders are locked by root's apt, and none of them is used here.
        "Debug::NoLocking": "true",
        "APT::Sandbox::User": "",
    }
    apt_get = [
        "apt-get",
        "-q",
        *(part for name, value in options.items() for part in ("-o", f"{name}={value}")),
    ]
    run([*apt_get, "update"], what="Reading the lists of Debian packages")
    run([*apt_get, "install", "-y", "--download-only", "--no-install-recommends", *packages], what=what)
    archives = sorted((folder / "cache/archives").glob("*.deb"))
    for archive in archives:
        subprocess.run(["dpkg", "-x", str(archive), str(tree)], check=True)
    shutil.rmtree(folder / "cache")
    shutil.rmtree(folder / "state")
    return tree


def _demand_apt(packages: list[str]) -> None:
    if shutil.which("apt-get") is None:
        raise SetupFailed(f"This system has no apt-get: install {', '.join(packages)} by its own means.")
