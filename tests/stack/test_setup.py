"""Set-up: from a bare Python, without a word when nothing is missing, from locked files that name no host."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.setup.steps import once

PROJECT = Path(__file__).resolve().parent.parent.parent


def set_up(*arguments: str, isolated: bool = False) -> subprocess.CompletedProcess[str]:
    # -S leaves out all installed packages, as on a machine that has none.
    command = [sys.executable, *(["-S"] if isolated else []), "-m", "deploy.setup", *arguments]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=300, check=False)


def test_it_needs_the_standard_library_alone() -> None:
    said = set_up("no-such-part", isolated=True)
    assert said.returncode == 2
    assert "there is no part no-such-part" in said.stderr


def test_it_is_silent_when_nothing_is_missing() -> None:
    set_up("python")
    said = set_up("python")
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


def test_a_step_is_done_once_for_the_same_inputs_and_again_after_a_failure(tmp_path: Path) -> None:
    done: list[str] = []

    def fail() -> None:
        raise RuntimeError

    stamp = tmp_path / "folder" / "stamp"
    once(stamp, "a", lambda: done.append("first"))
    once(stamp, "a", lambda: done.append("again"))
    once(stamp, "b", lambda: done.append("changed"))
    with pytest.raises(RuntimeError):
        once(stamp, "c", fail)
    once(stamp, "b", lambda: done.append("after a failure"))
    assert done == ["first", "changed", "after a failure"]


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-models.txt", "deploy/setup/requirements-node.txt"])
def test_every_python_package_is_pinned_with_its_hashes(name: str) -> None:
    text = (PROJECT / name).read_text()
    packages = re.findall(r"^([A-Za-z0-9][^ ;]*?)(?: ;.*)?(?: \\)?$", text, flags=re.MULTILINE)
    assert packages
    assert [package for package in packages if "==" not in package] == []
    assert text.count("--hash=sha256:") >= len(packages)
    assert "http" not in re.sub(r"^[A-Za-z0-9][^ ]*", "", text, flags=re.MULTILINE)


def test_the_npm_lock_file_names_no_host() -> None:
    assert '"resolved"' not in (PROJECT / "frontend" / "package-lock.json").read_text()
