"""The harness of kills sees what it looks for: no unique key of a charge, no lock of the accounts, no adjustment at the settlement,
each taken out on purpose, turn it red.
"""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from config.embedded.children import die_with_parent
from tests.chaos.ledger.plants import PLANTS, copy_without

# What of the tally tells of a missing guard.
SHOWN_BY = {"unique_key": ("doubled",), "lock": ("lost", "doubled"), "settlement": ("lost", "doubled")}


@pytest.mark.parametrize("guard", PLANTS)
def test_the_same_harness_turns_red_without_any_one_of_its_guards(guard: str, tmp_path: Path) -> None:
    harness = subprocess.run(
        [sys.executable, "-m", "tests.chaos", "ledger", "--patience", "5", "--until-wrong"],
        cwd=copy_without(guard, tmp_path / guard),
        capture_output=True,
        text=True,
        preexec_fn=die_with_parent(signal.SIGKILL),
        timeout=600,
    )
    assert harness.returncode == 1 and harness.stdout, harness.stderr
    result = json.loads(harness.stdout.splitlines()[-1])
    assert not result["ok"]
    assert any(result[kind] for kind in SHOWN_BY[guard]), harness.stderr
