"""A Chromium for the real-browser tests: the system's, a new one of the system's, or a private one."""

import os
import shutil
import subprocess
from pathlib import Path

from deploy.setup import apt
from deploy.setup.steps import CACHE, SetupFailed, say

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_PACKAGES = ["chromium", "fonts-liberation"]
_FOLDER = CACHE / "chromium"
# The tests read the browser's path from here, unless CHROMIUM_PATH names another.
FOUND = CACHE / "chromium-path"


def install() -> None:
    """Write the path of a browser into FOUND. Raises SetupFailed when none can be had."""
    named = os.environ.get("CHROMIUM_PATH", "")
    if named and not os.access(named, os.X_OK):
        raise SetupFailed(f"CHROMIUM_PATH is {named}, which cannot be run: name a Chromium, or unset it.")
    if not named and FOUND.exists() and os.access(FOUND.read_text(), os.X_OK):
        return
    path = named or _on_the_system() or _new()
    FOUND.parent.mkdir(parents=True, exist_ok=True)
    FOUND.write_text(path)


def _on_the_system() -> str:
    return next((path for name in _NAMES if (path := shutil.which(name))), "")


def _new() -> str:
    if apt.is_root():
        apt.install(_PACKAGES, what="Installing Chromium for the browser tests")
        return _on_the_system()
    tree = apt.unpack(_PACKAGES, _FOLDER, what="Fetching Chromium for the browser tests")
    starter = _starter(tree)
    version = subprocess.run([starter, "--version"], capture_output=True, text=True, timeout=60, check=False)
    if version.returncode != 0:
        raise SetupFailed(f"The private Chromium does not start: {version.stderr.strip()}")
    say(f"  {version.stdout.strip()} in {_FOLDER}")
    return str(starter)


def _starter(tree: Path) -> Path:
    """A script that runs the unpacked browser with its own libraries and fonts."""
    libraries = sorted({str(library.parent) for library in tree.rglob("lib*.so*")})
    fonts = _FOLDER / "fonts.conf"
    families = {"sans-serif": "Liberation Sans", "serif": "Liberation Serif", "monospace": "Liberation Mono"}
    aliases = (
        f"<alias><family>{generic}</family><prefer><family>{family}</family></prefer></alias>"
        for generic, family in families.items()
    )
    fonts.write_text(
        '<?xml version="1.0"?>\n<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">\n<fontconfig>'
        f"<dir>{tree}/usr/share/fonts</dir><dir>/usr/share/fonts</dir><cachedir>{_FOLDER}/fonts</cachedir>"
        f"{''.join(aliases)}"
        f'<include ignore_missing="yes">{tree}/usr/share/fontconfig/conf.avail/30-metric-aliases.conf</include>'
        "</fontconfig>\n"
    )
    starter = _FOLDER / "chromium"
    starter.write_text(
        "#!/bin/sh\n"
        f"export LD_LIBRARY_PATH='{':'.join(libraries)}'\n"
        f"export FONTCONFIG_FILE='{fonts}'\n"
        f"export XDG_DATA_DIRS='{tree}/usr/share:/usr/share'\n"
        f"exec '{tree}/usr/lib/chromium/chromium' \"$@\"\n"
    )
    starter.chmod(0o755)
    return starter
